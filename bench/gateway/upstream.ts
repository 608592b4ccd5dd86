/**
 * The API behind every contestant: the least that answers HTTP/1.1 with keep-alive, so that what is measured is the
 * gateway. `GET /api/domains/size-N` is answered with N bytes, any other GET with the same small JSON; a request with
 * Content-Length is read to its end and answered with how much came. argv: port (0 or none: any).
 */
import { createServer, type Socket } from 'node:net';

const BODY = JSON.stringify({
  id: 42,
  name: 'example.com',
  status: 'up',
  checks: [1, 2, 3],
  note: 'a small JSON answer',
});
const SMALL = answer('application/json', Buffer.from(BODY));
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const SIZED = /^GET \/api\/domains\/size-(\d{1,9}) /;
const LENGTH = /\r\ncontent-length: *(\d{1,12})\r\n/i;
/** Where a sized target differs from others: `GET /api/domains/s`. */
const SIZED_AT = 17;
const LETTER_G = 0x47;
const LETTER_S = 0x73;
/** More connections than this that wait to be accepted are refused by the kernel. */
const BACKLOG = 4_096;

const sized = new Map<string, Buffer>();

function answer(type: string, body: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\nConnection: keep-alive\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function answerToGet(bytes: Buffer, at: number): Buffer {
  if (bytes[at + SIZED_AT] !== LETTER_S) return SMALL;
  const size = SIZED.exec(bytes.toString('latin1', at, at + 64))?.[1];
  if (size === undefined) return SMALL;
  const known = sized.get(size);
  if (known !== undefined) return known;
  const made = answer('application/octet-stream', Buffer.alloc(Number(size), 'x'));
  sized.set(size, made);
  return made;
}

function serve(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  let length = 0;
  let awaited = 0;
  const received = (): boolean =>
    socket.write(answer('application/json', Buffer.from(JSON.stringify({ received: length }))));
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (at < bytes.length) {
      if (awaited > 0) {
        const taken = Math.min(awaited, bytes.length - at);
        awaited -= taken;
        at += taken;
        if (awaited === 0) received();
        continue;
      }
      const end = bytes.indexOf(END_OF_HEAD, at);
      if (end < 0) break;
      if (bytes[at] === LETTER_G) socket.write(answerToGet(bytes, at));
      else {
        const given = LENGTH.exec(bytes.toString('latin1', at, end + 2))?.[1];
        if (given === undefined) {
          socket.end('HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
          return;
        }
        length = awaited = Number(given);
        if (length === 0) received();
      }
      at = end + END_OF_HEAD.length;
    }
    rest = bytes.subarray(at);
  });
}

const server = createServer(serve);
server.listen({ port: Number(process.argv[2] ?? 0), host: '127.0.0.1', backlog: BACKLOG }, () => {
  const address = server.address();
  process.stdout.write(`ready ${typeof address === 'object' ? address?.port : ''}\n`);
});
