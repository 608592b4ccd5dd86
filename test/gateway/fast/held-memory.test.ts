import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import t, { type Test } from 'tap';
import { ANSWER_MEMORY, ReadMemory } from '../../../src/gateway/fast/read-memory.ts';
import { config, startGateway } from '../../support/gateway.ts';
import { StubClient, upstreamAt } from './forward-fixture.ts';

/** More than the buffers of two sockets hold. */
const BODY_BYTES = 16 * 1024 * 1024;
const PIECE_BYTES = 96 * 1024;
const CLIENTS = 3;
const TURNS = 3;

/** The bytes of a body from a place on: every four of them tell the body and the place. */
function fill(piece: Buffer, seed: number, at: number): Buffer {
  for (let i = 0; i < piece.length; i += 4) piece.writeUInt32LE((seed + at + i) >>> 0, i);
  return piece;
}

function* bodyOf(seed: number): Iterable<Buffer> {
  for (let at = 0; at < BODY_BYTES; at += PIECE_BYTES) {
    yield fill(Buffer.alloc(Math.min(PIECE_BYTES, BODY_BYTES - at)), seed, at);
  }
}

/** Reads a body now and then, and looks at every byte. Resolves to the first place that is wrong; -1: none is. */
async function readSlowly(body: IncomingMessage, seed: number): Promise<number> {
  let at = 0;
  let wrong = -1;
  let pieces = 0;
  const expected = Buffer.alloc(256 * 1024 + 8);
  const reader = new Writable({
    async write(chunk: Buffer, _encoding, done) {
      const offset = at % 4;
      for (let i = 0; i < chunk.length && wrong < 0; i += 256 * 1024) {
        const part = chunk.subarray(i, i + 256 * 1024);
        fill(expected, seed, at + i - offset);
        if (!expected.subarray(offset, offset + part.length).equals(part)) wrong = at + i;
      }
      at += chunk.length;
      // So that the one who sends gets ahead, and must wait.
      if (++pieces % 16 === 0) for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      done();
    },
  });
  await pipeline(body, reader);
  return wrong < 0 && at !== BODY_BYTES ? at : wrong;
}

async function startSeededUpstream(t: Test) {
  const wrong: number[] = [];
  const serve = async (came: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const seed = Number(came.headers['x-seed']);
    if (came.method === 'PUT') {
      wrong.push(await readSlowly(came, seed));
      answer.end();
      return;
    }
    if (came.url === '/length') answer.setHeader('Content-Length', BODY_BYTES);
    for (const piece of bodyOf(seed)) {
      if (!answer.write(piece)) await once(answer, 'drain');
    }
    answer.end();
  };
  const server = createServer((came, answer) => void serve(came, answer));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, wrong };
}

async function startSite(t: Test) {
  const upstream = await startSeededUpstream(t);
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  t.teardown(() => agent.destroy());
  const send = (method: string, path: string, seed: number) => {
    const headers = {
      authorization: 'Bearer lk_test',
      'x-seed': seed,
      ...(method === 'PUT' ? { 'content-length': BODY_BYTES } : {}),
    };
    return request({ port, host: '127.0.0.1', method, path, headers, agent });
  };
  return { send, upstream };
}

t.test('answers that come faster than their clients read arrive as they were sent', async (t) => {
  const { send } = await startSite(t);
  for (const path of ['/length', '/chunks']) {
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      for (let turn = 0; turn < TURNS; turn++) {
        const seed = (client * TURNS + turn) * 0x1000_0001;
        const [answer] = (await once(send('GET', path, seed).end(), 'response')) as [IncomingMessage];
        t.equal(await readSlowly(answer, seed), -1, path);
      }
    });
    await Promise.all(clients);
  }
});

t.test('uploads that come faster than the upstream reads arrive as they were sent', async (t) => {
  const { send, upstream } = await startSite(t);
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    for (let turn = 0; turn < TURNS; turn++) {
      const upload = send('PUT', '/', (client * TURNS + turn) * 0x1000_0001);
      const answered = once(upload, 'response') as Promise<[IncomingMessage]>;
      await pipeline(bodyOf((client * TURNS + turn) * 0x1000_0001), upload);
      const [answer] = await answered;
      t.equal(answer.statusCode, 200);
      answer.resume();
      await once(answer, 'end');
    }
  });
  await Promise.all(clients);
  t.equal(upstream.wrong.length, CLIENTS * TURNS);
  t.ok(
    upstream.wrong.every((place) => place === -1),
    upstream.wrong.join(),
  );
});

t.test('what a client has not taken is not read over, by its own answer or the next one', async (t) => {
  const { upstream } = await startSite(t);
  const relayed = upstreamAt(t, upstream.url);
  const clients: StubClient[] = [];
  for (const [seed, path] of ['/length', '/chunks', '/length', '/length'].entries()) {
    const client = new StubClient(relayed, { path, headers: ['X-Seed', String(seed)] });
    client.writer.holdsBytes = true;
    clients.push(await client.whole());
  }
  for (const [seed, { writer }] of clients.entries()) {
    t.ok(Buffer.concat(writer.held).equals(Buffer.concat([...bodyOf(seed)])), `answer ${seed}`);
  }
});

t.test('memory that is read into', async (t) => {
  const one = new ReadMemory(ANSWER_MEMORY);
  const other = new ReadMemory(ANSWER_MEMORY);
  const shared = one.next(0, false);
  t.equal(other.next(1000, false), shared, 'all share it while little comes');
  const own = one.next(50_000, false);
  t.not(own, shared, 'while more comes each has its own');
  t.equal(one.next(50_000, false), own, 'and keeps it');
  const next = one.next(50_000, true);
  t.not(next, own, 'but for what is held on to');
  t.not(other.next(50_000, false), own, 'which nobody else gets');
  one.takeBack();
  t.equal(one.next(0, false), shared);
  const taken = [new ReadMemory(ANSWER_MEMORY).next(50_000, false), new ReadMemory(ANSWER_MEMORY).next(50_000, false)];
  t.strictSame(new Set(taken), new Set([own, next]), 'until it is let go');
  t.equal(other.next(0, true), shared, 'what is held on to when little comes again is not waited for');
  t.ok(
    new ReadMemory(ANSWER_MEMORY).next(10_000_000, false).length > own.length,
    'for much more there is more at a time',
  );
});
