/** Nothing that a client sends ends the process, gets past the checks, or reaches another client. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { UpstreamRequest } from '../support/raw-upstream.ts';
import { stage, within } from './fixture.ts';
import { faultsOf } from './inspect.ts';
import { type Attack, attacks } from './mutate.ts';

const ATTACKS = 5000;
const SEED = 20_261_122;
const AT_A_TIME = 32;
/** How long a client waits for the next byte before it leaves. */
const QUIET_MS = 40;
/** What the process may have grown by, with all that a garbage collector has not got to yet. */
const GROWTH = 200 * 1024 * 1024;

/** Answers with the mark of the connection that it was asked on. */
function onRequest(request: UpstreamRequest): void {
  const mark = `mark=${request.header('x-mark')};`;
  if (request.header('upgrade') === undefined) void request.body.then(() => request.ok(mark));
  else request.reply(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${mark.length}\r\nConnection: close\r\n\r\n${mark}`);
}

const gateway = await stage(t, { onRequest });

/** Good requests, each with a mark that says whose they are. */
function bases(mark: string): string[] {
  const lines = `X-Mark: ${mark}\r\nX-Other: value\r\n`;
  const request = (method: string, more = '', body = ''): string =>
    gateway.request('/api/a?b=c', lines + more, method, body);
  const socket = `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`;
  return [
    request('GET', 'Connection: close\r\n'),
    request('HEAD', 'Connection: close\r\n'),
    request('POST', 'Content-Length: 11\r\n', 'hello world'),
    request('PUT', 'Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: 1\r\n\r\n'),
    request('POST', 'Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello'),
    request('GET').replace('HTTP/1.1', 'HTTP/1.0'),
    request('GET', socket),
    `GET /public/a HTTP/1.1\r\nHost: a\r\n${lines}\r\n`,
    request('POST', 'Content-Length: 11\r\n', 'hello world') +
      request('GET') +
      request('DELETE', 'Content-Length: 0\r\n'),
  ];
}

const BASES = bases('').length;

/** Carries out one attack. Gives back its bytes and what was answered. */
async function carryOut(attack: Attack, mark: string): Promise<{ bytes: string; received: string }> {
  const bytes = attack.mutations.reduce((text, mutate) => mutate(text), bases(mark)[attack.base] ?? '');
  const client = await within(gateway.dial(), 'a connection');
  const { socket } = client;
  socket.setTimeout(QUIET_MS, () => socket.destroy());
  const middle = Math.floor(bytes.length * attack.split);
  client.send(bytes.slice(0, middle));
  if (middle > 0) await new Promise(setImmediate);
  if (attack.ends) socket.end(Buffer.from(bytes.slice(middle), 'latin1'));
  else client.send(bytes.slice(middle));
  await client.closed;
  return { bytes, received: client.received };
}

/** Marks of all connections so far: a mutation can make another of one, but none of these. */
const issued = new Set<string>();

/** Whether everything that a client was told was meant for it. */
function checkAnswers(t: Test, bytes: string, received: string, mark: string): void {
  const marks = [...received.matchAll(/mark=([0-9a-f]{16});/g)].map(([, found]) => found as string);
  if (marks.some((found) => found !== mark && issued.has(found)))
    t.fail(`an answer of another connection came back for ${JSON.stringify(bytes)}`);
  const starts = received.split('HTTP/1.1 ')[0];
  if (starts !== '') t.fail(`no answer, but ${JSON.stringify(starts)}, came back for ${JSON.stringify(bytes)}`);
}

function residentBytes(): number {
  const status = readFileSync(`/proc/${gateway.serving.child.pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

async function metric(name: string): Promise<string | undefined> {
  const text = await (await fetch(`${gateway.serving.healthUrl}/metrics`)).text();
  return new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
}

/** The gateway is there, serves, holds nothing of what has gone, and has said nothing of trouble of its own. */
async function isWell(t: Test): Promise<void> {
  t.equal(gateway.serving.child.exitCode, null, 'the process lives');
  await gateway.arrived();
  let inFlight = await metric('latchkey_requests_in_flight');
  for (let i = 0; inFlight !== '0' && i < 50; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    inFlight = await metric('latchkey_requests_in_flight');
  }
  t.equal(inFlight, '0', 'nothing is left in flight');
  t.equal(await metric('latchkey_websocket_connections'), '0');
  const trouble = gateway
    .logged()
    .filter(({ level, msg }) => msg !== 'request' || level === 'error' || level === 'fatal');
  t.strictSame(trouble, [], 'the log tells of requests only');
  t.notMatch(gateway.serving.stderr, /Error|Warning|at /, 'standard error tells of nothing');
}

t.test(`${ATTACKS} mutations of good requests, many at a time`, async (t) => {
  const todo = attacks(ATTACKS, BASES, SEED);
  const before = residentBytes();
  const worker = async (): Promise<void> => {
    for (let attack = todo.pop(); attack !== undefined; attack = todo.pop()) {
      const mark = randomBytes(8).toString('hex');
      issued.add(mark);
      const { bytes, received } = await carryOut(attack, mark);
      checkAnswers(t, bytes, received, mark);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  const arrived = await gateway.arrived();
  t.ok(arrived.length > ATTACKS / 20, `${arrived.length} requests arrived`);
  const faults = arrived.flatMap((request) => faultsOf(request, gateway));
  t.strictSame(faults.slice(0, 20), [], 'every one in canonical form, with the identity of its key, once');
  await isWell(t);
  const growth = residentBytes() - before;
  t.ok(growth < GROWTH, `the process has grown by ${Math.round(growth / 1e6)} MB`);
});

t.test('bytes that are no HTTP', async (t) => {
  const floods: Readonly<Record<string, Buffer>> = {
    zeros: Buffer.alloc(200_000),
    'line feeds': Buffer.alloc(200_000, '\n'),
    'empty lines': Buffer.alloc(200_000, '\r\n'),
    spaces: Buffer.alloc(200_000, ' '),
    'one letter': Buffer.alloc(200_000, 'A'),
    colons: Buffer.from(`GET / HTTP/1.1\r\n${':\r\n'.repeat(50_000)}`),
    'headers without end': Buffer.from(`GET / HTTP/1.1\r\n${'a:b\r\n'.repeat(50_000)}`),
    'requests without end': Buffer.from(gateway.request('/flood').repeat(2000)),
    'refused requests without end': Buffer.from('GET /x HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5000)),
    'a TLS hello': Buffer.from('1603010200010001fc0303', 'hex'),
    'HTTP/2': Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1'),
    'a PROXY line': Buffer.from(`PROXY TCP4 6.6.6.6 127.0.0.1 1 2\r\n${gateway.request('/proxied')}`),
  };
  for (const [name, bytes] of Object.entries(floods)) {
    const client = await gateway.dial();
    client.socket.setTimeout(500, () => client.socket.destroy());
    client.send(bytes);
    await within(client.closed, `${name}: the connection ends`);
  }
  const noise = Array.from({ length: 300 }, async () => {
    const client = await gateway.dial();
    client.socket.setTimeout(QUIET_MS, () => client.socket.destroy());
    client.send(randomBytes(400));
    await client.closed;
  });
  await Promise.all(noise);
  const arrived = (await gateway.arrived()).filter(({ target }) => target !== '/flood');
  t.strictSame(
    arrived.map(({ text }) => text),
    [],
    'nothing but good requests arrives',
  );
  await isWell(t);
});
