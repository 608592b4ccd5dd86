import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { crc32 } from 'node:zlib';
import t, { type Test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import type { Serving } from '../cli/serving.ts';
import { ask, pause, Site } from './site.ts';

const MIB = 1024 * 1024;
const PIECE = 256 * 1024;
/** So much longer than any buffer that what is kept rather than passed on shows. */
const TOTAL = 1024 * MIB;
const MOST_MEMORY = 300 * MIB;
/** What may lie in the sockets' buffers and the gateway's own while nobody reads. */
const MOST_ON_THE_WAY = 64 * MIB;
/** Bytes that do not repeat within a piece: pieces that are lost or swapped are not taken for whole. */
const BYTES = Buffer.from(Uint32Array.from({ length: PIECE / 4 }, (_, i) => Math.imul(i + 1, 2_654_435_761)).buffer);

interface Sum {
  readonly bytes: number;
  readonly crc: number;
}

/** The piece with its number written into it. */
function numbered(bytes: Buffer, i: number): Buffer {
  bytes.writeUInt32LE(i, 0);
  return bytes;
}

/** Writes as fast as it is taken. @param progress told how many bytes were given away so far */
async function pour(sink: Writable, progress: (bytes: number) => void = () => undefined): Promise<Sum> {
  let crc = 0;
  for (let i = 0; i < TOTAL / PIECE; i++) {
    const piece = numbered(Buffer.from(BYTES), i);
    crc = crc32(piece, crc);
    if (!sink.write(piece)) await once(sink, 'drain');
    progress((i + 1) * PIECE);
  }
  sink.end();
  return { bytes: TOTAL, crc };
}

async function drink(source: Readable): Promise<Sum> {
  let bytes = 0;
  let crc = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    crc = crc32(chunk, crc);
  }
  return { bytes, crc };
}

/** An upstream that handles each request as the test says. */
async function upstreamOf(
  t: Test,
  handle: (request: IncomingMessage, answer: ServerResponse) => void,
): Promise<string> {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A gateway for that upstream, with a key. */
async function gatewayOf(t: Test, upstream: string): Promise<{ serving: Serving; secret: string }> {
  const site = new Site(t, { upstream });
  const { secret } = await site.create();
  return { serving: await site.serve(), secret };
}

/** The most memory that a process ever held, in bytes. */
function peakMemory({ child }: Serving): number {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
  return Number(found?.[1]) * 1024;
}

/** Waits until a number has stopped to grow, and gives it. */
async function settled(read: () => number): Promise<number> {
  let before = -1;
  while (read() !== before) {
    before = read();
    await pause(300);
  }
  return before;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}

t.test("a gigabyte down: whole, at the reader's speed, and never kept", async (t) => {
  let sent = 0;
  const pouring = Promise.withResolvers<Promise<Sum>>();
  const upstream = await upstreamOf(t, (_request, answer) => {
    answer.writeHead(200, { 'content-length': TOTAL });
    const progress = (bytes: number): void => {
      sent = bytes;
    };
    pouring.resolve(pour(answer, progress));
  });
  const { serving, secret } = await gatewayOf(t, upstream);
  const asked = request(`${serving.url}/`, { headers: { authorization: `Bearer ${secret}` } }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  t.equal(answer.headers['content-length'], `${TOTAL}`);
  const waiting = await settled(() => sent);
  t.ok(waiting > 0 && waiting < MOST_ON_THE_WAY, `while nobody reads, ${megabytes(waiting)} are on the way`);
  t.strictSame(await drink(answer), await pouring.promise);
  t.ok(peakMemory(serving) < MOST_MEMORY, `with ${megabytes(peakMemory(serving))} of memory`);
});

t.test("a gigabyte up: whole, at the reader's speed, and never kept", async (t) => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: taken, resolve: take } = Promise.withResolvers<Sum>();
  const upstream = await upstreamOf(t, (request, answer) => {
    void begun
      .then(() => drink(request))
      .then((sum) => {
        take(sum);
        return answer.end('thanks');
      });
  });
  const { serving, secret } = await gatewayOf(t, upstream);
  const headers = { authorization: `Bearer ${secret}`, 'content-length': TOTAL };
  const asked = request(`${serving.url}/`, { method: 'PUT', headers });
  let sent = 0;
  const poured = pour(asked, (bytes) => {
    sent = bytes;
  });
  const answered = once(asked, 'response');
  const waiting = await settled(() => sent);
  t.ok(waiting > 0 && waiting < MOST_ON_THE_WAY, `while nobody reads, ${megabytes(waiting)} are on the way`);
  begin();
  t.strictSame(await taken, await poured);
  const [answer] = (await answered) as [IncomingMessage];
  t.equal(answer.statusCode, 200);
  answer.resume();
  t.ok(peakMemory(serving) < MOST_MEMORY, `with ${megabytes(peakMemory(serving))} of memory`);
});

