import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import t, { type Test } from 'tap';
import type { ProxyConfig } from '../../src/config/config.ts';
import { config, type RunningGateway, startGateway, stubGate } from '../support/gateway.ts';
import { get, RawClient } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { IPV4, IPV6, version2 } from './proxy-protocol-bytes.ts';

/** Connections from here must begin with a header. */
const SENDER = '127.0.0.1';
/** Connections from here must not. */
const OTHER = '127.0.0.2';
const FROM_SENDER: Partial<ProxyConfig> = { proxyProtocolFrom: [SENDER] };
const V1 = 'PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n';

interface Site extends RunningGateway {
  readonly upstream: RawUpstream;
}

async function site(t: Test, proxy: Partial<ProxyConfig> = FROM_SENDER): Promise<Site> {
  const upstream = await startRawUpstream(t, (request) => void request.body.then(() => request.ok(request.target)));
  return { upstream, ...(await startGateway(t, config(proxy, [{ url: upstream.url }]))) };
}

async function dial(t: Test, port: number, from = SENDER): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from, noDelay: true });
  const client = new RawClient(socket);
  t.teardown(() => client.close());
  await once(socket, 'connect');
  return client;
}

function latin1(bytes: string | Buffer): string {
  return typeof bytes === 'string' ? bytes : bytes.toString('latin1');
}

/** Sends a text in pieces, each in a packet of its own as far as the kernel lets it. */
async function trickle(client: RawClient, text: string, size = 1): Promise<void> {
  for (let at = 0; at < text.length; at += size) {
    client.send(text.slice(at, at + size));
    await new Promise(setImmediate);
  }
}

const HEADERS: readonly (readonly [name: string, header: string | Buffer, address: string])[] = [
  ['TCP4', V1, '203.0.113.7'],
  ['TCP6', 'PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n', '2001:db8::7'],
  ['UNKNOWN', 'PROXY UNKNOWN\r\n', SENDER],
  ['version 2, IPv4', version2(0x21, 0x11, IPV4), '203.0.113.7'],
  ['version 2, IPv6', version2(0x21, 0x21, IPV6), '2001:db8::7'],
  ['version 2, LOCAL', version2(0x20, 0, Buffer.alloc(0)), SENDER],
];

t.test('the source is where the connection comes from, for its requests, the log and the upstream', async (t) => {
  const { port, upstream, reported } = await site(t);
  for (const [i, [name, header, address]] of HEADERS.entries()) {
    const client = await dial(t, port);
    client.send(latin1(header) + get('/together'));
    t.equal((await client.answer()).body, '/together', `${name}, in one packet`);
    client.send(get('/later'));
    t.equal((await client.answer()).body, '/later', `${name}: the connection goes on`);
    const [first, second] = (await reported(2 * (i + 1))).slice(-2);
    t.strictSame([first?.address, second?.address], [address, address], `${name}: in the log`);
    const forwarded = upstream.requests.slice(-2).map((request) => request.header('x-forwarded-for'));
    t.strictSame(forwarded, [address, address], `${name}: upstream`);
  }
});

t.test('a header may come in any pieces', async (t) => {
  const { port, upstream } = await site(t);
  for (const [name, header, address] of HEADERS) {
    for (const size of [1, 5, latin1(header).length]) {
      const client = await dial(t, port);
      await trickle(client, latin1(header) + get('/pieces').slice(0, 30), size);
      client.send(get('/pieces').slice(30));
      t.equal((await client.answer()).status, 200, `${name} in pieces of ${size}`);
      t.equal(upstream.requests.at(-1)?.header('x-forwarded-for'), address);
      client.close();
    }
  }
});

t.test('requests that follow at once are all answered, in order', async (t) => {
  const { port, reported } = await site(t);
  const client = await dial(t, port);
  const post = (i: number): string => `${get(`/${i}`, 'Content-Length: 5\r\n', 'POST')}hello`;
  const chunked = (i: number): string =>
    `${get(`/${i}`, 'Transfer-Encoding: chunked\r\n', 'POST')}5\r\nhello\r\n0\r\n\r\n`;
  const requests = Array.from({ length: 30 }, (_, i) => [get(`/${i}`), post(i), chunked(i)][i % 3] as string);
  client.send(V1 + requests.join(''));
  for (let i = 0; i < requests.length; i++) t.equal((await client.answer()).body, `/${i}`);
  t.ok((await reported(30)).every(({ address }) => address === '203.0.113.7'));
});

