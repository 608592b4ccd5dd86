/**
 * `npm test`: sees to it that what the tests need is there, runs them under tap, and ends with the line
 * `N passed, N failed`. Arguments go to tap: files, folders (`npm test -- test/core`) or its options.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureRedisServer } from './redis.ts';
import { createReport, type Totals } from './report.ts';

/** How long one test file may take. .taprc has a longer one, for a file that does not even notice its own. */
const FILE_SECONDS = 120;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Puts the test files in it in the place of a folder; tap would run every file there, helpers too. */
function expandFolders(args: readonly string[]): string[] {
  return args.flatMap((arg) => {
    const isFolder = statSync(join(ROOT, arg), { throwIfNoEntry: false })?.isDirectory() === true;
    if (!isFolder) return [arg];
    const files = globSync(join(arg, '**/*.test.ts'), { cwd: ROOT }).sort();
    // Without a file tap would run all there are.
    return files.length > 0 ? files : [join(arg, '*.test.ts')];
  });
}

/** Starts tap and reports on it. @returns its totals and exit code */
async function runTap(args: readonly string[]): Promise<{ totals: Totals; exitCode: number }> {
  const tap = fileURLToPath(new URL('run.mjs', import.meta.resolve('tap')));
  const deadline = new URL(`deadline.ts?seconds=${FILE_SECONDS}`, import.meta.url).href;
  const options = ['--reporter=tap', '--no-color', `--node-arg=--import=${deadline}`];
  const child = spawn(process.execPath, [tap, 'run', ...options, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal));
  const report = createReport((line) => process.stdout.write(`${line}\n`));
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk: string) => report.write(chunk));
  const [code] = (await closed) as [number | null];
  return { totals: report.end(), exitCode: code ?? 1 };
}

async function main(): Promise<number> {
  const missing = ensureRedisServer({
    path: process.env['PATH'] ?? '',
    uid: process.geteuid?.(),
    servicePolicyFile: '/usr/sbin/policy-rc.d',
    announce: (line) => process.stdout.write(`${line}\n`),
  });
  if (missing !== null) {
    process.stdout.write(`${missing}\n0 passed, 1 failed\n`);
    return 1;
  }
  const { totals, exitCode } = await runTap(expandFolders(process.argv.slice(2)));
  const { passed } = totals;
  let { failed } = totals;
  if (failed === 0 && passed === 0) process.stdout.write('No test ran.\n');
  // A crash of tap itself, or a run without a single test, is a failure that no test point stands for.
  if (failed === 0 && (exitCode !== 0 || passed === 0)) failed = 1;
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : exitCode || 1;
}

process.exitCode = await main();
