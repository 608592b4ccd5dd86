import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import type { Serving } from '../cli/serving.ts';
import { ask, type Issued, Site } from '../e2e/site.ts';
import { type ClientAnswer, type RawClient, rawClient } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream, type UpstreamRequest } from '../support/raw-upstream.ts';
import { freePort } from '../support/redis.ts';

/** Short enough for a test, long enough for a busy machine to answer in. */
const TIMEOUTS = 'connect_timeout: 2s, head_timeout: 2s, body_idle_timeout: 2s';
const HEAD = 'HTTP/1.1 200 OK\r\n';

type Fault = (request: UpstreamRequest) => void;

interface Behind {
  readonly serving: Serving;
  readonly upstream: RawUpstream;
  readonly key: Issued;
  /** What is done with requests for /fault; all others are answered well. */
  fault: Fault;
}

/** A gateway in front of an upstream that fails when it is told to. */
async function behind(t: Test): Promise<Behind> {
  let fault: Fault = () => undefined;
  const upstream = await startRawUpstream(t, (request) => {
    if (request.target === '/fault') fault(request);
    else request.ok(`fine ${request.target}`);
  });
  const site = new Site(t, { upstream: upstream.url, upstreamSettings: TIMEOUTS });
  const key = await site.create();
  const serving = await site.serve();
  return {
    serving,
    upstream,
    key,
    get fault() {
      return fault;
    },
    set fault(next) {
      fault = next;
    },
  };
}

/** One for all tests: what one fault leaves behind must not trouble the next requests. */
const there = await behind(t);

async function connection(t: Test): Promise<RawClient> {
  return rawClient(t, Number(new URL(there.serving.url).port));
}

function requestFor(path: string, more = '', method = 'GET'): string {
  return `${method} ${path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer ${there.key.secret}\r\n${more}\r\n`;
}

/** What a client gets for a request that goes wrong upstream. */
async function faultyAnswer(t: Test): Promise<ClientAnswer> {
  const client = await connection(t);
  client.send(requestFor('/fault'));
  return client.answer();
}

/** Whatever went wrong, the next request is answered as ever. */
async function goesOn(t: Test): Promise<void> {
  const { serving, key } = there;
  for (const i of [1, 2, 3]) {
    t.match(await ask(`${serving.url}/${i}`, key.secret), { status: 200, body: `fine /${i}` }, 'the next is answered');
  }
}

async function denies(t: Test, status: number, code: string): Promise<void> {
  const answer = await faultyAnswer(t);
  t.equal(answer.status, status);
  t.match(answer.json(), { status, code, request_id: answer.header('x-request-id') });
  t.ok(answer.whole);
  t.match(answer.header('x-ratelimit-limit'), /^\d+$/, 'it says how the limits stand');
  await goesOn(t);
}

