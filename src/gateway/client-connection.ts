import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { canonicalAddress } from '../core/address.ts';
import type { Denial } from '../core/denial.ts';
import type { ExchangeConnection } from './client-request.ts';
import type { OpenExchange } from './open-exchange.ts';
import type { ProxyHeader } from './proxy-protocol.ts';

/** One client connection: who it is from, and which of its requests have no whole answer yet. */
export class ClientConnection implements ExchangeConnection {
  readonly socket: Socket;
  /**
   * Where it came from, in canonical form: the remote address, unless a PROXY protocol header named another. Asked for once,
   * when it arrived: of one that is gone the system does not know it any more.
   */
  readonly peer: string;
  /** In the order in which the requests came. */
  readonly exchanges: OpenExchange[] = [];
  /** Nothing more is read from it as a request; it closes after the answers that are due. */
  closing = false;
  /** The request behind which the parser may have dropped what came with it: the connection closes after its answer. */
  lastRequest: IncomingMessage | null = null;

  /** Requests that have come and are not begun: the last of `exchanges`. */
  readonly #waiting: OpenExchange[] = [];
  #isAbandoning = false;
  /** Bytes that came before the first request. */
  readonly #preamble: number;

  /** @param header the PROXY protocol header that it began with; null: with none */
  constructor(socket: Socket, header: ProxyHeader | null, peer: string) {
    this.socket = socket;
    this.peer = peer;
    this.#preamble = header?.length ?? 0;
  }

  /** Whether any byte of a request has come. */
  get hasSpoken(): boolean {
    return this.socket.bytesRead > this.#preamble;
  }

  /**
   * Begins an exchange, or lets it wait until those before it are done: requests that a client sends without waiting may
   * be worked on at the same time only when all of them are safe (RFC 9112 §9.3.2).
   */
  begin(exchange: OpenExchange): void {
    if (this.exchanges.length > 1 && (this.#waiting.length > 0 || !this.exchanges.every(isSafe))) {
      this.#waiting.push(exchange);
    } else {
      exchange.begin();
    }
  }

  /** An exchange has ended, one way or the other. */
  ended(exchange: OpenExchange): void {
    const { exchanges } = this;
    if (exchanges[exchanges.length - 1] === exchange) exchanges.pop();
    else exchanges.splice(exchanges.indexOf(exchange), 1);
    // In a turn of its own: by then it is known whether this answer closed the connection.
    if (this.#waiting.length > 0) setImmediate(() => this.#beginNext());
    if (this.closing && exchanges.length === 0) this.socket.destroySoon();
  }

  /** The answer that is being written is the last: what waits behind it is never begun. */
  closeBehindAnswer(): void {
    this.closing = true;
    if (!this.#isAbandoning) this.#waiting.length = 0;
  }

  /** What comes on the connection cannot be read any further: ends the request of which the rest is missing, the last one. */
  abandonUnread(denial: Denial): void {
    this.closing = true;
    // Those that wait came before it, and get their answers first.
    this.#isAbandoning = true;
    for (const exchange of this.exchanges.slice()) {
      if (exchange.isReceiving) exchange.abandon(denial);
    }
    this.#isAbandoning = false;
  }

  sever(resets: boolean): void {
    if (resets) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  /** The socket has closed: so ends every exchange on it, also those whose answer was still behind another. */
  gone(): void {
    this.closing = true;
    this.#waiting.length = 0;
    // Each leaves the list as it closes.
    for (const exchange of this.exchanges.slice()) exchange.closed();
  }

  #beginNext(): void {
    const { exchanges, socket } = this;
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || socket.destroyed || socket.writableEnded) return;
      const before = exchanges.slice(0, exchanges.indexOf(next));
      if (before.length > 0 && !(isSafe(next) && before.every(isSafe))) return;
      this.#waiting.shift();
      try {
        next.begin();
      } catch {
        // A fault of the gateway's own costs one connection, never the process.
        socket.destroy();
      }
    }
  }
}

/** The remote address of a socket in canonical form; '' when it is gone. */
export function peerOf(socket: Socket): string {
  const address = socket.remoteAddress ?? '';
  return canonicalAddress(address) ?? address;
}

function isSafe(exchange: OpenExchange): boolean {
  return exchange.isSafe;
}
