import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { startRedis } from '../support/redis.ts';
import { folder, latchkey } from './run.ts';
import { ANYWHERE, type Serving, serve } from './serving.ts';

/** Runs the line that `serve` printed, and gives what it printed. */
async function paste(serving: Serving, cwd: string): Promise<string> {
  const line = /^ {2}npx latchkey (.*)$/m.exec(serving.stderr)?.[1] ?? '';
  const { code, stdout, stderr } = await latchkey(line.split(' '), { cwd });
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

/** Asks until the answer has this status: a change is seen within a second. */
async function untilStatus(serving: Serving, secret: string, status: number): Promise<void> {
  while ((await serving.get('/', secret)).status !== status) await new Promise((resolve) => setTimeout(resolve, 50));
}

t.test('in front of an API, without a configuration', async (t) => {
  const cwd = folder(t);
  const upstream = await startRawUpstream(t, (request) => request.ok(`you asked for ${request.target}`));
  const serving = await serve(t, ['--upstream', upstream.url, ...ANYWHERE], { cwd });
  await serving.until('npx latchkey keys create');
  t.match(serving.stderr, `, protecting ${upstream.url}\n`);
  t.match(serving.stderr, '\nkeys: sqlite:./data/latchkey.db; configuration: none, every setting has its default\n');
  t.match(
    serving.stderr,
    '\nThere is no key yet, so every request is refused, and any key may do anything. To make one:\n',
  );
  t.match(serving.stderr, '\n  npx latchkey keys create --name first --type personal\n');
  t.equal((await fetch(`${serving.healthUrl}/livez`)).status, 200);

  t.match(await serving.get('/a'), { status: 401, body: 'key_missing' });
  const secret = await paste(serving, cwd);
  t.strictSame(await serving.get('/a?b', secret), { status: 200, body: 'you asked for /a?b' });

  const { keys } = JSON.parse((await latchkey(['keys', 'list', '--json'], { cwd })).stdout) as {
    keys: { id: string }[];
  };
  const id = keys[0]?.id ?? '';
  t.equal((await latchkey(['keys', 'disable', id], { cwd })).code, 0, 'keys are changed while the gateway runs');
  await untilStatus(serving, secret, 401);
  await latchkey(['keys', 'enable', id], { cwd });
  await untilStatus(serving, secret, 200);

  serving.child.kill('SIGTERM');
  t.equal(await serving.ended, 0);
  t.notMatch(serving.stdout + serving.stderr, secret.slice(3, 40), 'no secret was said');
  const last = JSON.parse((await latchkey(['keys', 'show', id, '--json'], { cwd })).stdout) as { last_used: string };
  t.ok(Date.parse(last.last_used) > Date.now() - 60_000, 'the last use was written before it ended');

  const again = await serve(t, ['--upstream', upstream.url, ...ANYWHERE], { cwd });
  t.equal((await again.get('/', secret)).status, 200, 'the key is there after a restart');
  again.child.kill('SIGTERM');
  await again.ended;
  t.notMatch(again.stderr, 'keys create', 'and the advice is for the first start only');
});

t.test('--upstream reads no file, says so, and advises a key that works', async (t) => {
  const cwd = folder(t);
  const upstream = await startRawUpstream(t);
  const config = join(cwd, 'other.yaml');
  const pepper = 'x'.repeat(32);
  writeFileSync(
    config,
    `upstreams: [{ url: "http://127.0.0.1:1" }]\naccess: { any_key: ["* /*"] }\nkeys: { peppers: [{ version: 1, secret: ${pepper} }] }\n`,
  );
  const env = { LATCHKEY_CONFIG: config };
  const serving = await serve(t, ['--upstream', upstream.url, ...ANYWHERE, '--store', 'sqlite:keys.db'], { cwd, env });
  await serving.until('npx latchkey keys create');
  t.match(serving.stderr, `latchkey: ${config} is not read, since --upstream is given without --config\n`);
  t.match(serving.stderr, 'keys create --name first --type personal --no-config --store sqlite:keys.db\n');
  t.equal((await serving.get('/', await paste(serving, cwd))).status, 200);

  const both = await serve(t, ['--upstream', upstream.url, '--config', config, ...ANYWHERE], { cwd });
  await both.until('npx latchkey keys create');
  t.match(
    both.stderr,
    `protecting ${upstream.url}\n`,
    'with --config, the file is read and only its upstream replaced',
  );
  t.match(both.stderr, `--config ${config}\n`);
  t.equal((await both.get('/', await paste(both, cwd))).status, 200);
});

t.test('with --json, its first line says where it listens, and the log follows', async (t) => {
  const cwd = folder(t);
  const upstream = await startRawUpstream(t);
  const serving = await serve(t, ['--upstream', upstream.url, ...ANYWHERE, '--json'], { cwd });
  const said = JSON.parse(serving.stdout.split('\n')[0] ?? '') as { proxy: { url: string; port: number } };
  t.match(said, {
    proxy: { host: '127.0.0.1', url: /^http:\/\/127\.0\.0\.1:\d+$/ },
    health: { host: '127.0.0.1' },
    upstreams: [upstream.url],
    store: 'sqlite:./data/latchkey.db',
    config: null,
  });
  t.equal((await fetch(said.proxy.url)).status, 401);
  serving.child.kill('SIGTERM');
  t.equal(await serving.ended, 0);
  const lines = serving.stdout.trim().split('\n').slice(1);
  t.match(
    lines.map((line) => JSON.parse(line) as unknown),
    [{ msg: 'request', status: 401 }],
  );
});

t.test('keys in Redis', async (t) => {
  const cwd = folder(t);
  const redis = await startRedis();
  t.teardown(() => redis.stop());
  const upstream = await startRawUpstream(t);
  const store = ['--store', `${redis.url}/0`];
  const serving = await serve(t, ['--upstream', upstream.url, ...ANYWHERE, ...store], { cwd });
  await serving.until('npx latchkey keys create');
  t.match(serving.stderr, `keys: ${redis.url}/0;`);
  const secret = await paste(serving, cwd);
  t.equal((await serving.get('/', secret)).status, 200);
  const list = await latchkey(['keys', 'list', ...store], { cwd });
  t.match(list.stdout, `…${secret.slice(-4)}`);
  serving.child.kill('SIGTERM');
  t.equal(await serving.ended, 0);
});
