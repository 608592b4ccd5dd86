import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { logged } from '../e2e/fleet.ts';
import { until } from '../e2e/site.ts';
import { cli, folder, latchkey } from './run.ts';
import { ANYWHERE, serve } from './serving.ts';

const UPSTREAM = ['--upstream', 'http://127.0.0.1:9'];
/** What a pipe takes in one piece. */
const PIPE_BYTES = 4096;

t.test('a number that makes no sense is refused', async (t) => {
  for (const workers of ['0', '65', 'two', '1.5', '1e1']) {
    const { code, stderr } = await cli(['serve', ...UPSTREAM, '--workers', workers]);
    t.equal(code, 2);
    t.equal(stderr, 'latchkey: --workers: expected a number from 1 to 64, or auto\n');
  }
});

/** A start that fails says why in one line. Returns the line. */
async function refused(t: Test, cwd: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await latchkey(['serve', ...UPSTREAM, '--workers', '2', ...args], { cwd });
  t.equal(code, 1, 'exit code');
  t.equal(stdout, '');
  t.match(stderr, /^[^\n]+\n$/, 'one line');
  return stderr.trimEnd();
}

/** A port that another program has. */
async function takenPort(t: Test): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as { port: number }).port;
}

t.test('what a worker cannot start for is told in one line', async (t) => {
  const address = `127.0.0.1:${await takenPort(t)}`;
  const taken = (name: string, option: string): string =>
    `latchkey: ${name}.listen: ${address} is in use by another program; stop that one, or choose another port (${option})`;
  const health = ['--health-listen', '127.0.0.1:0'];
  const off = ['--management-listen', 'off'];
  const [proxy, management, file] = await Promise.all([
    refused(t, folder(t), '--listen', address, ...off, ...health),
    refused(t, folder(t), '--listen', '127.0.0.1:0', '--management-listen', address, ...health),
    refused(t, folder(t), ...ANYWHERE, '--store', 'sqlite:/dev/null/keys.db'),
  ]);
  t.equal(proxy, taken('proxy', '--listen'));
  t.equal(management, taken('management', '--management-listen'));
  t.match(file, /^latchkey: The store .*\/dev\/null/);
});

t.test('a second gateway does not slip in among the workers of the first', async (t) => {
  const cwd = folder(t);
  const first = await serve(t, [...UPSTREAM, '--workers', 'auto', ...ANYWHERE], { cwd });
  const workers = Math.min(64, availableParallelism());
  // With one there is nobody to supervise.
  if (workers === 1) t.notMatch(first.stderr, /^workers:/m);
  else t.match(first.stderr, `\nworkers: ${workers}, pids `);
  const { port } = new URL(first.url);
  const there = ['--listen', `127.0.0.1:${port}`, '--management-listen', 'off', '--health-listen', '127.0.0.1:0'];
  t.match(await refused(t, folder(t), ...there), `proxy.listen: 127.0.0.1:${port} is in use by another program`);
});

t.test('the demo is protected by several workers too, whose lines are whole', async (t) => {
  const cwd = folder(t);
  mkdirSync(join(cwd, 'data'));
  // A worker warns of it while it starts, before anybody knows where the gateway is.
  writeFileSync(join(cwd, 'data', 'management.secret'), 'x'.repeat(64), { mode: 0o644 });
  const serving = await serve(t, ['--demo', '--workers', '2', '--json', ...ANYWHERE], { cwd });
  const first = serving.stdout.split('\n')[0] ?? '';
  const said = JSON.parse(first) as {
    proxy: { url: string };
    workers: { worker: number; pid: number }[];
    key: { secret: string };
  };
  t.match(said.workers, [{ worker: 1 }, { worker: 2 }]);
  const path = `/api/domains/${'%C3%A9'.repeat(300)}`;
  const headers = {
    authorization: `Bearer ${said.key.secret}`,
    connection: 'close',
    'user-agent': '\u00ff'.repeat(250),
    'x-request-id': 'r'.repeat(120),
  };
  // Raw bytes in a path are refused, and take six characters each in the log.
  const odd = `/${'\u00ff'.repeat(1_000)}`;
  const asked = Array.from({ length: 60 }, (_, i) =>
    i % 3 === 0 ? rawGet(said.proxy.url, odd) : fetch(`${said.proxy.url}${path}`, { headers }).then((a) => a.text()),
  );
  await Promise.all(asked);
  const requests = (): string[] => serving.stdout.split('\n').filter((line) => line.includes('"msg":"request"'));
  await until(() => requests().length >= 60 && serving.stdout.endsWith('\n'));
  const lines = serving.stdout.trimEnd().split('\n');
  t.equal(lines[0], first, 'first of all it says where it is');
  t.ok(lines.some((line) => line.includes('can be read by others')));
  for (const line of lines.slice(1)) {
    t.ok(Buffer.byteLength(line) < PIPE_BYTES, 'no line can be torn');
    t.match(JSON.parse(line), { level: String, worker: Number });
  }
  t.strictSame(new Set(logged(serving).map(({ worker }) => worker)), new Set([1, 2]));
});

/** Sends a target as it is, and waits until the connection is closed. */
async function rawGet(url: string, target: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.end(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, 'latin1'));
  let text = '';
  for await (const bytes of socket) text += String(bytes);
  return text;
}
