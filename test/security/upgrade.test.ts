/** An upgrade is for WebSockets alone, goes through all the checks, and opens nothing before the upstream has agreed. */
import { createHash } from 'node:crypto';
import t from 'tap';
import type { UpstreamRequest } from '../support/raw-upstream.ts';
import { answersIn, type Stage, stage, until, within } from './fixture.ts';
import { forwards, REJECTED, refuses, targets } from './table.ts';

const WS_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = createHash('sha1').update(`${WS_KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const OFFER: Readonly<Record<string, string | null>> = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': WS_KEY,
};
/** A whole request for somebody else, as a client would send it to get around the checks. */
const HIDDEN = 'GET /admin/hidden HTTP/1.1\r\nHost: a\r\nX-Latchkey-Owner: root\r\n\r\n';

/** Headers of an upgrade; null takes one out. */
function offer(changes: Readonly<Record<string, string | null>> = {}): string {
  const lines = Object.entries({ ...OFFER, ...changes }).filter(([, value]) => value !== null);
  return lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

let replyWith = '';
/** Answers an upgrade with the bytes that the test has chosen, and other requests with 200. */
function onRequest(request: UpstreamRequest): void {
  if (request.header('upgrade') === undefined) void request.body.then((body) => request.ok(body));
  else if (replyWith !== '') request.reply(replyWith);
}
const gateway = await stage(t, { onRequest });

const SWITCH = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`;

/** Heads that ask for a WebSocket in a way that is none. */
const NO_HANDSHAKE: Readonly<Record<string, string>> = {
  POST: gateway.request('/ws', offer(), 'POST'),
  'POST with a length': gateway.request('/ws', offer({ 'Content-Length': '0' }), 'POST'),
  PUT: gateway.request('/ws', offer(), 'PUT'),
  OPTIONS: gateway.request('/ws', offer(), 'OPTIONS'),
  'a body with a length': gateway.request('/ws', offer({ 'Content-Length': '3' }), 'GET', 'abc'),
  'a length of 0': gateway.request('/ws', offer({ 'Content-Length': '0' })),
  'a body in chunks': gateway.request('/ws', offer({ 'Transfer-Encoding': 'chunked' }), 'GET', '3\r\nabc\r\n0\r\n\r\n'),
  'HTTP/1.0': gateway.request('/ws', offer()).replace('HTTP/1.1', 'HTTP/1.0'),
  'no key': gateway.request('/ws', offer({ 'Sec-WebSocket-Key': null })),
  'an empty key': gateway.request('/ws', offer({ 'Sec-WebSocket-Key': '' })),
  'a short key': gateway.request('/ws', offer({ 'Sec-WebSocket-Key': 'YWJj' })),
  'a long key': gateway.request('/ws', offer({ 'Sec-WebSocket-Key': `${WS_KEY}${WS_KEY}` })),
  'two keys': gateway.request('/ws', `${offer()}Sec-WebSocket-Key: ${WS_KEY}\r\n`),
  'a key by another name': gateway.request('/ws', offer({ 'Sec-WebSocket-Key': null, Sec_WebSocket_Key: WS_KEY })),
  'no version': gateway.request('/ws', offer({ 'Sec-WebSocket-Version': null })),
  'version 8': gateway.request('/ws', offer({ 'Sec-WebSocket-Version': '8' })),
  'two versions': gateway.request('/ws', offer({ 'Sec-WebSocket-Version': '13, 8' })),
  'another protocol beside it': gateway.request('/ws', offer({ Upgrade: 'websocket, h2c' })),
  'another protocol before it': gateway.request('/ws', offer({ Upgrade: 'h2c, websocket' })),
  'a protocol twice': gateway.request('/ws', `${offer()}Upgrade: h2c\r\n`),
  'an ambiguous target': gateway.request('/public/%2e%2e/ws', offer()),
  'an absolute target': gateway.request('http://other.test/ws', offer()),
  'two Hosts': gateway.request('/ws', `${offer()}Host: b\r\n`),
  'two credentials': gateway.request('/ws', `${offer()}${gateway.auth}`),
  'a folded Upgrade': gateway.request('/ws', offer({ Upgrade: null, 'X-A': 'b\r\n Upgrade: websocket' })),
};

t.test('what is no opening handshake is refused, and nothing of it arrives', async (t) => {
  for (const [name, bytes] of Object.entries(NO_HANDSHAKE)) await refuses(t, gateway, name, bytes, REJECTED);
});

t.test('an offer of another protocol is not taken up, and not passed on', async (t) => {
  const settings = 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n';
  const lines: Readonly<Record<string, string>> = {
    h2c: `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n${settings}`,
    'h2c that is not named': `Connection: Upgrade\r\nUpgrade: h2c\r\n${settings}`,
    TLS: 'Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n',
    'another protocol': 'Connection: Upgrade\r\nUpgrade: x\r\n',
    'one that sounds alike': 'Connection: Upgrade\r\nUpgrade: websocketx\r\n',
    'a version of one': 'Connection: Upgrade\r\nUpgrade: websocket/13\r\n',
    'no protocol': 'Connection: Upgrade\r\nUpgrade:\r\n',
    'a WebSocket that Connection does not name': offer({ Connection: 'keep-alive' }),
    'an upgrade by another name': offer({ Upgrade: null, Up_grade: 'websocket' }),
  };
  for (const [name, each] of Object.entries(lines)) {
    const request = await forwards(t, gateway, name, gateway.request('/x', each), { line: 'GET /x HTTP/1.1' });
    t.notMatch(request?.text, /^(?:upgrade|http2)/im, name);
    t.notMatch(request?.header('connection') ?? '', /upgrade/i, name);
  }
});

t.test('an upgrade passes the checks like any request', async (t) => {
  const ask = async (bytes: string): Promise<string> => {
    const client = await gateway.dial();
    client.send(bytes + HIDDEN);
    const answer = await within(client.answer(), 'an answer');
    await within(client.closed, 'the connection closes');
    t.equal(answersIn(client), 1);
    return String(answer.json()['code']);
  };
  const anonymous = (target: string, lines: string): string =>
    `GET ${target} HTTP/1.1\r\nHost: a\r\n${lines}${offer()}\r\n`;
  t.equal(await ask(anonymous('/ws', '')), 'key_missing');
  t.equal(await ask(anonymous('/ws', 'Authorization: Bearer x\r\n')), 'key_not_found');
  t.equal(await ask(anonymous('/ws', `Sec-WebSocket-Protocol: ${gateway.key.secret}\r\n`)), 'key_missing');
  t.equal(await ask(gateway.request('/admin/ws', offer())), 'permission_denied');
  t.equal(await ask(gateway.request('/%61dmin/ws', offer())), 'permission_denied');
  t.strictSame(targets(await gateway.arrived()), []);
});

/** Opens an upgrade with a request hidden behind it; gives it back when the upstream has its head. */
async function upgrading(
  target: string,
): Promise<{ request: UpstreamRequest; client: Awaited<ReturnType<Stage['dial']>> }> {
  const next = gateway.upstream.request(gateway.upstream.requests.length);
  const client = await gateway.dial();
  client.send(
    gateway.request(target, offer({ Connection: 'Upgrade, X-Latchkey-Owner, Sec-WebSocket-Key, Host' })) + HIDDEN,
  );
  return { request: await within(next, 'the upgrade arrives'), client };
}

/** Bytes that came to the upstream on one connection, beyond the heads of the requests that it took for such. */
function arrivedOn(request: UpstreamRequest): UpstreamRequest[] {
  return gateway.upstream.requests.filter((each) => each.socket === request.socket);
}

/** Answers that are no agreement. */
const REFUSALS: Readonly<Record<string, readonly [bytes: string, status: number]>> = {
  '200': ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno', 200],
  '200 that claims to switch': [
    'HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n',
    200,
  ],
  '403': ['HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n', 403],
  '426': ['HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n', 426],
  'a wrong accept': [SWITCH.replace(ACCEPT, WS_KEY), 502],
  'no accept': [SWITCH.replace(/Sec-WebSocket-Accept: \S+\r\n/, ''), 502],
  'two accepts': [SWITCH.replace('\r\n\r\n', `\r\nSec-WebSocket-Accept: ${WS_KEY}\r\n\r\n`), 502],
  'another protocol': [SWITCH.replace('Upgrade: websocket', 'Upgrade: h2c'), 502],
  'no protocol': [SWITCH.replace('Upgrade: websocket\r\n', ''), 502],
  'no Connection': [SWITCH.replace('Connection: Upgrade\r\n', ''), 502],
  'a subprotocol nobody offered': [SWITCH.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: x\r\n\r\n'), 502],
  'an extension nobody offered': [SWITCH.replace('\r\n\r\n', '\r\nSec-WebSocket-Extensions: x\r\n\r\n'), 502],
  'a head with a NUL': [SWITCH.replace('\r\n\r\n', '\r\nX-A: \0\r\n\r\n'), 502],
  garbage: ['\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03garbage\r\n\r\n', 502],
  'a line of text': ['220 mail.example.test ESMTP\r\n\r\n', 502],
  'an answer cut short': ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nno', 502],
};

t.test('anything but an agreement ends the attempt, and no byte of the client’s goes upstream', async (t) => {
  for (const [name, [bytes, status]] of Object.entries(REFUSALS)) {
    replyWith = '';
    const { request, client } = await upgrading('/ws');
    request.reply(bytes);
    if (name === 'an answer cut short' || status === 502) request.socket.end();
    const answer = await within(client.answer(), `${name}: an answer`);
    t.equal(answer.status, status, name);
    await within(client.closed, `${name}: the connection closes`);
    t.equal(answersIn(client), 1, `${name}: one answer`);
    t.notMatch(client.received, /^sec-websocket-accept/im, `${name}: nobody is told that it switched`);
    t.strictSame(targets(arrivedOn(request)), ['/ws'], `${name}: nothing follows`);
    t.equal(request.header('x-latchkey-owner'), gateway.key.owner, name);
  }
  t.notMatch(gateway.upstream.received, 'hidden');
  t.strictSame(
    targets(await gateway.arrived()),
    Object.keys(REFUSALS).map(() => '/ws'),
  );
});

t.test(
  'an upgrade that is agreed to arrives once, in canonical form, and its bytes behind the agreement',
  async (t) => {
    const { request, client } = await upgrading('/%77s?a=/../b');
    t.equal(request.head.start, 'GET /ws?a=/../b HTTP/1.1');
    t.equal(request.header('connection'), 'Upgrade');
    t.equal(request.header('upgrade'), 'websocket');
    t.equal(request.header('sec-websocket-key'), WS_KEY);
    t.equal(request.header('host'), new URL(gateway.upstream.url).host);
    t.equal(request.header('x-latchkey-key-id'), gateway.key.id);
    t.equal(request.header('x-forwarded-for'), '127.0.0.1');
    t.notMatch(request.text, /authorization|lk_/i);
    await gateway.arrived();
    t.notMatch(gateway.upstream.received, 'hidden', 'what came early waits');
    request.reply(SWITCH);
    await within(client.until('101 Switching Protocols'), 'the agreement');
    await until(() => gateway.upstream.received.includes('hidden'), 'what came early');
    client.close();
  },
);
