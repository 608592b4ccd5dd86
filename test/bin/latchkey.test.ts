import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const BIN = fileURLToPath(new URL('../../bin/latchkey.js', import.meta.url));
const RUNTIME_PACKAGE = fileURLToPath(new URL('../../node_modules/node', import.meta.url));

/** Says in one line what it is and what it was given; waits for a signal when told to, otherwise ends with 7. */
const MAIN = (name: string): string => `
const said = { name: '${name}', pid: process.pid, version: process.versions.node, args: process.argv.slice(2) };
if (said.args[0] === 'wait') {
  process.on('SIGTERM', () => process.exit(9));
  setInterval(() => {}, 1000);
} else process.exitCode = 7;
console.log(JSON.stringify(said));
`;

/** Makes the process that loads it look like one of an old Node. */
const PRETEND_OLD = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } });
Object.defineProperty(process, 'version', { value: 'v20.0.0' });`;

interface Layout {
  /** Below a folder of its own. */
  readonly at?: string;
  readonly source?: boolean;
  readonly built?: boolean;
  readonly runtime?: boolean;
}

/** A package with the real bin/latchkey.js in it, and a main that only says that it ran. */
function layOut(t: { teardown(end: () => void): void }, layout: Layout): string {
  // Outside the project, whose own node_modules would be found from below it.
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'latchkey-bin-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const root = join(folder, layout.at ?? '.');
  for (const part of ['bin', 'src', 'dist', 'node_modules']) mkdirSync(join(root, part), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(root, 'old.cjs'), PRETEND_OLD);
  copyFileSync(BIN, join(root, 'bin', 'latchkey.js'));
  if (layout.source) writeFileSync(join(root, 'src', 'main.ts'), `const typed: number = 1;${MAIN('source')}typed;`);
  if (layout.built) writeFileSync(join(root, 'dist', 'main.js'), MAIN('built'));
  if (layout.runtime) symlinkSync(RUNTIME_PACKAGE, join(root, 'node_modules', 'node'));
  return root;
}

function start(root: string, args: readonly string[], old = false): ChildProcessWithoutNullStreams {
  const preload = old ? ['--require', join(root, 'old.cjs')] : [];
  return spawn(process.execPath, [...preload, join(root, 'bin', 'latchkey.js'), ...args]);
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, stdout, stderr };
}

interface Said {
  readonly name: string;
  readonly pid: number;
  readonly version: string;
  readonly args: readonly string[];
}

t.test('in a clone it runs the source, in the same process', async (t) => {
  const child = start(layOut(t, { source: true, built: true }), ['keys', '--json']);
  const { code, stdout, stderr } = await ended(child);
  const said = JSON.parse(stdout) as Said;
  t.strictSame(
    { name: said.name, pid: said.pid, args: said.args },
    { name: 'source', pid: child.pid, args: ['keys', '--json'] },
  );
  t.equal(code, 7);
  t.equal(stderr, '');
});

t.test('in a built package it runs what was built', async (t) => {
  const { code, stdout } = await ended(start(layOut(t, { built: true }), []));
  t.match(JSON.parse(stdout), { name: 'built' });
  t.equal(code, 7);
});

t.test('under node_modules it runs what was built, for no TypeScript runs there', async (t) => {
  const root = layOut(t, { at: 'node_modules/latchkey', source: true, built: true });
  t.match(JSON.parse((await ended(start(root, []))).stdout), { name: 'built' });
});

t.test('an old Node hands over to the pinned runtime: arguments, output and exit code', async (t) => {
  const child = start(layOut(t, { source: true, runtime: true }), ['keys', 'list', '--json'], true);
  const { code, stdout, stderr } = await ended(child);
  const said = JSON.parse(stdout) as Said;
  t.strictSame(said.args, ['keys', 'list', '--json']);
  t.not(said.pid, child.pid);
  t.not(said.version, '20.0.0');
  t.equal(code, 7);
  t.equal(stderr, '');
});

t.test('signals reach the one that was handed over to, and its end is the end', async (t) => {
  const root = layOut(t, { source: true, runtime: true });
  const asked = start(root, ['wait'], true);
  const end = ended(asked);
  await once(asked.stdout, 'data');
  asked.kill('SIGTERM');
  t.match(await end, { code: 9, signal: null });

  const killed = start(root, ['wait'], true);
  const [line] = (await once(killed.stdout, 'data')) as [Buffer];
  process.kill((JSON.parse(line.toString()) as Said).pid, 'SIGKILL');
  t.match(await ended(killed), { code: null, signal: 'SIGKILL' });
});

t.test('an old Node without a pinned runtime is told in one line what is needed', async (t) => {
  const { code, stdout, stderr } = await ended(start(layOut(t, { source: true }), [], true));
  t.equal(code, 1);
  t.equal(stdout, '');
  t.equal(stderr, 'latchkey needs Node.js 24 or newer; this is v20.0.0.\n');
});
