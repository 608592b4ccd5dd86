import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const DEADLINE = fileURLToPath(new URL('deadline.ts', import.meta.url));

/** Runs a test file of this text with that deadline. */
function run(
  t: { testdir(): string },
  seconds: number,
  text: string,
): { status: number | null; stdout: string; stderr: string } {
  const file = join(t.testdir(), 'some.mjs');
  writeFileSync(file, `import t from 'tap';\n${text}`);
  return spawnSync(process.execPath, [`--import=file://${DEADLINE}?seconds=${seconds}`, file], { encoding: 'utf8' });
}

t.test('a file that hangs is ended, and the test that hung is named', async (t) => {
  const { status, stdout, stderr } = run(
    t,
    1,
    "t.test('hangs', () => new Promise(() => setInterval(() => {}, 1000)));",
  );
  t.equal(status, 1);
  t.match(stderr, /some\.mjs did not end within 1 s\./);
  t.match(stdout, /not ok 1 - test unfinished[^]*test: hangs/);
});

t.test('a file that ends in time is left alone, and not kept waiting', async (t) => {
  const { status, stderr } = run(t, 3600, "t.test('is quick', async (t) => t.ok(true));");
  t.equal(status, 0);
  t.equal(stderr, '');
});
