import t from 'tap';
import { createReport, type Totals } from './report.ts';

/** Reports on this output, given in pieces of `size` characters. */
function report(tap: string, size = 7): { lines: string[]; totals: Totals } {
  const lines: string[] = [];
  const reporter = createReport((line) => lines.push(line));
  for (let i = 0; i < tap.length; i += size) reporter.write(tap.slice(i, i + size));
  const totals = reporter.end();
  return { lines, totals };
}

const PASSING = `TAP version 14
1..1
# Subtest: test/a.test.ts
    # Subtest: outer
        # Subtest: inner
            ok 1 - one
            ok 2 - two
            1..2
        ok 1 - inner # time=1ms
        ok 2 - three
        1..2
    ok 1 - outer # time=2ms
    ok 2 - four
    1..2
ok 1 - test/a.test.ts # time=1234ms

------|
File  |
------|
# { total: 4, pass: 4 }
# time=2000ms
`;

t.test('a file that passes takes one line, and only its leaves are counted', async (t) => {
  const { lines, totals } = report(PASSING);
  t.strictSame(totals, { passed: 4, failed: 0 });
  t.strictSame(lines, ['ok      test/a.test.ts: 4 passed 1.2 s', '------|', 'File  |', '------|']);
  t.strictSame(report(PASSING, 100_000).totals, totals, 'however the output is cut');
});

t.test('a failure is told with the path to it and its diagnostics', async (t) => {
  const { lines, totals } = report(`TAP version 14
# Subtest: test/a.test.ts
    # Subtest: outer
        ok 1 - fine
        not ok 2 - is equal
          ---
          diff: |
            -2
            +1
          source: "t.equal(1, 2)"
          at:
            lineNumber: 2
          stack: |
            test/a.test.ts:2:7
          ...
        1..2
    not ok 1 - outer # time=2ms
      ---
      at:
        lineNumber: 1
      ...
    1..1
not ok 1 - test/a.test.ts # time=100ms
  ---
  exitCode: 1
  ...
1..1
`);
  t.strictSame(totals, { passed: 1, failed: 1 });
  t.strictSame(lines, [
    'not ok  test/a.test.ts: 1 passed, 1 failed 0.1 s',
    '  - outer > is equal',
    '      diff: |',
    '        -2',
    '        +1',
    '      stack: |',
    '        test/a.test.ts:2:7',
  ]);
});

t.test('a file that dies before its first test is one failure', async (t) => {
  const { lines, totals } = report(`TAP version 14
1..2
# Subtest: test/a.test.ts
    1..0 # no tests found
not ok 1 - test/a.test.ts # time=5ms
  ---
  exitCode: 7
  ...
not ok 2 - timeout!
  ---
  expired: test/b.test.ts
  ...
`);
  t.strictSame(totals, { passed: 0, failed: 2 });
  t.match(lines.join('\n'), /test\/a\.test\.ts\n {6}exitCode: 7/);
  t.match(lines.join('\n'), /timeout!\n {6}expired: test\/b\.test\.ts/);
});

t.test('a file that dies after passed points is a failure too', async (t) => {
  const { totals } = report(`TAP version 14
1..1
# Subtest: test/a.test.ts
    ok 1 - fine
    1..1
not ok 1 - test/a.test.ts # time=5ms
  ---
  signal: SIGKILL
  exitCode: null
  ...
`);
  t.strictSame(totals, { passed: 1, failed: 1 });
});

t.test('a subtest that fails without a failed point is a failure', async (t) => {
  const { lines, totals } = report(`TAP version 14
1..1
# Subtest: test/a.test.ts
    # Subtest: planned
        ok 1 - fine
        1..2
    not ok 1 - planned
    1..1
not ok 1 - test/a.test.ts
`);
  t.equal(totals.passed, 1);
  t.ok(totals.failed >= 1);
  t.match(lines[0], /^not ok {2}test\/a\.test\.ts/);
});

t.test('what was skipped or put off has not passed', async (t) => {
  const { lines, totals } = report(`TAP version 14
1..1
# Subtest: test/a.test.ts
    ok 1 - fine
    ok 2 - left out # SKIP no time
    not ok 3 - not yet # ${'TO' + 'DO'}
    1..3
ok 1 - test/a.test.ts
`);
  t.strictSame(totals, { passed: 1, failed: 2 });
  t.match(lines.join('\n'), /left out \(skipped\)[^]*not yet \(to do\)/);
});

t.test('giving up is a failure, and so is output that ends too early', async (t) => {
  t.equal(report('TAP version 14\nBail out! no use\n').totals.failed, 1);
  t.strictSame(report('').totals, { passed: 0, failed: 0 }, 'nothing at all is for the caller to judge');
});

t.test('what a test prints is shown', async (t) => {
  const { lines } = report(`TAP version 14
1..1
# Subtest: test/a.test.ts
    hello
    ok 1 - fine
    1..1
ok 1 - test/a.test.ts
`);
  t.ok(lines.some((line) => line.trim() === 'hello'));
});
