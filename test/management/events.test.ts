import { getEventListeners, once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import { endpoint, type ServerEvent } from '../../src/management/endpoint.ts';
import { Followers, MAX_FOLLOWERS } from '../../src/management/events.ts';
import type { ManagementServerOptions } from '../../src/management/server.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { problem, start } from './fixture.ts';
import { serveManagement } from './gateway.ts';

/** Events as a test gives them, and what becomes of them. */
class Feed implements AsyncIterableIterator<ServerEvent> {
  asked = 0;
  readonly returned: Promise<void>;
  readonly #returned = Promise.withResolvers<void>();
  readonly #waiting: ServerEvent[] = [];
  #wake = Promise.withResolvers<void>();
  /** null: endless events of this text. */
  readonly #flood: string | null;

  constructor(flood: string | null = null) {
    this.#flood = flood;
    this.returned = this.#returned.promise;
  }

  push(...events: ServerEvent[]): void {
    this.#waiting.push(...events);
    this.#wake.resolve();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ServerEvent>> {
    this.asked++;
    if (this.#flood !== null) return { done: false, value: { data: this.#flood } };
    while (this.#waiting.length === 0) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers<void>();
    }
    return { done: false, value: this.#waiting.shift() ?? {} };
  }

  async return(): Promise<IteratorResult<ServerEvent>> {
    this.#returned.resolve();
    return { done: true, value: undefined };
  }
}

type Events = (signal: AbortSignal, lastEventId: string | null) => AsyncIterable<ServerEvent>;

function startFeed(t: Test, events: Events, changes: Partial<ManagementServerOptions> = {}) {
  const followed = [
    endpoint({
      method: 'GET',
      path: '/follow',
      operationId: 'follow',
      tag: 'T',
      summary: 'Follows',
      answers: { 200: null },
      streams: true,
      handle: async ({ signal, lastEventId }) => ({ status: 200, events: events(signal, lastEventId) }),
    }),
  ];
  return start(t, followed, changes);
}

/** Connects and waits for the head of the stream. */
async function follow(t: Test, port: number, request: string): Promise<RawClient> {
  const client = await rawClient(t, port);
  client.send(request);
  await client.until('\r\n\r\n');
  return client;
}

t.test('events are sent as they come, with their ids, and comments between', async (t) => {
  const feed = new Feed();
  const { ask, port, raw } = await startFeed(t, () => feed);
  const client = await follow(t, port, raw('GET', '/follow'));
  t.match(client.received, /^HTTP\/1\.1 200 /, 'before the first event');
  t.match(client.received, /\r\nContent-Type: text\/event-stream\r\n/);
  t.match(client.received, /\r\nCache-Control: no-store\r\n/);
  feed.push({ id: '5-1', data: { text: 'a\nb' } }, {}, { data: 1 }, { id: 'a\nb', data: 2 }, { id: '6' });
  await client.until('data: 2\n\n');
  const sent = client.received.slice(client.received.indexOf('\r\n\r\n') + 2).replace(/\r\n[0-9a-f]+\r\n/g, '');
  t.match(sent, /^id: 5-1\ndata: \{"text":"a\\nb"\}\n\n:\n\ndata: 1\n\ndata: 2\n\n/);
  const head = await ask('/follow', { method: 'HEAD' });
  t.equal(head.headers.get('content-type'), 'text/event-stream');
  t.equal(await head.text(), '');
});

t.test('a stream goes on after the event that its client saw last', async (t) => {
  const { ask } = await startFeed(t, async function* (_signal, last) {
    yield { data: { after: last } };
  });
  t.equal(await (await ask('/follow', { headers: { 'last-event-id': '5-1' } })).text(), 'data: {"after":"5-1"}\n\n');
  t.equal(await (await ask('/follow')).text(), 'data: {"after":null}\n\n', 'and ends when its events end');
  t.equal((await ask('/follow', { headers: { 'last-event-id': 'x'.repeat(501) } })).status, 400);
});

t.test('events stop when their client leaves', async (t) => {
  const feed = new Feed();
  const signals: AbortSignal[] = [];
  const { port, raw, told } = await startFeed(t, (signal) => {
    signals.push(signal);
    return feed;
  });
  const client = await follow(t, port, raw('GET', '/follow'));
  client.close();
  await feed.returned;
  t.equal(signals[0]?.aborted, true);
  t.strictSame(told, []);
});

t.test('a client that does not read is sent no more than fits into buffers', async (t) => {
  const feed = new Feed('x'.repeat(16_384));
  const { port, raw } = await startFeed(t, () => feed);
  const client = await rawClient(t, port);
  client.socket.pause();
  client.send(raw('GET', '/follow'));
  // The flood comes to rest when nothing is asked for over many turns of the event loop.
  let asked = 0;
  for (let quiet = 0; quiet < 500 || asked === 0; quiet = feed.asked === asked ? quiet + 1 : 0) {
    asked = feed.asked;
    await new Promise(setImmediate);
  }
  t.ok(asked * 16_384 < 32 * 1024 * 1024, `${asked} events were asked for`);
  client.socket.resume();
  while (feed.asked <= asked + 10) await once(client.socket, 'data');
  t.pass('and gets the rest when it reads again');
  client.close();
  await feed.returned;
});

t.test('a stream holds on to nothing of the events that it has sent', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const gone = new AbortController();
  const sizes: number[] = [];
  const listeners: number[] = [];
  async function* events(): AsyncGenerator<ServerEvent> {
    for (let i = 0; i <= 220_000; i++) {
      // Several times in the end: what is just on its way to the client is no leak.
      if (i === 20_000 || (i >= 200_000 && i % 4_000 === 0)) {
        collect();
        sizes.push(process.memoryUsage().heapUsed);
        listeners.push(getEventListeners(gone.signal, 'abort').length);
      }
      yield {};
    }
  }
  const server = createServer((_request, response) => {
    void new Followers().send(events(), response, gone.signal);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  // What a reader keeps would be measured too: this one keeps nothing.
  socket.resume().write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await once(socket, 'close');
  const [before = 0, ...later] = sizes;
  const after = Math.min(...later);
  // One reaction on a promise for each would be 51 MB.
  t.ok(after - before < 25_000_000, `${after - before} bytes for 200,000 events`);
  t.strictSame(new Set(listeners), new Set([listeners[0]]), 'and no more listeners');
});

t.test('what has no end takes no parameter that speaks of one', async (t) => {
  const { url, token, admin } = await serveManagement(t);
  const { id } = await admin.createKey({ name: 'x', owner: 'root' });
  const headers = { authorization: `Bearer ${await token()}` };
  const ask = (query: string) => fetch(`${url}/api-keys/${id}/logs?follow=true&${query}`, { headers });
  for (const [name, value] of [
    ['to', '2027-01-01T00:00:00Z'],
    ['limit', '5'],
    ['cursor', 'abc'],
  ] as const) {
    const answer = await ask(`${name}=${value}`);
    t.equal(answer.status, 400, name);
    t.match(await problem(answer), { code: 'request_invalid', errors: [{ parameter: name }] });
  }
  const both = await problem(ask('limit=5&to=2027-01-01T00:00:00Z'));
  t.strictSame(
    both.errors?.map(({ parameter }) => parameter),
    ['to', 'limit'],
  );
  t.equal((await fetch(`${url}/api-keys/${id}/logs?follow=false&limit=5`, { headers })).status, 200);
});

t.test('a stream that fails is cut, and whoever runs this is told', async (t) => {
  const { ask, told } = await startFeed(t, async function* () {
    yield { data: 1 };
    throw new Error('hunter2');
  });
  const answer = await ask('/follow', { headers: { 'x-request-id': 'r1' } });
  await t.rejects(answer.text(), 'it is not taken for a whole one');
  t.match(told, [{ requestId: 'r1', error: { message: 'hunter2' } }]);
});

t.test('there are only so many followers at a time', async (t) => {
  const feeds: Feed[] = [];
  const { ask, port, raw } = await startFeed(t, () => {
    const feed = new Feed();
    feeds.push(feed);
    return feed;
  });
  const clients = await Promise.all(
    Array.from({ length: MAX_FOLLOWERS }, () => follow(t, port, raw('GET', '/follow'))),
  );
  const answer = await ask('/follow');
  t.equal(answer.status, 429);
  t.equal(answer.headers.get('retry-after'), '10');
  t.equal((await problem(answer)).code, 'too_many_followers');
  await feeds.at(-1)?.returned;
  clients[0]?.close();
  await feeds[0]?.returned;
  const next = await follow(t, port, raw('GET', '/follow'));
  t.match(next.received, /^HTTP\/1\.1 200 /, 'one that leaves makes room');
});

t.test('streams end when the listener closes, and so do their connections', async (t) => {
  const feed = new Feed();
  const timeouts = { close: 600_000, keepAlive: 600_000 };
  const { server, port, raw } = await startFeed(t, () => feed, { timeouts });
  const client = await follow(t, port, raw('GET', '/follow'));
  feed.push({ data: 1 });
  await client.until('data: 1');
  const closed = server.close();
  await feed.returned;
  t.equal(await client.closed, null);
  t.match(client.received, /data: 1\n\n\r\n0\r\n\r\n$/, 'whole as far as it goes');
  await closed;
  t.equal(server.address, null);
});
