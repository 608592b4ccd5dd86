import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Policy } from './policy.ts';

/** What the front hands over when a client asks for a WebSocket (GET, HTTP/1.1, no body, `Upgrade: websocket`). */
export interface UpgradeAttempt {
  readonly request: IncomingMessage;
  /** Nothing was written to it for this request, and nothing else uses it. It is the handler's to end. */
  readonly socket: Duplex;
  /** What the client sent after its head. None of it may go upstream before the 101. */
  readonly head: Buffer;
  /** The connection's remote address in canonical form; pass it to `examine`. */
  readonly peer: string;
  /** The policy that was current when the head arrived. It stays usable until the attempt's socket is closed. */
  readonly policy: Policy;
  /** When the head was complete, in milliseconds since the epoch; pass it to `examine`. */
  readonly at: number;
}

/** Takes over upgrades: made outside and handed to the front. */
export interface UpgradeHandler {
  /** Never throws. Answers or closes the socket in the end, and reports the exchange itself. */
  handle(attempt: UpgradeAttempt): void;
  /** Tells every open upgraded connection to close (1001); resolves when all are. */
  drain(): Promise<void>;
  /** Cuts what is still open. */
  close(): void;
}
