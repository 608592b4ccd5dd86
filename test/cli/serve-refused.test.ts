import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { listenFailure } from '../../src/cli/serve/listen-failure.ts';
import { config } from '../support/gateway.ts';
import { folder, latchkey, type Result } from './run.ts';
import { ANYWHERE } from './serving.ts';

const UPSTREAM = ['--upstream', 'http://127.0.0.1:9'];

/** A start that fails says why in one line. Returns the line. */
async function refused(t: Test, args: readonly string[], code: number, cwd = folder(t)): Promise<string> {
  const result: Result = await latchkey(['serve', ...args], { cwd });
  t.equal(result.code, code, 'exit code');
  t.equal(result.stdout, '');
  t.match(result.stderr, /^[^\n]+\n$/, 'one line');
  return result.stderr.trimEnd();
}

/** Free ports, but for one listener. */
function anywhereBut(option: string, address: string): string[] {
  return ANYWHERE.map((word, index) => (ANYWHERE[index - 1] === option ? address : word));
}

/** A port that another program has. */
async function takenPort(t: Test): Promise<number> {
  // Accepts connections and never answers.
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

t.test('a port that is in use is named, with the option that changes it', async (t) => {
  const port = await takenPort(t);
  t.equal(
    await refused(t, [...UPSTREAM, ...anywhereBut('--listen', `127.0.0.1:${port}`)], 1),
    `latchkey: proxy.listen: 127.0.0.1:${port} is in use by another program; stop that one, or choose another port (--listen)`,
  );
  t.equal(
    await refused(t, [...UPSTREAM, ...anywhereBut('--management-listen', `127.0.0.1:${port}`)], 1),
    `latchkey: management.listen: 127.0.0.1:${port} is in use by another program; stop that one, or choose another port (--management-listen)`,
  );
  t.equal(
    await refused(t, [...UPSTREAM, ...anywhereBut('--health-listen', `127.0.0.1:${port}`)], 1),
    `latchkey: health.listen: 127.0.0.1:${port} is in use by another program; stop that one, or choose another port (--health-listen)`,
  );
});

t.test('what cannot start does not wait for load balancers to see that it ends', async (t) => {
  const port = await takenPort(t);
  const cwd = folder(t);
  // Longer than any test may take.
  const proxy = `proxy: { listen: "127.0.0.1:${port}", drain_delay: 10m }`;
  const rest = 'upstreams: [{ url: "http://127.0.0.1:9" }]\naccess: { any_key: ["* /*"] }';
  writeFileSync(join(cwd, 'own.yaml'), `${proxy}\n${rest}\n`);
  const args = ['--config', 'own.yaml', '--management-listen', 'off', '--health-listen', '127.0.0.1:0'];
  t.match(await refused(t, args, 1, cwd), /is in use by another program/);
});

t.test('an address that cannot be had is named', async (t) => {
  t.equal(
    await refused(t, [...UPSTREAM, ...anywhereBut('--listen', '192.0.2.1:0')], 1),
    'latchkey: proxy.listen: 192.0.2.1:0 cannot be listened on: 192.0.2.1 is no address of this machine (--listen)',
  );
  // Root may use every port, so the system's answer is made here.
  const error = Object.assign(new Error('listen EACCES'), { code: 'EACCES', syscall: 'listen', port: 80 });
  const settings = config({ listen: { host: '0.0.0.0', port: 80 } });
  t.equal(
    listenFailure(new Error('wrapped', { cause: error }), settings)?.message,
    'proxy.listen: 0.0.0.0:80 may not be used by this user, as ports below 1024 often may not; choose another port (--listen)',
  );
  t.equal(listenFailure(new Error('another'), settings), null);
  // Each on a port of the system's choice: the address tells them apart.
  const management = { ...settings.management, listen: { host: '192.0.2.1', port: 0 } };
  const unavailable = { code: 'EADDRNOTAVAIL', syscall: 'listen', port: 0, address: '192.0.2.1' };
  t.match(
    listenFailure(Object.assign(new Error('x'), unavailable), {
      ...config({ listen: { host: '127.0.0.1', port: 0 } }),
      management,
    })?.message,
    /^management\.listen: 192\.0\.2\.1:0 .* \(--management-listen\)$/,
  );
});

t.test('a store that cannot be used is named', async (t) => {
  const cwd = folder(t);
  // Where the data folder should be stands a file: not even root can write below it.
  writeFileSync(join(cwd, 'data'), '');
  t.match(await refused(t, [...UPSTREAM, ...ANYWHERE], 1, cwd), new RegExp(`^latchkey: The store .*${cwd}/data`));
  const port = await takenPort(t);
  t.match(
    await refused(t, [...UPSTREAM, ...ANYWHERE, '--store', `redis://127.0.0.1:${port}`], 1),
    `latchkey: Redis at 127.0.0.1:${port} did not answer in 2000 ms`,
    'a store that does not answer',
  );
});

t.test('a configuration with a mistake is told where it stands', async (t) => {
  const cwd = folder(t);
  mkdirSync(join(cwd, 'config'));
  writeFileSync(
    join(cwd, 'config', 'latchkey.yaml'),
    'upstreams: [{ url: "http://127.0.0.1:9" }]\naccess: { any_key: ["* /*"] }\nhealth: { lisen: ":1" }\n',
  );
  t.equal(
    await refused(t, [], 1, cwd),
    'config/latchkey.yaml:3:11: health.lisen: unknown setting; did you mean "listen"?',
  );
  t.notOk(existsSync(join(cwd, 'data')), 'nothing was opened');
});

t.test('options that make no sense', async (t) => {
  t.equal(
    await refused(t, [], 2),
    'latchkey: there is no config/latchkey.yaml; name a file with --config FILE, or an API with --upstream http://localhost:3000',
  );
  t.match(await refused(t, ['--upstream', 'localhost:3000'], 2), /^latchkey: --upstream: expected an URL like http:/);
  t.match(await refused(t, ['--upstream', 'http://u:p@h'], 2), /expected no user or password in it/);
  t.match(
    await refused(t, [...UPSTREAM, '--listen', '8080'], 2),
    /^latchkey: --listen: expected an address and a port/,
  );
  t.match(await refused(t, [...UPSTREAM, '--demo'], 2), /^latchkey: --demo brings its own upstream/);
});
