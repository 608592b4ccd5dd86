import { type BoundSocket, type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { HIGH_WATER_BYTES } from './socket-writes.ts';

/** What `readAsStream` reads into; copied at once. */
const passing = Buffer.allocUnsafeSlow(64 * 1024);

/** What node keeps of a socket without naming it in its types. */
interface Internals {
  /** The system's side of it. A new socket takes it as it takes a bound one, of which alone its types know. */
  _handle: BoundSocket | null;
  /** The server that counts it. */
  _server: object | null;
}

/** `writableHighWaterMark` when it is undefined is node's own. */
type Options = SocketConstructorOpts & { writableHighWaterMark: number | undefined };

/**
 * Takes an accepted connection over into a socket that reads into memory of ours, so that none is made for each read.
 * @param accepted has no listeners, and nothing that was read and not taken. It is of no use afterwards
 * @returns the socket that is the connection now; it emits no 'data'
 */
export function readInto(accepted: Socket, onread: OnReadOpts): Socket {
  return moved(accepted, onread, HIGH_WATER_BYTES);
}

/**
 * Takes such a connection over into a socket that emits 'data' like any other.
 * @param socket of `readInto`, without listeners. It is of no use afterwards
 */
export function readAsStream(socket: Socket): Socket {
  // What it reads into stays in place beneath whatever reads the connection later: it must end up in the stream.
  const stream: Socket = moved(socket, {
    buffer: passing,
    callback: (length) => stream.push(Buffer.from(passing.subarray(0, length))),
  });
  return stream;
}

function moved(from: Socket, onread: OnReadOpts, writableHighWaterMark?: number): Socket {
  const { _handle: handle, _server: server } = from as unknown as Internals;
  // It was closed in the meantime, and says so to whoever listens.
  if (handle === null) return from;
  const options: Options = { handle, onread, allowHalfOpen: true, writableHighWaterMark };
  const socket = new Socket(options);
  Object.assign(socket, { _server: server, server });
  Object.assign(from, { _handle: null, _server: null });
  // What failed on it just now, it may still be about to tell; nobody would listen, and that ends the process.
  from.on('error', () => undefined);
  return socket;
}
