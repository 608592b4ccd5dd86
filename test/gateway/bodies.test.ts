import type { Socket } from 'node:net';
import t from 'tap';
import { config, startGateway } from '../support/gateway.ts';
import { get, rawClient } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

const PIECE = Buffer.alloc(64 * 1024, 'a');
/** Far more than the buffers of two sockets hold. */
const LARGE = 256 * 1024 * 1024;
/** What may be held of it at a time, with all that a garbage collector has not got to yet. */
const MEMORY = 120 * 1024 * 1024;

/** Writes as fast as the other side takes it. */
function pour(socket: Socket, bytes: number, after: () => void = () => undefined): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      left -= PIECE.length;
      if (left <= 0) after();
      if (!socket.write(PIECE)) return;
    }
  };
  socket.on('drain', more);
  more();
}

function peakOf(): { stop(): number } {
  const before = process.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  return {
    stop: () => {
      clearInterval(timer);
      return peak - before;
    },
  };
}

t.test('a large upload passes in little memory', async (t) => {
  const upstream = await startRawUpstream(t, (request) => void request.body.then(() => request.ok()));
  const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/x', `Content-Length: ${LARGE}\r\n`, 'POST'));
  const memory = peakOf();
  pour(client.socket, LARGE);
  t.equal((await client.answer()).status, 200);
  const used = memory.stop();
  t.ok(used < MEMORY, `${Math.round(used / 1e6)} MB`);
  t.equal(upstream.requests[0]?.bytes, LARGE);
  t.equal((await reported(1))[0]?.requestBytes, LARGE);
});

t.test('a large answer passes in little memory', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    request.reply(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
    pour(request.socket, LARGE);
  });
  const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/x'));
  const memory = peakOf();
  const answer = await client.answer();
  const used = memory.stop();
  t.ok(answer.whole);
  t.equal(answer.bytes, LARGE);
  t.ok(used < MEMORY, `${Math.round(used / 1e6)} MB`);
  t.equal((await reported(1))[0]?.responseBytes, LARGE);
});

t.test('an upstream that does not read holds the client back', async (t) => {
  const upstream = await startRawUpstream(t, (request) => request.socket.pause());
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/x', `Content-Length: ${LARGE}\r\n`, 'POST'));
  pour(client.socket, LARGE);
  const request = await upstream.request(0);
  await settled(() => client.socket.bytesWritten - client.socket.writableLength);
  t.ok(client.socket.bytesWritten < LARGE / 4, `${client.socket.bytesWritten} bytes were taken`);
  request.socket.resume();
  await request.body;
  request.ok();
  t.equal((await client.answer()).status, 200);
});

t.test('a client that does not read holds the upstream back', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    request.reply(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
    pour(request.socket, LARGE);
  });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.socket.pause();
  client.send(get('/x'));
  const { socket } = await upstream.request(0);
  await settled(() => socket.bytesWritten - socket.writableLength);
  t.ok(socket.bytesWritten < LARGE / 4, `${socket.bytesWritten} bytes were taken`);
  client.socket.resume();
  t.equal((await client.answer()).bytes, LARGE);
});

/** Resolves when a number has stopped growing. */
async function settled(read: () => number): Promise<void> {
  let last = -1;
  let same = 0;
  while (same < 5) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
  }
}
