/**
 * The API behind every contestant: the least that answers HTTP/1.1 with keep-alive, so that what is measured is the
 * gateway. Takes requests without bodies; answers each with the same small JSON.
 */
import { createServer, type Socket } from 'node:net';

const BODY = JSON.stringify({
  id: 42,
  name: 'example.com',
  status: 'up',
  checks: [1, 2, 3],
  note: 'a small JSON answer',
});
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\nConnection: keep-alive\r\n\r\n${BODY}`,
);
const END_OF_HEAD = Buffer.from('\r\n\r\n');

function serve(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    let answers = 0;
    for (let end = bytes.indexOf(END_OF_HEAD, from); end >= 0; end = bytes.indexOf(END_OF_HEAD, from)) {
      from = end + END_OF_HEAD.length;
      answers++;
    }
    rest = bytes.subarray(from);
    for (let i = 0; i < answers; i++) socket.write(ANSWER);
  });
}

const server = createServer(serve);
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`ready ${typeof address === 'object' ? address?.port : ''}\n`);
});