/** Ways to fail before there is the head of an answer. */
const NO_ANSWER: readonly (readonly [what: string, fault: Fault, status: number, code: string])[] = [
  ['hangs', () => undefined, 504, 'upstream_timeout'],
  ['hangs in the middle of the head', (request) => request.reply(HEAD), 504, 'upstream_timeout'],
  ['closes without an answer', (request) => void request.socket.end(), 502, 'upstream_unreachable'],
  ['resets', (request) => void request.socket.resetAndDestroy(), 502, 'upstream_unreachable'],
  ['closes in the middle of the head', (request) => void request.socket.end(HEAD), 502, 'upstream_invalid'],
  ['speaks something else', (request) => request.reply('SSH-2.0-OpenSSH_9.7\r\n'), 502, 'upstream_invalid'],
  ['sends noise', (request) => request.reply(Buffer.from([0, 255, 13, 10, 13, 10, 7])), 502, 'upstream_invalid'],
  [
    'gives two lengths',
    (request) => badHead(request, 'Content-Length: 3\r\nContent-Length: 4\r\n'),
    502,
    'upstream_invalid',
  ],
  ['gives no number as length', (request) => badHead(request, 'Content-Length: 3x\r\n'), 502, 'upstream_invalid'],
  [
    'gives a length and chunks',
    (request) => badHead(request, 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n'),
    502,
    'upstream_invalid',
  ],
  ['sends endless headers', endlessHeaders, 502, 'upstream_invalid'],
];

function badHead(request: UpstreamRequest, headers: string): void {
  request.reply(`${HEAD}${headers}\r\nabc`);
}

function endlessHeaders(request: UpstreamRequest): void {
  request.reply(HEAD);
  for (let i = 0; i < 100; i++) request.reply(`X-${i}: ${'x'.repeat(1000)}\r\n`);
}

for (const [what, fault, status, code] of NO_ANSWER) {
  t.test(`an upstream that ${what}: ${status} ${code}`, async (t) => {
    there.fault = fault;
    await denies(t, status, code);
  });
}

/** Ways to fail after the head: the client must be able to tell that this is not the whole answer. */
const CUT: readonly (readonly [what: string, fault: Fault])[] = [
  [
    'closes before its length is reached',
    (request) => void request.socket.end(`${HEAD}Content-Length: 10\r\n\r\n12345`),
  ],
  ['resets in the middle of its body', resetMidBody],
  ['resets a body that has no length', resetEndlessBody],
  ['hangs in the middle of its body', (request) => request.reply(`${HEAD}Content-Length: 10\r\n\r\n12345`)],
  [
    'closes between two chunks',
    (request) => void request.socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n`),
  ],
  [
    'closes within a chunk',
    (request) => void request.socket.end(`${HEAD}Transfer-Encoding: chunked\r\n\r\nA\r\n12345`),
  ],
  [
    'sends a chunk without a length',
    (request) => request.reply(`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nno\r\n`),
  ],
];

/** Called when what was sent of a body has arrived; a reset would overtake it. */
let onArrival: () => void = () => undefined;

function resetMidBody(request: UpstreamRequest): void {
  request.reply(`${HEAD}Content-Length: 10\r\n\r\n12345`);
  onArrival = () => request.socket.resetAndDestroy();
}

function resetEndlessBody(request: UpstreamRequest): void {
  request.reply(`${HEAD}\r\n12345`);
  onArrival = () => request.socket.resetAndDestroy();
}

for (const [what, fault] of CUT) {
  t.test(`an upstream that ${what}: the answer is cut`, async (t) => {
    there.fault = fault;
    onArrival = () => undefined;
    const client = await connection(t);
    client.send(requestFor('/fault'));
    await client.until('12345');
    onArrival();
    const answer = await client.answer();
    t.notOk(answer.whole, 'by its own framing it is not whole');
    t.equal(answer.status, 200, 'the head had been sent');
    t.equal(answer.body, '12345');
    await client.closed;
    const headers = { authorization: `Bearer ${there.key.secret}` };
    const again = await fetch(`${there.serving.url}/fault`, { headers });
    onArrival();
    await t.rejects(again.text(), 'an HTTP client takes it for a failure');
    await goesOn(t);
    const line = `"request_id":"${answer.header('x-request-id')}"`;
    await there.serving.until(line);
    t.match(
      there.serving.stdout.split('\n').find((each) => each.includes(line)),
      '"aborted":"upstream"',
      'the log says who cut it',
    );
  });
}

t.test('an upstream that sends more than its length: the rest goes to nobody', async (t) => {
  there.fault = (request) => {
    request.reply(`${HEAD}Content-Length: 5\r\n\r\n12345HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged`);
  };
  const client = await connection(t);
  for (let i = 0; i < 5; i++) {
    client.send(requestFor('/fault'));
    t.match(await client.answer(), { status: 200, body: '12345', whole: true });
    client.send(requestFor(`/${i}`));
    t.match(await client.answer(), { status: 200, body: `fine /${i}` });
  }
  await goesOn(t);
});

t.test('an upstream that speaks unasked: its connection is closed, and nobody gets what it said', async (t) => {
  for (let i = 0; i < 5; i++) {
    const asked = Promise.withResolvers<UpstreamRequest>();
    there.fault = (request) => {
      request.ok('asked');
      asked.resolve(request);
    };
    t.equal((await ask(`${there.serving.url}/fault`, there.key.secret)).body, 'asked');
    const request = await asked.promise;
    const closed = new Promise<void>((resolve) => request.socket.once('close', resolve));
    request.ok('unasked');
    await closed;
    await goesOn(t);
  }
});

t.test('what may have been done once is not sent a second time', async (t) => {
  there.fault = (request) => void request.socket.resetAndDestroy();
  // A connection that was used before: closed ones of those are otherwise tried again.
  await goesOn(t);
  const client = await connection(t);
  const before = there.upstream.requests.length;
  client.send(`${requestFor('/fault', 'Content-Length: 5\r\n', 'POST')}12345`);
  t.equal((await client.answer()).status, 502);
  t.equal(there.upstream.requests.length, before + 1);
});

t.test('an upstream that is down: 502 at once, and answers when it is up', async (t) => {
  const port = await freePort();
  const site = new Site(t, { upstream: `http://127.0.0.1:${port}`, upstreamSettings: TIMEOUTS });
  const { secret } = await site.create();
  const serving = await site.serve();
  for (let i = 0; i < 3; i++) {
    t.match(await ask(serving.url, secret), { status: 502, code: 'upstream_unreachable' });
  }
  t.equal((await fetch(serving.url)).status, 401, 'who has no key learns nothing of that');
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(`${HEAD}Content-Length: 2\r\nConnection: close\r\n\r\nok`));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  t.match(await ask(serving.url, secret), { status: 200, body: 'ok' });
});

t.test('a client that leaves ends its request upstream', async (t) => {
  there.fault = () => undefined;
  const client = await connection(t);
  const arrived = there.upstream.request(there.upstream.requests.length);
  client.send(requestFor('/fault'));
  const request = await arrived;
  const ended = new Promise<void>((resolve) => request.socket.once('close', resolve));
  client.close();
  await ended;
  await goesOn(t);
});