t.test('an event arrives before the next one is sent', async (t) => {
  let send: (event: string) => void = () => undefined;
  const upstream = await upstreamOf(t, (_request, answer) => {
    answer.writeHead(200, { 'content-type': 'text/event-stream' });
    answer.flushHeaders();
    send = (event) => void answer.write(event);
  });
  const { serving, secret } = await gatewayOf(t, upstream);
  const answer = await fetch(`${serving.url}/events`, { headers: { authorization: `Bearer ${secret}` } });
  t.equal(answer.headers.get('content-type'), 'text/event-stream');
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let i = 0; i < 5; i++) {
    const event = `id: ${i}\ndata: event ${i}\n\n`;
    send(event);
    let received = '';
    while (received.length < event.length) received += (await reader?.read())?.value ?? '';
    t.equal(received, event);
  }
  await reader?.cancel();
});

t.test('a WebSocket: messages both ways, and 1001 when the gateway ends', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const echo = new WebSocketServer({ server });
  const closes: Promise<unknown[]>[] = [];
  echo.on('connection', (socket, request) => {
    t.notMatch(JSON.stringify(request.rawHeaders), 'lk_', 'the key does not go upstream');
    t.match(request.headers['x-latchkey-key-id'], /^key_/);
    closes.push(once(socket, 'close'));
    socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
  });
  t.teardown(() => {
    for (const socket of echo.clients) socket.terminate();
    server.close();
  });
  const { serving, secret } = await gatewayOf(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const url = `${serving.url.replace('http', 'ws')}/live`;

  const refused = new WebSocket(url);
  const [, answer] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage];
  t.equal(answer.statusCode, 401, 'not without a key');
  refused.on('error', () => undefined);
  refused.terminate();

  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${secret}` } });
  await once(socket, 'open');
  for (const message of ['text', Buffer.from([0, 1, 255]), 'x'.repeat(300_000)]) {
    socket.send(message);
    const [data] = (await once(socket, 'message')) as [Buffer];
    t.ok(data.equals(Buffer.from(message)), `${message.length} bytes come back`);
  }
  const closed = once(socket, 'close');
  serving.child.kill('SIGTERM');
  t.equal((await closed)[0], 1001);
  t.equal((await closes[0])?.[0], 1001, 'the API is told too');
  t.equal(await serving.ended, 0);
  t.equal(closes.length, 1);
});

t.test('requests on one connection follow each other, with and without bodies', async (t) => {
  const upstream = await upstreamOf(t, (request, answer) => {
    void drink(request).then(({ bytes }) => answer.end(`${request.method} ${bytes}`));
  });
  const { serving, secret } = await gatewayOf(t, upstream);
  for (let i = 0; i < 20; i++) {
    const body = 'x'.repeat(i * 1000);
    t.equal((await ask(`${serving.url}/`, secret)).body, 'GET 0');
    t.equal((await ask(`${serving.url}/`, secret, { method: 'POST', body })).body, `POST ${body.length}`);
  }
});
