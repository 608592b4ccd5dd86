import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { folder, latchkey } from './run.ts';
import { ANYWHERE, type Serving, serve } from './serving.ts';

/** Does what a curl line says. */
async function curl(line: string): Promise<{ status: number; body: string }> {
  const url = /(http:\S+)/.exec(line)?.[1] ?? '';
  const method = /-X (\S+)/.exec(line)?.[1] ?? 'GET';
  const [, name = '', value = ''] = /-H '([^:]+): ([^']+)'/.exec(line) ?? [];
  const answer = await fetch(url, { method, headers: name === '' ? {} : { [name]: value } });
  return { status: answer.status, body: await answer.text() };
}

/** Starts the demo and does what it says to try. */
async function tryAll(t: Test, serving: Serving): Promise<void> {
  await serving.until('Ctrl-C');
  const [allowed = '', refused = '', missing = '', metrics = ''] = serving.stdout.match(/curl .*/g) ?? [];
  t.match(await curl(allowed), { status: 200, body: 'example.com' }, allowed.replace(/lk_\w+/, 'lk_…'));
  t.match(await curl(refused), { status: 403, body: 'domains:delete' });
  t.match(await curl(missing), { status: 401, body: 'key_missing' });
  t.match(await curl(metrics), { status: 200, body: 'latchkey_http_requests_total' });
}

t.test('the demo says what to try, and it is so', async (t) => {
  const cwd = folder(t);
  // With the configuration that is shipped: where its ports are taken, others are used.
  const first = await serve(t, ['--demo'], { cwd });
  await tryAll(t, first);
  const secret = /lk_\w+/.exec(first.stdout)?.[0] ?? '';
  first.child.kill('SIGINT');
  t.equal(await first.ended, 0);

  const second = await serve(t, ['--demo'], { cwd });
  await tryAll(t, second);
  t.equal((await second.get('/api/domains', secret)).status, 401, 'the key of the run before has ended');
  const { keys } = JSON.parse((await latchkey(['keys', 'list', '--json'], { cwd })).stdout) as {
    keys: { name: string; status: string; expires_at: string }[];
  };
  t.same(keys.map((key) => `${key.name} ${key.status}`).sort(), ['demo active', 'demo revoked']);
  for (const { expires_at } of keys) {
    const left = Date.parse(expires_at) - Date.now();
    t.ok(left < 86_400_000 && left > 86_000_000, 'it lives for one day');
  }
  second.child.kill('SIGHUP');
  t.equal(await second.ended, 0, 'it ends with its terminal');
});

/** A port that another program has. */
async function takenPort(t: Test): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as { port: number }).port;
}

t.test('the demo finds free ports where its own are taken, and says so', async (t) => {
  const cwd = folder(t);
  const port = await takenPort(t);
  const shipped = fileURLToPath(new URL('../../config/latchkey.yaml', import.meta.url));
  const file = join(cwd, 'latchkey.yaml');
  writeFileSync(file, readFileSync(shipped, 'utf8').replace('0.0.0.0:8080', `127.0.0.1:${port}`));
  const taken = ['--management-listen', `127.0.0.1:${await takenPort(t)}`];
  const serving = await serve(t, ['--demo', '--config', file, ...taken, '--health-listen', '127.0.0.1:0'], { cwd });
  t.match(serving.stderr, `latchkey: 127.0.0.1:${port} is taken; the demo uses a free port\n`);
  t.match(serving.stderr, `latchkey: ${taken[1]} is taken; the demo uses a free port\n`);
  t.match(await (await fetch(`${serving.managementUrl}/docs`)).text(), '<html', 'the page that it names is there');
  t.not(new URL(serving.url).port, String(port));
  await tryAll(t, serving);
});

t.test('with --json, the demo gives its key as data', async (t) => {
  const cwd = folder(t);
  const serving = await serve(t, ['--demo', '--json', ...ANYWHERE], { cwd });
  const said = JSON.parse(serving.stdout.split('\n')[0] ?? '') as {
    proxy: { url: string };
    key: { id: string; secret: string };
  };
  const headers = { authorization: `Bearer ${said.key.secret}` };
  t.equal((await fetch(`${said.proxy.url}/api/domains`, { headers })).status, 200);
  t.match(said.key.id, /^key_/);
});
