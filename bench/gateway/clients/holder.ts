/** Opens connections, makes one request on each and holds them until it is ended. argv: port, keys file, connections. */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

/** Connecting at a time: fewer than a listener lets wait. */
const AT_A_TIME = 100;
const REQUEST_MS = 30_000;

const [port = '0', keysFile = '', wanted = '0'] = process.argv.slice(2);
const keys = readFileSync(keysFile, 'utf8').split('\n');
const count = Number(wanted);
/** They must be reachable, or they would be collected and closed. */
const held: Socket[] = [];

function open(i: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1');
    const end = (good: boolean): void => {
      clearTimeout(timer);
      resolve(good);
    };
    const timer = setTimeout(() => end(false), REQUEST_MS);
    socket.once('connect', () => {
      socket.write(
        `GET /api/domains/42 HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer ${keys[i % keys.length]}\r\n\r\n`,
      );
    });
    socket.once('data', (answer) => end(String(answer).startsWith('HTTP/1.1 200 ')));
    socket.on('error', () => end(false));
    held.push(socket);
  });
}

let good = 0;
for (let i = 0; i < count; i += AT_A_TIME) {
  const batch = Array.from({ length: Math.min(AT_A_TIME, count - i) }, (_, j) => open(i + j));
  good += (await Promise.all(batch)).filter(Boolean).length;
}
const closed = held.filter(({ destroyed, readableEnded }) => destroyed || readableEnded).length;
process.stdout.write(`held ${good - closed}\n`);