t.test('not a byte of a long body is lost or out of order', async (t) => {
  const server = createServer((request, answer) => {
    const hash = createHash('sha256');
    request.on('data', (data: Buffer) => hash.update(data)).on('end', () => answer.end(hash.digest('hex')));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { port } = await startGateway(t, config(FROM_SENDER, [{ url }]));
  const body = Buffer.alloc(4 * 1024 * 1024);
  for (let i = 0; i < body.length; i += 4) body.writeUInt32BE(i, i);
  const digest = createHash('sha256').update(body).digest('hex');
  // So that the first packet ends in the header, in the head, in the body, and beyond what one read takes.
  for (const first of [1, 20, 100, 5_000, 65_536, 200_000]) {
    const client = await dial(t, port);
    const head = get('/', `Content-Length: ${body.length}\r\n`, 'POST');
    const bytes = Buffer.concat([Buffer.from(latin1(version2(0x21, 0x11, IPV4)) + head, 'latin1'), body]);
    client.send(bytes.subarray(0, first));
    await new Promise(setImmediate);
    client.send(bytes.subarray(first));
    client.send(get('/next'));
    t.equal((await client.answer()).body, digest, `the first packet has ${first} bytes`);
    t.equal((await client.answer()).body, createHash('sha256').digest('hex'), 'the next request is its own');
    client.close();
  }
  server.closeAllConnections();
});

/** Sends bytes, and tells what came back until the connection closed. */
async function fate(t: Test, port: number, bytes: string, ends = false): Promise<string> {
  const client = await dial(t, port);
  client.send(bytes);
  if (ends) client.socket.end();
  await client.closed;
  return client.received;
}

t.test('without a header, or with one that is none, the connection closes without an answer', async (t) => {
  const { port, upstream, exchanges } = await site(t);
  const wrong: Readonly<Record<string, string>> = {
    'a request': get('/'),
    'a malformed header': `PROXY TCP4 203.0.113.7 192.0.2.1 4711\r\n${get('/')}`,
    'a line that is too long': `PROXY UNKNOWN ${'x'.repeat(100)}\r\n${get('/')}`,
    'a header that is too long': latin1(version2(0x21, 0x11, Buffer.alloc(5000))) + get('/'),
    'another version': latin1(version2(0x31, 0x11, IPV4)) + get('/'),
    'an upgrade': get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'),
  };
  for (const [name, bytes] of Object.entries(wrong)) t.equal(await fate(t, port, bytes), '', name);
  t.strictSame(
    exchanges.map(({ address, status, code, failure }) => [address, status, code, failure]),
    Object.keys(wrong).map(() => [SENDER, 0, 'request_rejected', 'PROXY_HEADER_INVALID']),
    'the log says so',
  );
  t.equal(await fate(t, port, '', true), '', 'a health check');
  t.equal(await fate(t, port, V1.slice(0, 20), true), '', 'a header that ends early');
  t.equal(exchanges.length, Object.keys(wrong).length, 'nothing is said of what has left');
  t.strictSame(upstream.requests, []);
});

t.test('a second header is a request that is none', async (t) => {
  const { port, upstream } = await site(t);
  for (const second of [V1, latin1(version2(0x21, 0x11, IPV4))]) {
    t.match(await fate(t, port, `${V1}${second}${get('/')}`), /^HTTP\/1\.1 400 /);
  }
  t.strictSame(upstream.requests, []);
});

t.test('a header that does not come in time costs the connection', async (t) => {
  const { port, exchanges, reported } = await site(t, { ...FROM_SENDER, headTimeoutMs: 300 });
  t.equal(await fate(t, port, ''), '', 'nothing came');
  t.equal(exchanges.length, 0);
  t.equal(await fate(t, port, V1.slice(0, 20)), '', 'a part of it came');
  t.strictSame(
    (await reported(1)).map(({ failure, address }) => [failure, address]),
    [['PROXY_HEADER_LATE', SENDER]],
  );
  t.equal(await fate(t, port, V1), '', 'a header alone is no request, and is told nothing');
  t.match(await fate(t, port, `${V1}GET / HTTP`), /^HTTP\/1\.1 408 /, 'half a request is');
  t.strictSame((await reported(2)).at(-1)?.address, '203.0.113.7');
});

t.test('from anybody else a header is an invalid request, and believed by nobody', async (t) => {
  const { port, upstream, reported } = await site(t);
  for (const [name, header] of HEADERS) {
    const client = await dial(t, port, OTHER);
    client.send(latin1(header) + get('/'));
    t.equal((await client.answer()).status, 400, name);
    await client.closed;
  }
  t.ok((await reported(HEADERS.length)).every(({ address }) => address === OTHER));
  t.strictSame(upstream.requests, []);
  const plain = await dial(t, port, OTHER);
  plain.send(get('/plain'));
  t.equal((await plain.answer()).status, 200);
  t.equal(upstream.requests[0]?.header('x-forwarded-for'), OTHER);
});

t.test('whether X-Forwarded-For is believed depends on the source, not on who sent the header', async (t) => {
  const proxy = { ...FROM_SENDER, trustedProxies: [SENDER, '203.0.113.0/24'] };
  const { port, upstream } = await site(t, proxy);
  const line = 'X-Forwarded-For: 198.51.100.1\r\n';
  const seen = async (header: string): Promise<string | undefined> => {
    const client = await dial(t, port);
    client.send(header + get('/', line));
    await client.answer();
    return upstream.requests.at(-1)?.header('x-forwarded-for');
  };
  t.equal(await seen(V1), '198.51.100.1, 203.0.113.7', 'a trusted source');
  t.equal(
    await seen('PROXY TCP4 192.0.2.66 192.0.2.1 1 2\r\n'),
    '192.0.2.66',
    'an untrusted source behind a trusted peer',
  );
  t.equal(await seen('PROXY UNKNOWN\r\n'), `198.51.100.1, ${SENDER}`, 'the peer itself');
});

t.test('failed authentication is held against the source', async (t) => {
  const failed: string[] = [];
  const gate = {
    ...stubGate(),
    failures: { blockedFor: () => 0, record: (address: string) => void failed.push(address) },
  };
  const { port } = await startGateway(t, config(FROM_SENDER), { gate });
  const client = await dial(t, port);
  client.send(V1 + get('/').replace('lk_test', 'lk_wrong'));
  t.equal((await client.answer()).status, 401);
  t.strictSame(failed, ['203.0.113.7']);
});

t.test('a reload decides for the connections that come after it', async (t) => {
  const { port, gateway, upstream } = await site(t, {});
  const settings = (proxy: Partial<ProxyConfig>) => config(proxy, [{ url: upstream.url }]);
  const before = await dial(t, port);
  before.send(get('/before'));
  await before.answer();
  gateway.reload(settings(FROM_SENDER));
  before.send(get('/goes-on'));
  t.equal((await before.answer()).status, 200, 'one that is open needs no header');
  t.equal(await fate(t, port, get('/')), '', 'a new one does');
  const waiting = await dial(t, port);
  await trickle(waiting, V1.slice(0, 10), 10);
  gateway.reload(settings({}));
  waiting.send(V1.slice(10) + get('/waited'));
  t.equal((await waiting.answer()).status, 200, 'one that has begun with one goes on with it');
  t.equal(upstream.requests.at(-1)?.header('x-forwarded-for'), '203.0.113.7');
  const after = await dial(t, port);
  after.send(get('/after'));
  t.equal((await after.answer()).status, 200);
});

t.test('connections that wait are counted, and end with the gateway', async (t) => {
  const { port, gateway } = await site(t, { ...FROM_SENDER, maxConnections: 3, drainTimeoutMs: 20_000 });
  const waiting = await Promise.all([dial(t, port), dial(t, port), dial(t, port)]);
  t.equal(await fate(t, port, V1 + get('/')), '', 'there is no room for a fourth');
  const [first, second, third] = waiting;
  first.send(V1 + get('/'));
  t.equal((await first.answer()).status, 200, 'those that were there go on');
  second.send(V1.slice(0, 20));
  const started = performance.now();
  await gateway.drain();
  t.ok(performance.now() - started < 10_000, 'nothing is waited for that has not asked for anything');
  await Promise.all([second.closed, third.closed]);
  t.equal(second.received + third.received, '');
});
