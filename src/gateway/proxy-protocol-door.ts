import type { Socket } from 'node:net';
import { type ProxyHeader, readProxyHeader } from './proxy-protocol.ts';

/** Why a connection was closed at the door: it does not begin with a header, or not in time. */
export type DoorFailure = 'PROXY_HEADER_INVALID' | 'PROXY_HEADER_LATE';

/** Told of a connection that was turned away. The socket is still there to be looked at, and destroyed right after. */
export type TurnedAway = (socket: Socket, failure: DoorFailure) => void;

/**
 * Where connections wait that must begin with a PROXY protocol header. Nothing is answered here: to whoever does not
 * begin with one the connection closes. How many wait is bounded by the listener, which counts them like all others, and
 * what each has sent is bounded by the length of a header.
 */
export class ProxyProtocolDoor {
  readonly #waiting = new Set<Socket>();
  readonly #turnedAway: TurnedAway;

  constructor(turnedAway: TurnedAway) {
    this.#turnedAway = turnedAway;
  }

  /** Connections whose header is not whole. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * @param socket    a connection of which nothing was read
   * @param timeoutMs how long the header may take, from now
   * @param enter     called once the header is whole, with what came behind it. It must begin to read at once
   */
  admit(socket: Socket, timeoutMs: number, enter: (header: ProxyHeader, unread: Buffer) => void): void {
    let came: Buffer = Buffer.alloc(0);
    const close = (): void => void socket.destroy();
    const turnAway = (failure: DoorFailure): void => {
      this.#turnedAway(socket, failure);
      close();
    };
    const leave = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(socket);
      socket.off('data', read).off('end', close).off('error', close).off('close', leave);
    };
    const read = (data: Buffer): void => {
      came = came.length === 0 ? data : Buffer.concat([came, data]);
      const header = readProxyHeader(came);
      if (header === 'more') return;
      if (header === 'invalid') return turnAway('PROXY_HEADER_INVALID');
      leave();
      enter(header, came.subarray(header.length));
    };
    // Whoever opened a connection and never said anything, as a health check does, made no mistake.
    const late = (): void => (came.length === 0 ? close() : turnAway('PROXY_HEADER_LATE'));
    const timer = setTimeout(late, timeoutMs);
    this.#waiting.add(socket);
    socket.on('data', read).on('end', close).on('error', close).on('close', leave);
  }

  /** Cuts all that wait. None of them has asked for anything yet. */
  cut(): void {
    for (const socket of this.#waiting) socket.destroy();
  }
}
