import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { canonicalAddress } from '../core/address.ts';
import type { OpenExchange } from './open-exchange.ts';

/** One client connection: who it is from, and which of its requests have no whole answer yet. */
export class ClientConnection {
  readonly socket: Socket;
  /** The remote address in canonical form; '' when it was gone before it could be read. */
  readonly peer: string;
  /** In the order in which the requests came. */
  readonly exchanges: OpenExchange[] = [];
  /** Nothing more is read from it as a request; it closes after the answers that are due. */
  closing = false;
  /** The request behind which the parser may have dropped what came with it: the connection closes after its answer. */
  lastRequest: IncomingMessage | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    const address = socket.remoteAddress ?? '';
    this.peer = canonicalAddress(address) ?? address;
  }

  /** An exchange has ended, one way or the other. */
  ended(exchange: OpenExchange): void {
    const { exchanges } = this;
    if (exchanges[exchanges.length - 1] === exchange) exchanges.pop();
    else exchanges.splice(exchanges.indexOf(exchange), 1);
    if (this.closing && exchanges.length === 0) this.socket.destroySoon();
  }

  /** The socket has closed: so ends every exchange on it, also those whose answer was still behind another. */
  gone(): void {
    this.closing = true;
    // Each leaves the list as it closes.
    for (const exchange of this.exchanges.slice()) exchange.closed();
  }
}
