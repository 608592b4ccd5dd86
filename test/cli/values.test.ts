import t from 'tap';
import { CliError } from '../../src/cli/failure.ts';
import { expiryTime, parseCount, parseDays, parseExpiry, parseMetadata } from '../../src/cli/keys/values.ts';

const NOW = Date.UTC(2026, 10, 22, 12, 30);

/** The message of the usage error that a call ends in. */
function complaint(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof CliError && error.code === 'USAGE') return error.message;
    throw error;
  }
  return 'no error';
}

t.test('an expiry is a duration from now, a day in UTC, a moment with its offset, or never', async (t) => {
  const time = (text: string): string | null => {
    const at = expiryTime(parseExpiry(text), NOW);
    return at === null ? null : new Date(at).toISOString();
  };
  t.equal(time('90d'), '2027-02-20T12:30:00.000Z');
  t.equal(time('1s'), '2026-11-22T12:30:01.000Z');
  t.equal(time('2027-01-01'), '2027-01-01T00:00:00.000Z');
  t.equal(time('2028-02-29'), '2028-02-29T00:00:00.000Z');
  t.equal(time('2027-01-01T17:00Z'), '2027-01-01T17:00:00.000Z');
  t.equal(time('2027-01-01T17:00:30.5+02:00'), '2027-01-01T15:00:30.500Z');
  t.equal(time('never'), null);
});

t.test('what is no expiry is refused with what was expected', async (t) => {
  for (const text of ['soon', '2027-1-1', '2027-02-30', '2027-13-01', '2027-01-01T17:00:00', '2027', '90', '']) {
    t.match(
      complaint(() => parseExpiry(text)),
      new RegExp(`^--expires: "${text}" is not a time; expected 90d,`),
      text,
    );
  }
  for (const text of ['0', '0d', '999ms', '36501d']) {
    t.equal(
      complaint(() => parseExpiry(text)),
      `--expires: "${text}" is not between 1s and 36500d from now`,
    );
  }
});

t.test('days are ranges and lists of names, short or long, in the order of the week', async (t) => {
  const week = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
  t.strictSame(parseDays('mon-fri'), week.slice(0, 5));
  t.strictSame(parseDays('wed,mon'), ['monday', 'wednesday']);
  t.strictSame(parseDays('Saturday,SUN'), ['saturday', 'sunday']);
  t.strictSame(parseDays('fri-mon'), ['monday', 'friday', 'saturday', 'sunday']);
  t.strictSame(parseDays('mon-sun'), week);
  t.strictSame(parseDays('tue-tue'), ['tuesday']);
  t.strictSame(parseDays('thurs, mon-tues'), ['monday', 'tuesday', 'thursday']);
  for (const text of ['funday', 'mo', '', 'mon-', '-mon', 'mon-wed-fri', 'mon;tue', 'mondays']) {
    t.match(
      complaint(() => parseDays(text)),
      /^--days: ".*" is not a day or a range of days; expected days like/,
      text,
    );
  }
});

t.test('metadata is name=value; the value may hold anything', async (t) => {
  t.strictSame(parseMetadata(['team=billing', 'query=a=b', 'empty=']), { team: 'billing', query: 'a=b', empty: '' });
  t.equal(
    complaint(() => parseMetadata(['team'])),
    '--metadata: "team" is not name=value, like team=billing',
  );
  t.equal(
    complaint(() => parseMetadata(['=x'])),
    '--metadata: "=x" is not name=value, like team=billing',
  );
  t.equal(
    complaint(() => parseMetadata(['a=1', 'a=2'])),
    '--metadata: "a" is given twice',
  );
  t.ok(Object.hasOwn(parseMetadata(['__proto__=x']), '__proto__'), 'no name is special');
});

t.test('a count is a whole number', async (t) => {
  t.equal(parseCount('burst', '20'), 20);
  for (const text of ['-1', '1.5', '1e3', '', 'many', '0x10', ' 1']) {
    t.equal(
      complaint(() => parseCount('burst', text)),
      `--burst: "${text}" is not a whole number`,
    );
  }
});
