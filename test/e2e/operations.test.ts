import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { latchkey } from '../cli/run.ts';
import type { Serving } from '../cli/serving.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { ask, pause, redisFor, Site, until } from './site.ts';

const ACCESS = 'access: { public: [GET /open], any_key: [GET /things/*, POST /things/*] }\n';

interface Readiness {
  readonly status: number;
  readonly body: { ready: boolean; conditions: Record<string, { met: boolean; detail: string }> };
}

async function readiness({ healthUrl }: Serving): Promise<Readiness> {
  const answer = await fetch(`${healthUrl}/readyz`);
  return { status: answer.status, body: (await answer.json()) as Readiness['body'] };
}

async function liveness({ healthUrl }: Serving): Promise<number> {
  return (await fetch(`${healthUrl}/livez`)).status;
}

/** Samples by name and labels. */
async function metrics({ healthUrl }: Serving): Promise<{ text: string; samples: ReadonlyMap<string, number> }> {
  const text = await (await fetch(`${healthUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const samples = lines.map((line): [string, number] => {
    const space = line.lastIndexOf(' ');
    return [line.slice(0, space), Number(line.slice(space + 1))];
  });
  return { text, samples: new Map(samples) };
}

t.test('/readyz fails while the store is down, /livez does not', async (t) => {
  const redis = await redisFor(t);
  const upstream = await startRawUpstream(t);
  const more = 'health: { store_grace: 0s }\n';
  const site = new Site(t, { upstream: upstream.url, store: `${redis.url}/0`, storeTimeout: '500ms', more });
  const serving = await site.serve();
  const met = { listening: { met: true }, not_draining: { met: true }, store: { met: true } };
  await until(async () => (await readiness(serving)).status === 200);
  t.match(await readiness(serving), { status: 200, body: { ready: true, conditions: met } });
  for (const [stop, begin] of [
    [redis.kill, redis.restart],
    [redis.suspend, redis.resume],
  ] as const) {
    await stop();
    await until(async () => (await readiness(serving)).status === 503);
    t.match((await readiness(serving)).body, { ready: false, conditions: { ...met, store: { met: false } } });
    t.equal(await liveness(serving), 200, 'it need not be restarted');
    await until(async () => (await metrics(serving)).samples.get('latchkey_store_up') === 0);
    await begin();
    await until(async () => (await readiness(serving)).status === 200);
    await until(async () => (await metrics(serving)).samples.get('latchkey_store_up') === 1);
  }
});

t.test('/metrics has all that is documented, and counts what happened', async (t) => {
  const upstream = await startRawUpstream(t);
  const site = new Site(t, { upstream: upstream.url, access: ACCESS });
  const serving = await site.serve();
  const { url } = serving;
  const { secret } = await site.create('--burst', '4', '--per-hour', '6');
  for (let i = 0; i < 4; i++) t.equal((await ask(`${url}/things/${i}`, secret)).status, 200);
  t.equal((await ask(`${url}/things/5`, secret, { method: 'POST' })).status, 429);
  t.equal((await ask(`${url}/elsewhere`, secret)).status, 404);
  t.equal((await fetch(`${url}/open`)).status, 200);
  t.equal((await fetch(`${url}/things/1`)).status, 401);

  const expected = {
    'latchkey_http_requests_total{route="GET /things/*",method="GET",code="200"}': 4,
    'latchkey_http_requests_total{route="POST /things/*",method="POST",code="429"}': 1,
    'latchkey_http_requests_total{route="GET /things/*",method="GET",code="401"}': 1,
    'latchkey_http_requests_total{route="GET /open",method="GET",code="200"}': 1,
    'latchkey_http_requests_total{route="none",method="GET",code="404"}': 1,
    'latchkey_denials_total{code="rate_limited"}': 1,
    'latchkey_denials_total{code="route_not_found"}': 1,
    'latchkey_denials_total{code="key_missing"}': 1,
    'latchkey_http_request_duration_seconds_count{route="GET /things/*"}': 5,
    latchkey_upstream_duration_seconds_count: 5,
    latchkey_requests_in_flight: 0,
    latchkey_websocket_connections: 0,
    latchkey_key_cache_entries: 1,
    latchkey_store_up: 1,
    latchkey_store_errors_total: 0,
    latchkey_limit_fallback_total: 0,
    latchkey_usage_dropped_total: 0,
    latchkey_log_lines_dropped_total: 0,
  };
  // An exchange is counted after its answer.
  const names = Object.keys(expected);
  await until(async () => {
    const { samples } = await metrics(serving);
    return samples.get('latchkey_http_requests_total{route="GET /things/*",method="GET",code="401"}') === 1;
  });
  const { text, samples } = await metrics(serving);
  t.strictSame(Object.fromEntries(names.map((name) => [name, samples.get(name)])), expected);

  const documented = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = [...documented.matchAll(/^\| `(latchkey_\w+)` \| (\w+) \|/gm)];
  t.ok(rows.length > 10);
  for (const [, name, type] of rows) t.ok(text.includes(`\n# TYPE ${name} ${type}\n`), `${name}, a ${type}`);
  const told = [...text.matchAll(/^# TYPE (latchkey_\w+) /gm)].map(([, name]) => name);
  t.strictSame(new Set(told), new Set(rows.map(([, name]) => name)), 'and nothing else of its own');
  t.notMatch(text, secret.slice(0, 10));
});

/** Whether a new connection is refused. */
function isRefused(url: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' });
  socket.once('connect', () => resolve(false));
  socket.once('error', () => resolve(true));
  return promise.finally(() => socket.destroy());
}

t.test('SIGTERM: not ready at once, then closed to new connections; what is in flight finishes', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const site = new Site(t, { upstream: upstream.url, more: 'proxy: { drain_delay: 3s }\n' });
  const serving = await site.serve();
  const { url } = serving;
  const { id, secret } = await site.create();
  const early = ask(`${url}/early`, secret);
  const first = await upstream.request(0);
  serving.child.kill('SIGTERM');
  await serving.until('finishing the requests in flight');
  await until(async () => (await readiness(serving)).status === 503);
  t.match((await readiness(serving)).body.conditions, {
    listening: { met: true },
    not_draining: { met: false, detail: 'is shutting down' },
    store: { met: true },
  });
  t.equal(await liveness(serving), 200);
  const late = ask(`${url}/late`, secret);
  const second = await upstream.request(1);
  t.pass('until the load balancers have seen that, requests are still let in');
  await until(() => isRefused(url));
  first.ok('early');
  second.ok('late');
  t.match(await early, { status: 200, body: 'early' });
  t.match(await late, { status: 200, body: 'late' });
  t.equal(await serving.ended, 0);
  t.not((await site.show(id)).last_used, null, 'what waited to be written was written');
});

/** Sends a request until its answer has this status. */
async function becomes(status: number, send: () => Promise<{ status: number }>): Promise<void> {
  await until(async () => (await send()).status === status);
}

async function checkReload(t: Test, reload: (serving: Serving) => void): Promise<void> {
  const first = await startRawUpstream(t, (request) => {
    if (request.target !== '/things/slow') request.ok('first');
  });
  const second = await startRawUpstream(t, (request) => request.ok('second'));
  const site = new Site(t, { upstream: first.url, access: ACCESS });
  const serving = await site.serve();
  const { url } = serving;
  const { secret } = await site.create();
  const slow = ask(`${url}/things/slow`, secret);
  const inFlight = await first.request(0);
  t.equal((await ask(`${url}/new`, secret)).status, 404);

  site.configure({ upstream: second.url, access: ACCESS.replace('GET /open', 'GET /open, GET /new') });
  reload(serving);
  await becomes(200, () => fetch(`${url}/new`));
  t.equal((await ask(`${url}/things/1`, secret)).body, 'second', 'all of it was taken over together');

  for (const broken of ['access: { any_key: [GET things] }\n', 'access: [\n', 'acess: {}\n']) {
    const problems = serving.stdout.split('"level":"error"').length;
    site.configure({ upstream: first.url, access: broken });
    reload(serving);
    await serving.until('"level":"error"', problems);
    t.match(serving.stdout.trimEnd().split('\n').at(-1), `${site.file}:`, 'it says where');
    t.equal((await fetch(`${url}/new`)).status, 200);
    t.equal((await ask(`${url}/things/1`, secret)).body, 'second', 'the old configuration stays');
  }
  const { samples } = await metrics(serving);
  t.equal(samples.get('latchkey_config_reloads_total{result="success"}'), 1);
  t.ok((samples.get('latchkey_config_reloads_total{result="failure"}') ?? 0) >= 3);

  inFlight.ok('finished');
  t.match(await slow, { status: 200, body: 'finished' }, 'what was in flight does not notice');
  site.configure({ upstream: first.url });
  reload(serving);
  await becomes(401, () => fetch(`${url}/new`));
  t.equal((await ask(`${url}/things/1`, secret)).body, 'first', 'a file that is right again is taken over');
}

t.test('a changed file is taken over as a whole or not at all', (t) => checkReload(t, () => undefined));

t.test('so it is on SIGHUP', (t) => checkReload(t, ({ child }) => child.kill('SIGHUP')));

t.test('under load, a reload loses no request', async (t) => {
  const upstream = await startRawUpstream(t);
  const site = new Site(t, { upstream: upstream.url, access: ACCESS });
  const serving = await site.serve();
  const { secret } = await site.create();
  const done = new AbortController();
  const statuses = new Map<number, number>();
  const client = async (): Promise<void> => {
    while (!done.signal.aborted) {
      const { status } = await ask(`${serving.url}/things/1`, secret);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  const clients = [client(), client(), client(), client()];
  for (let i = 1; i <= 5; i++) {
    site.configure({ more: `proxy: { max_headers: ${50 + i} }\n` });
    serving.child.kill('SIGHUP');
    await serving.until('the configuration was reloaded', i);
    await pause(20);
  }
  done.abort();
  await Promise.all(clients);
  t.strictSame([...statuses.keys()], [200]);
});

t.test('a second gateway on the same port fails with one line, and the first goes on', async (t) => {
  const upstream = await startRawUpstream(t);
  const site = new Site(t, { upstream: upstream.url });
  const serving = await site.serve();
  const { host } = new URL(serving.url);
  const listen = ['--listen', host, '--management-listen', '127.0.0.1:0', '--health-listen', '127.0.0.1:0'];
  const { code, stdout, stderr } = await latchkey(['serve', '--config', site.file, ...listen], { cwd: site.cwd });
  t.equal(code, 1);
  t.equal(stdout, '');
  t.equal(
    stderr,
    `latchkey: proxy.listen: ${host} is in use by another program; stop that one, or choose another port (--listen)\n`,
  );
  const { secret } = await site.create();
  t.equal((await ask(`${serving.url}/`, secret)).status, 200);
});

t.test('SIGTERM ends a gateway that cannot write how its limits stand, and says so', async (t) => {
  const upstream = await startRawUpstream(t, (request) => request.ok());
  const site = new Site(t, { upstream: upstream.url, storeTimeout: '2s' });
  const serving = await site.serve();
  const { secret } = await site.create();
  t.equal((await ask(`${serving.url}/x`, secret)).status, 200);
  const limits = new DatabaseSync(join(site.cwd, 'keys.db-limits'));
  t.teardown(() => limits.close());
  limits.exec('BEGIN IMMEDIATE');
  serving.child.kill('SIGTERM');
  t.equal(await serving.ended, 1);
  t.match(serving.stderr, /keys\.db-limits was locked/);
});
