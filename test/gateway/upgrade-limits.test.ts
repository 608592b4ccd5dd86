import t from 'tap';
import { WebSocket } from 'ws';
import { loadedKey, stubGate } from '../support/gateway.ts';
import {
  dialRaw,
  type Running,
  rawUpstream,
  start,
  switchHead,
  upgradeHead,
  type Wire,
  wsUpstream,
} from './websocket-fixture.ts';

const TWO = { websocket: { idleTimeoutMs: 60_000, maxConnectionsPerKey: 2 } };

/** Asks for a WebSocket; the status line's code and, for a denial, its code. */
async function ask(
  t: Parameters<typeof dialRaw>[0],
  port: number,
  head = upgradeHead(),
): Promise<{ client: Wire; head: string; status: number; code: unknown }> {
  const client = await dialRaw(t, port);
  client.write(head);
  const answer = await client.head();
  const status = Number(answer.slice(9, 12));
  if (status === 101) return { client, head: answer, status, code: null };
  await client.until((wire) => wire.ended);
  client.socket.end();
  return { client, head: answer, status, code: (JSON.parse(client.text) as { code: unknown }).code };
}

async function end(client: Wire, running: Running, reported: number): Promise<void> {
  client.socket.resetAndDestroy();
  await running.reported(reported);
}

t.test('a key may have only so many open, and a refused one spends nothing', async (t) => {
  const upstream = await wsUpstream(t, () => undefined);
  const gate = stubGate({ lk_test: loadedKey(), lk_other: loadedKey({ id: 'key_other' }) });
  let admissions = 0;
  const { limiter } = gate;
  Object.assign(gate, { limiter: { admit: () => (admissions++, limiter.admit(loadedKey())) } });
  const running = await start(t, upstream.url, { gate, proxy: TWO });
  const first = await ask(t, running.port);
  const second = await ask(t, running.port);
  t.equal(running.upgrader.open, 2);
  const third = await ask(t, running.port);
  t.same([first.status, second.status, third.status], [101, 101, 429]);
  t.equal(third.code, 'too_many_connections');
  t.match(third.head, /X-RateLimit-Limit: 1000\r\nX-RateLimit-Remaining: 1000\r\n/, 'how the limits stand');
  t.equal(admissions, 2);
  t.equal(
    (await ask(t, running.port, upgradeHead({ Authorization: 'Bearer lk_other' }))).status,
    101,
    'others are free',
  );
  await end(first.client, running, 2);
  t.equal((await ask(t, running.port)).status, 101, 'there is room again');
  t.equal((await ask(t, running.port)).status, 429, 'for one');
});

t.test('on public routes each address may have only so many open', async (t) => {
  const upstream = await wsUpstream(t, () => undefined);
  const running = await start(t, upstream.url, { proxy: { ...TWO, trustedProxies: ['127.0.0.1'] } });
  const from = (address: string) =>
    ask(t, running.port, upgradeHead({ Authorization: null, 'X-Forwarded-For': address }, 'GET /public/ws HTTP/1.1'));
  const first = await from('2001:db8::1');
  t.equal((await from('2001:db8::2')).status, 101);
  const third = await from('2001:db8::3');
  t.same([third.status, third.code], [429, 'too_many_connections'], 'a /64 is one client');
  t.equal((await from('2001:db8:0:1::1')).status, 101);
  t.equal((await ask(t, running.port)).status, 101, 'keys are counted apart');
  await end(first.client, running, 2);
  t.equal((await from('2001:db8::3')).status, 101);
});

t.test('whatever becomes of an attempt, it leaves nothing counted', async (t) => {
  const upstream = await rawUpstream(t);
  const proxy = { websocket: { idleTimeoutMs: 60_000, maxConnectionsPerKey: 1 } };
  const running = await start(t, upstream.url, { proxy, upstream: { headTimeoutMs: 400 } });
  const outcomes: [string, (wire: Wire, client: Wire) => void][] = [
    ['another answer', (wire) => wire.write('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n')],
    ['an invalid 101', (wire) => wire.write(switchHead({ Upgrade: 'x' }))],
    ['an upstream that resets', (wire) => wire.socket.resetAndDestroy()],
    ['an upstream that says nothing', () => undefined],
    ['a client that leaves', (_wire, client) => client.socket.resetAndDestroy()],
    ['a client that sends too much', (_wire, client) => client.write(Buffer.alloc(70_000))],
    ['a tunnel that the upstream ends', (wire) => wire.socket.end(switchHead(), 'latin1')],
    [
      'a tunnel that the upstream resets',
      (wire) => {
        wire.write(switchHead());
        setImmediate(() => wire.socket.resetAndDestroy());
      },
    ],
  ];
  let count = 0;
  for (const [name, act] of outcomes) {
    const client = await dialRaw(t, running.port);
    client.socket.on('end', () => client.socket.end());
    client.write(upgradeHead());
    const wire = await upstream.next();
    await wire.head();
    wire.socket.on('end', () => wire.socket.end());
    act(wire, client);
    await running.reported(++count);
    t.not(running.exchanges.at(-1)?.code, 'too_many_connections', name);
  }
  const last = await dialRaw(t, running.port);
  last.write(upgradeHead());
  (await upstream.next()).write(switchHead());
  t.match(await last.head(), /^HTTP\/1\.1 101 /);
  t.equal(running.upgrader.open, 1);
});

t.test('a key that may have none is refused', async (t) => {
  const upstream = await rawUpstream(t);
  const running = await start(t, upstream.url, {
    proxy: { websocket: { idleTimeoutMs: 1000, maxConnectionsPerKey: 0 } },
  });
  t.equal((await ask(t, running.port)).status, 429);
  t.equal(upstream.connections.length, 0);
});

t.test('a store that answers late still counts exactly', async (t) => {
  const upstream = await wsUpstream(t, () => undefined);
  const gate = stubGate();
  const waiting: (() => void)[] = [];
  Object.assign(gate, { limiter: { admit: () => new Promise((resolve) => waiting.push(() => resolve(gate.lease))) } });
  const running = await start(t, upstream.url, { gate, proxy: TWO });
  const asked = [1, 2, 3].map(() => ask(t, running.port));
  const refused = await Promise.race(asked);
  t.equal(refused.status, 429, 'one is refused while two wait');
  for (const answer of waiting) answer();
  t.same(
    (await Promise.all(asked)).map(({ status }) => status).sort((a, b) => a - b),
    [101, 101, 429],
  );
});

t.test('attempts beyond the capacity are answered 503', async (t) => {
  const upstream = await rawUpstream(t);
  const running = await start(t, upstream.url, { proxy: { maxRequestsInFlight: 1 } });
  const first = await dialRaw(t, running.port);
  first.write(upgradeHead());
  const wire = await upstream.next();
  const second = await ask(t, running.port);
  t.same([second.status, second.code], [503, 'overloaded']);
  wire.write(switchHead());
  t.match(await first.head(), /^HTTP\/1\.1 101 /);
});

t.test('the client of the ws package sees why it was refused', async (t) => {
  const upstream = await rawUpstream(t);
  const { port } = await start(t, upstream.url);
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  const status = await new Promise((resolve) => {
    client.on('unexpected-response', (_request, response) => {
      response.resume();
      resolve(response.statusCode);
    });
  });
  t.equal(status, 401);
  client.on('error', () => undefined);
  client.terminate();
});
