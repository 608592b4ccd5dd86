/** Does what the README says to type, in a folder that looks like a fresh clone. */
import { spawn } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { ended, folder, type Result } from './cli/run.ts';
import { ANYWHERE, Serving } from './cli/serving.ts';
import { ask, until } from './e2e/site.ts';
import { startRawUpstream } from './support/raw-upstream.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const SECRET = /^lk_[0-9A-Za-z]{49}$/;

/** The blocks that are to be run, by name, each as it stands. */
function tour(text: string): ReadonlyMap<string, string> {
  const marks = text.match(/^<!-- tour: .*$/gm) ?? [];
  const blocks = [...text.matchAll(/^<!-- tour: ([a-z-]+) -->\n```sh\n(.*?)^```$/gms)];
  if (blocks.length !== marks.length) throw new Error(`a mark without a block: ${marks.join(' ')}`);
  const named = new Map(blocks.map(([, name = '', block = '']) => [name, block]));
  if (named.size !== blocks.length) throw new Error(`a name is given twice: ${marks.join(' ')}`);
  return named;
}

const BLOCKS = tour(README);

/** Names of blocks that no test has asked for; at the end, those that none knows how to run. */
const unknown = new Set(BLOCKS.keys());

function block(name: string): string {
  const found = BLOCKS.get(name);
  if (found === undefined) throw new Error(`README.md has no block "${name}"`);
  unknown.delete(name);
  return found;
}

/** Runs lines as a shell does that stops at the first failure, with this checkout as the package. */
function shell(cwd: string, lines: string, environment: Readonly<Record<string, string>> = {}) {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const here = lines.replaceAll('npm start', scripts.start).replaceAll('npx latchkey', 'node bin/latchkey.js');
  const commands = here.replaceAll('node bin/latchkey.js', '"$RUNTIME" "$PROGRAM"');
  const text = commands.replaceAll(/^curl /gm, '"$RUNTIME" "$CURL" ');
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: cwd,
    RUNTIME: process.execPath,
    PROGRAM: join(ROOT, 'bin', 'latchkey.js'),
    // Not everybody who runs the tests has curl.
    CURL: join(ROOT, 'test', 'support', 'curl.ts'),
    ...environment,
  };
  return spawn('sh', ['-eu', '-c', text], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Does what a block says. */
function run(cwd: string, lines: string): Promise<Result> {
  return ended(shell(cwd, lines));
}

/** Starts the one command of a block, which serves until the test ends. @param more options for it */
async function startServing(t: Test, cwd: string, lines: string, more: readonly string[]): Promise<Serving> {
  const [command = '', ...others] = lines.trim().split('\n');
  t.strictSame(others, [], 'one line');
  // The shell makes way, so that signals reach the program itself.
  const serving = new Serving(shell(cwd, `exec ${command} ${more.join(' ')}`));
  t.teardown(async () => {
    serving.child.kill('SIGKILL');
    await serving.ended;
  });
  await serving.until('; configuration: ');
  return serving;
}

/** Makes the key of a block, whose secret alone is on standard output. */
async function createKey(t: Test, cwd: string, name: string): Promise<{ id: string; secret: string }> {
  const { code, stdout, stderr } = await run(cwd, block(name));
  t.equal(code, 0, stderr);
  const secret = stdout.trim();
  t.match(secret, SECRET);
  return { secret, id: /key_[0-9a-f]+/.exec(stderr)?.[0] ?? '' };
}

/** What a clone has that matters to the commands: the configuration. */
function clone(t: Test): string {
  const path = folder(t);
  cpSync(join(ROOT, 'config'), join(path, 'config'), { recursive: true });
  return path;
}

t.test("in front of an API of one's own", async (t) => {
  const cwd = clone(t);
  const upstream = await startRawUpstream(t, (request) => request.ok('your API'));
  const lines = block('drop-in');
  t.match(lines, 'http://localhost:3000');
  const serving = await startServing(t, cwd, lines.replace('http://localhost:3000', upstream.url), ANYWHERE);
  const { secret } = await createKey(t, cwd, 'first-key');
  t.match(await ask(`${serving.url}/`, secret), { status: 200, body: 'your API' });
  t.equal((await fetch(`${serving.url}/`)).status, 401);
});

t.test('the demo', async (t) => {
  const cwd = clone(t);
  const serving = await startServing(t, cwd, block('demo'), ANYWHERE);
  const domains = `${serving.url}/api/domains`;

  await t.test('keys for it', async (t) => {
    await createKey(t, cwd, 'restricted-key');
    const { secret } = await createKey(t, cwd, 'service-key');
    t.match(await ask(domains, secret), { status: 200, body: 'example.com' });
    const made = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"example.net"}' };
    t.equal((await ask(domains, secret, made)).status, 201);
    t.match(await ask(`${domains}/1`, secret, { method: 'DELETE' }), { status: 403, code: 'permission_denied' });
  });

  await t.test('their life', async (t) => {
    const { id, secret } = await createKey(t, cwd, 'service-key');
    t.equal((await ask(domains, secret)).status, 200);
    const lines = block('manage');
    t.match(lines, 'KEY_ID');
    const { code, stdout, stderr } = await run(cwd, lines.replaceAll('KEY_ID', id));
    t.equal(code, 0, stderr);
    t.match(stdout, new RegExp(`^${id} .*…${secret.slice(-4)} `, 'm'), 'it is listed, by its hint');
    const rotated = stdout.split('\n').find((line) => SECRET.test(line)) ?? '';
    t.not(rotated, secret);
    for (const each of [secret, rotated]) {
      await until(async () => (await ask(domains, each)).code === 'key_revoked');
    }
  });
});

t.test('what is told of a key afterwards, and the same over the API', async (t) => {
  const cwd = clone(t);
  const serving = await startServing(t, cwd, block('demo'), ANYWHERE);
  const { id, secret } = await createKey(t, cwd, 'service-key');
  t.equal((await ask(`${serving.url}/api/domains`, secret)).status, 200);
  const lines = block('usage');
  t.match(lines, 'KEY_ID');
  await until(async () => {
    const { code, stdout, stderr } = await run(cwd, lines.replaceAll('KEY_ID', id));
    t.equal(code, 0, stderr);
    return stdout.includes('/api/domains') && stdout.includes('key.create');
  });
  const { code, stdout, stderr } = await run(
    cwd,
    block('rest').replaceAll('http://localhost:8081', serving.managementUrl),
  );
  t.equal(code, 0, stderr);
  t.match(stdout, /"name":"from a script".*"secret":"lk_/, 'the key that was made');
  t.match(stdout, /"keys":\[\{.*"pagination":\{"total":3,/, 'the list');
  t.match(stdout, /^key_[0-9a-f]+ +from a script +service +you +active /m, 'the table');
});

t.test('why a request is refused', async (t) => {
  const cwd = clone(t);
  await startServing(t, cwd, block('demo'), ANYWHERE);
  const { id } = await createKey(t, cwd, 'service-key');
  const { code, stdout, stderr } = await run(cwd, block('explain').replaceAll('KEY_ID', id));
  t.equal(code, 0, stderr);
  t.match(stdout, /^Refused: 403 permission_denied/);
  t.match(stdout, `latchkey keys update ${id}`, 'what would let it through');
});

t.test('its own configuration has no mistakes', async (t) => {
  const { code, stdout, stderr } = await run(clone(t), block('check'));
  t.equal(code, 0, stderr);
  t.match(stdout, 'no mistakes');
});

t.test('each block that is marked was run', async (t) => {
  t.strictSame([...unknown], []);
});
