import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import t from 'tap';
import { WebSocket } from 'ws';
import type { Exchange } from '../../src/core/exchange.ts';
import { policyOf } from '../../src/gateway/policy.ts';
import { createUpgrader } from '../../src/gateway/upgrade.ts';
import { UpstreamRegistry } from '../../src/gateway/upstream-registry.ts';
import { config, lease, loadedKey, stubGate } from '../support/gateway.ts';
import {
  dialRaw,
  KEY,
  openTunnel,
  rawUpstream,
  start,
  switchHead,
  upgradeHead,
  type Wire,
  wsUpstream,
} from './websocket-fixture.ts';

/** The whole answer of a connection that the gateway closes. */
async function lastAnswer(client: Wire): Promise<{ head: string; body: string }> {
  const head = await client.head();
  await client.until((wire) => wire.ended);
  client.socket.end();
  return { head, body: client.text };
}

t.test('a WebSocket works through the gateway', async (t) => {
  const upstream = await wsUpstream(
    t,
    (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
    { perMessageDeflate: { threshold: 0 }, handleProtocols: () => 'chat.v2' },
  );
  const { port, upgrader, reported } = await start(t, upstream.url);
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws?room=1`, ['chat.v1', 'chat.v2'], {
    headers: { authorization: 'Bearer lk_test' },
    perMessageDeflate: { threshold: 0 },
  });
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject));
  t.equal(client.protocol, 'chat.v2');
  t.match(client.extensions, 'permessage-deflate');
  t.equal(upgrader.open, 1);
  const big = Buffer.alloc(3_000_000, 'latchkey');
  const echoed: unknown[] = [];
  client.send('hello');
  client.send(big);
  await new Promise<void>((resolve) => {
    client.on('message', (data, isBinary) => {
      echoed.push(isBinary ? data : (data as Buffer).toString());
      if (echoed.length === 2) resolve();
    });
  });
  t.equal(echoed[0], 'hello');
  t.ok(big.equals(echoed[1] as Buffer), 'also when it is larger than all buffers');
  client.close(4000, 'done');
  const code = await new Promise((resolve) => client.once('close', resolve));
  t.equal(code, 4000);
  const [seen] = await reported(1);
  t.match(seen, { method: 'GET', path: '/ws', route: '* /*', status: 101, code: null, aborted: null, allowed: true });
  t.match(seen, { keyId: 'key_test', keyType: 'service', owner: 'team-a', failure: null });
  t.ok((seen?.requestBytes ?? 0) > 100 && (seen?.responseBytes ?? 0) > 100, 'bytes of both directions are counted');
  t.equal(upgrader.open, 0);
});

t.test('what is no opening handshake is refused, and the upstream never hears of it', async (t) => {
  const upstream = await rawUpstream(t);
  const { port } = await start(t, upstream.url);
  const cases: [string, string][] = [
    ['several protocols', upgradeHead({ Upgrade: 'websocket, h2c' })],
    ['another method', upgradeHead({}, 'POST /ws HTTP/1.1')],
    ['another version of HTTP', upgradeHead({}, 'GET /ws HTTP/1.0')],
    ['a body with a length', `${upgradeHead({ 'Content-Length': '2' })}ab`],
    ['a body in chunks', `${upgradeHead({ 'Transfer-Encoding': 'chunked' })}0\r\n\r\n`],
    ['no key', upgradeHead({ 'Sec-WebSocket-Key': null })],
    ['a short key', upgradeHead({ 'Sec-WebSocket-Key': 'c2hvcnQ=' })],
    ['a key that is not base64', upgradeHead({ 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZ*==' })],
    ['two keys', upgradeHead({ 'sec-websocket-key': KEY })],
    ['no version', upgradeHead({ 'Sec-WebSocket-Version': null })],
    ['an old version', upgradeHead({ 'Sec-WebSocket-Version': '8' })],
    ['an ambiguous path', upgradeHead({}, 'GET /a/%2e%2e/ws HTTP/1.1')],
    ['two credentials', upgradeHead({ authorization: 'Bearer lk_other' })],
  ];
  for (const [name, head] of cases) {
    const client = await dialRaw(t, port);
    client.write(head);
    const answer = await lastAnswer(client);
    t.match(answer.head, /^HTTP\/1\.1 400 /, name);
    t.match(answer.head, /\r\nContent-Type: application\/problem\+json\r\n/i, name);
    t.match(answer.head, /\r\nConnection: close\r\n/i, name);
    t.match(answer.head, /\r\nX-Request-Id: /i, name);
    t.equal(JSON.parse(answer.body).code, 'request_rejected', name);
  }
  t.equal(upstream.connections.length, 0);
});

t.test('the handler refuses on its own what a front should not have handed over', async (t) => {
  const upstream = await rawUpstream(t);
  const gate = stubGate();
  const exchanges: Exchange[] = [];
  const upgrader = createUpgrader({ gate, clock: gate.clock, onExchange: (exchange) => exchanges.push(exchange) });
  const registry = new UpstreamRegistry();
  const settings = config({}, [{ url: upstream.url }]);
  const policy = policyOf(settings, registry.tableFor(settings.upstreams));
  const server = createServer();
  server.on('upgrade', (request, socket, head) => {
    upgrader.handle({ request, socket, head, peer: '127.0.0.1', policy, at: gate.clock.now() });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    server.close();
    await registry.destroy();
  });
  const { port } = server.address() as AddressInfo;
  for (const head of [
    upgradeHead({ Upgrade: 'h2c' }),
    upgradeHead({ Upgrade: 'websocket/13' }),
    upgradeHead({}, 'POST /ws HTTP/1.1'),
    `${upgradeHead({ 'Content-Length': '2' })}ab`,
    `${upgradeHead({ 'Transfer-Encoding': 'chunked' })}0\r\n\r\n`,
  ]) {
    const client = await dialRaw(t, port);
    client.write(head);
    t.match((await lastAnswer(client)).head, /^HTTP\/1\.1 400 /, head);
  }
  t.equal(upstream.connections.length, 0);
});

t.test('an upgrade passes the same checks as any request', async (t) => {
  const upstream = await rawUpstream(t);
  const gate = stubGate({
    lk_test: loadedKey(),
    lk_reader: loadedKey({ id: 'key_reader', permissions: ['a:read'] }),
    lk_gone: loadedKey({ id: 'key_gone', status: 'revoked' }),
  });
  const access = { anyKey: ['GET /ws'], permissions: { 'live:read': ['GET /live'], 'a:read': ['GET /a'] } };
  const { port, reported } = await start(t, upstream.url, { gate, access });
  const ask = async (head: string) => {
    const client = await dialRaw(t, port);
    client.write(head);
    return lastAnswer(client);
  };
  const missing = await ask(upgradeHead({ Authorization: null }));
  t.match(missing.head, /^HTTP\/1\.1 401 /);
  t.match(missing.head, /\r\nWWW-Authenticate: Bearer realm="test"\r\n/);
  const unknown = await ask(upgradeHead({ Authorization: 'Bearer lk_no' }));
  t.equal(JSON.parse(unknown.body).code, 'key_not_found');
  t.equal(JSON.parse((await ask(upgradeHead({ Authorization: 'Bearer lk_gone' }))).body).code, 'key_revoked');
  const lacking = await ask(upgradeHead({ Authorization: 'Bearer lk_reader' }, 'GET /live HTTP/1.1'));
  t.match(lacking.head, /^HTTP\/1\.1 403 /);
  t.strictSame(JSON.parse(lacking.body).required_permission, ['live:read']);
  t.match(await ask(upgradeHead({}, 'GET /nowhere HTTP/1.1')), { head: /^HTTP\/1\.1 404 / });
  gate.lease = lease({ granted: 0, refusedBy: 'hour', retryAfterMs: 5000, hourRemaining: 0 });
  const limited = await ask(upgradeHead());
  t.match(limited.head, /^HTTP\/1\.1 429 /);
  t.match(limited.head, /\r\nRetry-After: 5\r\n/);
  t.match(limited.head, /\r\nX-RateLimit-Limit: 1000\r\n/);
  t.equal(upstream.connections.length, 0);
  const seen = await reported(6);
  t.strictSame(
    seen.map(({ status, code, allowed, keyId }) => [status, code, allowed, keyId]),
    [
      [401, 'key_missing', false, null],
      [401, 'key_not_found', false, null],
      [401, 'key_revoked', false, 'key_gone'],
      [403, 'permission_denied', false, 'key_reader'],
      [404, 'route_not_found', false, 'key_test'],
      [429, 'rate_limited', false, 'key_test'],
    ],
  );
});

t.test('the upstream gets the canonical target and the headers that the gateway makes', async (t) => {
  const upstream = await rawUpstream(t);
  const { port } = await start(t, upstream.url, { upstream: { url: '/base' } });
  const client = await dialRaw(t, port);
  const sent = upgradeHead(
    {
      Connection: 'keep-alive, Upgrade, X-Named, Sec-WebSocket-Key, X-Latchkey-Key-Id, Host',
      'X-Named': 'secret',
      'X-Kept': 'kept',
      'X-Latchkey-Owner': 'root',
      x_latchkey_owner: 'root',
      Sec_WebSocket_Key: 'AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Protocol': 'a, b',
      'X-Forwarded-For': '6.6.6.6',
      'X-Original-URL': '/admin',
      'Proxy-Authorization': 'Basic eA==',
      'X-Request-Id': 'mine-1',
      Cookie: 'a=1',
      Expect: '100-continue',
      Origin: 'http://api.test',
    },
    "GET /%61/b%20c/d'e?x=%2F..&y='?z HTTP/1.1",
  );
  client.write(sent);
  const head = await (await upstream.next()).head();
  const lines = head.split('\r\n');
  t.equal(lines[0], "GET /base/a/b%20c/d'e?x=%2F..&y='?z HTTP/1.1");
  const headers = new Map<string, string[]>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) {
      const name = line.slice(0, colon).toLowerCase();
      headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
    }
  }
  t.strictSame(Object.fromEntries(headers), {
    connection: ['Upgrade'],
    cookie: ['a=1'],
    host: [new URL(upstream.url).host],
    origin: ['http://api.test'],
    'sec-websocket-key': [KEY],
    'sec-websocket-protocol': ['a, b'],
    'sec-websocket-version': ['13'],
    upgrade: ['websocket'],
    'x-forwarded-for': ['127.0.0.1'],
    'x-forwarded-host': ['api.test'],
    'x-forwarded-proto': ['http'],
    'x-kept': ['kept'],
    'x-latchkey-key-id': ['key_test'],
    'x-latchkey-key-type': ['service'],
    'x-latchkey-owner': ['team-a'],
    'x-latchkey-permissions': ['*'],
    'x-request-id': ['mine-1'],
  });
});

t.test("the client's Host and the upstream's own credential are sent when that is configured", async (t) => {
  const upstream = await rawUpstream(t);
  const { port } = await start(t, upstream.url, { upstream: { preserveHost: true, authorization: 'Basic dXA=' } });
  const client = await dialRaw(t, port);
  client.write(upgradeHead());
  const head = await (await upstream.next()).head();
  t.strictSame(head.match(/^host:.*$/gim), ['Host: api.test']);
  t.strictSame(head.match(/^authorization:.*$/gim), ['Authorization: Basic dXA=']);
});

t.test('the 101 carries what the gateway says and nothing that was for its own connection', async (t) => {
  const upstream = await rawUpstream(t);
  const { port } = await start(t, upstream.url);
  const client = await dialRaw(t, port);
  client.write(upgradeHead({ 'Sec-WebSocket-Protocol': 'a, b', 'Sec-WebSocket-Extensions': 'x; q=1' }));
  const wire = await upstream.next();
  await wire.head();
  wire.write(
    switchHead(
      {
        Connection: 'upgrade, X-Hop, Sec-WebSocket-Accept, Sec-WebSocket-Protocol',
        'X-Hop': 'no',
        'Keep-Alive': 'timeout=5',
        'Content-Length': '5',
        'Set-Cookie': 's=1',
        'X-Request-Id': 'theirs',
        'X-RateLimit-Remaining': '1',
        'Sec-WebSocket-Protocol': 'b',
        'Sec-WebSocket-Extensions': 'x; q=2',
        'Sec-WebSocket-Odd': '1',
      },
      '101 Sure',
    ),
  );
  const head = await client.head();
  t.equal(head.split('\r\n')[0], 'HTTP/1.1 101 Switching Protocols');
  const names = head
    .split('\r\n')
    .slice(1)
    .filter((line) => line !== '')
    .map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
  t.strictSame(names.sort(), [
    'connection',
    'ratelimit',
    'ratelimit-policy',
    'sec-websocket-accept',
    'sec-websocket-extensions',
    'sec-websocket-protocol',
    'set-cookie',
    'upgrade',
    'x-ratelimit-limit',
    'x-ratelimit-remaining',
    'x-ratelimit-reset',
    'x-request-id',
  ]);
  t.match(head, /\r\nX-RateLimit-Remaining: 999\r\n/);
  t.match(head, /\r\nX-Request-Id: req_/);
  t.match(head, /\r\nSec-WebSocket-Protocol: b\r\n/);
});

t.test('nothing of the client goes upstream before the 101, and all of it behind', async (t) => {
  const upstream = await rawUpstream(t);
  const { port } = await start(t, upstream.url);
  const client = await dialRaw(t, port);
  client.write(`${upgradeHead()}with the head `);
  const wire = await upstream.next();
  const head = await wire.head();
  client.write('and after it ');
  // A request on another connection has been answered: what this client sent has been read.
  const other = await dialRaw(t, port);
  other.write(upgradeHead({ Authorization: null }));
  await lastAnswer(other);
  t.equal(wire.text, '', 'nothing yet');
  t.notMatch(head, 'with the head');
  wire.write(switchHead());
  await client.head();
  client.write('and then');
  await wire.until(({ text }) => text === 'with the head and after it and then');
});

t.test('what a client sends early never reaches an upstream that does not agree', async (t) => {
  const upstream = await rawUpstream(t);
  const { port } = await start(t, upstream.url);
  const client = await dialRaw(t, port);
  client.write(`${upgradeHead()}GET /admin HTTP/1.1\r\nHost: api.test\r\n\r\n`);
  const wire = await upstream.next();
  await wire.head();
  wire.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  const answer = await lastAnswer(client);
  t.match(answer.head, /^HTTP\/1\.1 200 /);
  await wire.until((each) => each.ended || each.socket.closed);
  t.equal(wire.text, '');
});

t.test('a client that sends too much early is closed', async (t) => {
  const upstream = await rawUpstream(t);
  const { port, reported } = await start(t, upstream.url);
  const client = await dialRaw(t, port);
  client.write(upgradeHead());
  const wire = await upstream.next();
  await wire.head();
  client.write(Buffer.alloc(64 * 1024 + 1));
  const [seen] = await reported(1);
  t.match(seen, { status: 400, code: 'request_rejected' });
  await wire.until((each) => each.ended || each.socket.closed);
  t.equal(wire.text, '');
});

t.test('a client that leaves while the upstream is asked ends the asking', async (t) => {
  for (const leave of ['end', 'resetAndDestroy'] as const) {
    const upstream = await rawUpstream(t);
    const { port, reported } = await start(t, upstream.url);
    const client = await dialRaw(t, port);
    client.write(upgradeHead());
    const wire = await upstream.next();
    await wire.head();
    client.socket[leave]();
    await wire.until((each) => each.ended || each.socket.closed);
    const [seen] = await reported(1);
    t.match(seen, { status: 0, code: null, aborted: 'client' }, leave);
  }
});

t.test('bytes pass both ways as they are once it is open', async (t) => {
  const { client, upstream } = await openTunnel(t);
  client.write('\x00\xffnot even frames');
  await upstream.until(({ text }) => text === '\x00\xffnot even frames');
  upstream.write('\xfe\x00nor here');
  await client.until(({ text }) => text === '\xfe\x00nor here');
});

t.test('an upgrade may follow a request on its connection, whose time limits then end', async (t) => {
  const upstream = await rawUpstream(t);
  const proxy = { keepAliveTimeoutMs: 200, headTimeoutMs: 200 };
  const { port } = await start(t, upstream.url, { proxy });
  const client = await dialRaw(t, port);
  client.write('GET /plain HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer lk_test\r\n\r\n');
  const first = await upstream.next();
  await first.head();
  first.write('HTTP/1.1 204 No Content\r\n\r\n');
  t.match(await client.head(), /^HTTP\/1\.1 204 /);
  client.write(upgradeHead());
  const wire = await upstream.next();
  await wire.head();
  wire.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${switchHead()}`);
  t.match(await client.head(), /^HTTP\/1\.1 101 /);
  await after(700);
  client.write('up');
  await wire.until(({ text }) => text === 'up');
  wire.write('down');
  await client.until(({ text }) => text === 'down');
});
