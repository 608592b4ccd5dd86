import t from 'tap';
import { acceptFor } from '../../src/gateway/websocket/handshake.ts';
import {
  dialRaw,
  KEY,
  rawUpstream,
  type Settings,
  start,
  switchHead,
  type Teardown,
  upgradeHead,
} from './websocket-fixture.ts';

/** What a client is answered when the upstream sends this to its upgrade. */
async function answerTo(
  t: Teardown,
  bytes: string | { readonly thenEnd: string },
  settings: Settings = {},
  head = upgradeHead(),
) {
  const upstream = await rawUpstream(t);
  const running = await start(t, upstream.url, settings);
  const client = await dialRaw(t, running.port);
  client.write(head);
  const wire = await upstream.next();
  await wire.head();
  if (typeof bytes === 'string') wire.write(bytes);
  else wire.socket.end(bytes.thenEnd, 'latin1');
  const answer = await client.head();
  await client.until((each) => each.ended);
  client.socket.end();
  await wire.until((each) => each.ended || each.socket.closed);
  const [seen] = await running.reported(1);
  return { head: answer, body: client.text, seen, upstreamGot: wire.text };
}

t.test('the accept is that of RFC 6455', async (t) => {
  t.equal(acceptFor(KEY), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

t.test('a 101 that breaks the handshake ends the attempt with a 502', async (t) => {
  const cases: [string, string][] = [
    ['no Sec-WebSocket-Accept', switchHead({ 'Sec-WebSocket-Accept': null })],
    ['the accept of another key', switchHead({ 'Sec-WebSocket-Accept': acceptFor('AAAAAAAAAAAAAAAAAAAAAA==') })],
    ['two accepts', switchHead({ 'sec-websocket-accept': acceptFor(KEY) })],
    ['no Upgrade', switchHead({ Upgrade: null })],
    ['no Connection', switchHead({ Connection: null })],
    ['another protocol', switchHead({ Upgrade: 'h2c' })],
    ['a subprotocol', switchHead({ 'Sec-WebSocket-Protocol': 'chat' })],
    ['an extension', switchHead({ 'Sec-WebSocket-Extensions': 'permessage-deflate' })],
  ];
  for (const [name, bytes] of cases) {
    const { head, body, seen, upstreamGot } = await answerTo(t, `${bytes}\x81\x02hi`, {}, `${upgradeHead()}early`);
    t.match(head, /^HTTP\/1\.1 502 /, name);
    t.equal(JSON.parse(body).code, 'upstream_invalid', name);
    t.match(seen, { status: 502, code: 'upstream_invalid', allowed: true }, name);
    t.type(seen?.failure, 'string', name);
    t.equal(upstreamGot, '', name);
  }
});

t.test('a subprotocol or extension is relayed only when it was offered', async (t) => {
  const offer = upgradeHead({ 'Sec-WebSocket-Protocol': 'a, b', 'Sec-WebSocket-Extensions': 'x; p=1, y' });
  for (const change of [{ 'Sec-WebSocket-Protocol': 'c' }, { 'Sec-WebSocket-Extensions': 'y, z' }]) {
    t.match((await answerTo(t, switchHead(change), {}, offer)).head, /^HTTP\/1\.1 502 /);
  }
});

t.test('another answer than a 101 is passed on whole, and the connection closes', async (t) => {
  const plain = await answerTo(
    t,
    'HTTP/1.1 404 Nope\r\nContent-Length: 4\r\nX-A: 1\r\nConnection: keep-alive\r\nX-Request-Id: theirs\r\n\r\ngone',
  );
  t.match(plain.head, /^HTTP\/1\.1 404 Not Found\r\n/);
  t.match(plain.head, /\r\nX-A: 1\r\n/);
  t.match(plain.head, /\r\nContent-Length: 4\r\n/);
  t.match(plain.head, /\r\nConnection: close\r\n/);
  t.match(plain.head, /\r\nX-RateLimit-Remaining: 999\r\n/);
  t.notMatch(plain.head, 'theirs');
  t.equal(plain.body, 'gone');
  t.match(plain.seen, { status: 404, code: null, allowed: true, responseBytes: 4, aborted: null });
  const chunked = await answerTo(
    t,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  );
  t.match(chunked.head, /\r\nContent-Length: 3\r\n/);
  t.notMatch(chunked.head, /transfer-encoding|upgrade/i);
  t.equal(chunked.body, 'abc');
  const required = await answerTo(
    t,
    'HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n',
  );
  t.match(required.head, /\r\nUpgrade: websocket\r\n/);
  t.match(required.head, /\r\nSec-WebSocket-Version: 13\r\n/);
  const empty = await answerTo(t, 'HTTP/1.1 204 No Content\r\n\r\n');
  t.notMatch(empty.head, /content-length/i);
  t.equal(empty.body, '');
});

t.test('an answer that cannot be passed on whole is a 502', async (t) => {
  const long = await answerTo(t, `HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n${'x'.repeat(70_000)}`);
  t.match(long.head, /^HTTP\/1\.1 502 /);
  const short = await answerTo(t, { thenEnd: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort' });
  t.match(short.head, /^HTTP\/1\.1 502 /);
  t.equal(JSON.parse(short.body).code, 'upstream_invalid');
  const coded = await answerTo(t, { thenEnd: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc' });
  t.match(coded.head, /^HTTP\/1\.1 502 /);
  const garbage = await answerTo(t, 'SSH-2.0-OpenSSH\r\n\r\n');
  t.match(garbage.head, /^HTTP\/1\.1 502 /);
  t.equal(JSON.parse(garbage.body).code, 'upstream_invalid');
  const vanished = await answerTo(t, { thenEnd: '' });
  t.match(vanished.head, /^HTTP\/1\.1 502 /);
  t.equal(JSON.parse(vanished.body).code, 'upstream_unreachable');
  const swollen = await answerTo(t, switchHead({ 'X-Big': 'x'.repeat(3000) }), {
    upstream: { maxHeaderBytes: 2048 },
  });
  t.match(swollen.head, /^HTTP\/1\.1 502 /);
});

t.test('an upstream that is not there is a 502', async (t) => {
  // A port that was free a moment ago may be another test's by now; this one nobody is given.
  const { port, reported } = await start(t, 'http://127.0.0.1:1');
  const client = await dialRaw(t, port);
  client.write(upgradeHead());
  t.match(await client.head(), /^HTTP\/1\.1 502 /);
  const [seen] = await reported(1);
  t.match(seen, { status: 502, code: 'upstream_unreachable', failure: /^ECONNREFUSED/ });
});

t.test('an upstream that does not answer in time is a 504', async (t) => {
  const silent = await answerTo(t, '', { upstream: { headTimeoutMs: 60 } });
  t.match(silent.head, /^HTTP\/1\.1 504 /);
  t.equal(JSON.parse(silent.body).code, 'upstream_timeout');
  const stuck = await answerTo(t, 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab', {
    upstream: { headTimeoutMs: 60 },
  });
  t.match(stuck.head, /^HTTP\/1\.1 504 /);
});
