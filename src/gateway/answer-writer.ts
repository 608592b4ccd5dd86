import type { Decision } from '../core/decision.ts';
import type { Problem } from './problem.ts';

/** Told what becomes of an answer. */
export interface AnswerWatcher {
  /** All of it was sent, or the connection is gone. */
  closed(): void;
  /** The client takes more again. */
  drained(): void;
}

/** Writes one answer to a client: the upstream's as it comes, or a problem of the gateway's own. */
export interface AnswerWriter {
  /** Nothing more is written: all of the answer was handed over, or the connection was cut. */
  ended: boolean;
  /** Bytes of the body that were written. */
  readonly bytes: number;
  /** Status of the answer; 0 as long as its head was not written. */
  readonly status: number;
  /** Whether the client still owes a part of the request's body. */
  readonly isReceiving: boolean;
  /** Whether only the end of the connection tells the end of the body. */
  readonly endsWithConnection: boolean;
  /** Whether the answer has reached the system whole. Only to be asked once it is closed. */
  readonly wasSent: boolean;
  /** @param closes the connection must not carry another request */
  problem(problem: Problem, closes: boolean): void;
  /**
   * Relays a 1xx answer to a client that knows of them and keeps up: it may do without, and none is kept for it.
   * @param raw names and values in turn, as the upstream sent them
   */
  information(status: number, raw: readonly string[]): void;
  /** Throws GatewayAbort when the upstream's head is none that can be sent. */
  head(status: number, raw: readonly string[], decision: Decision | null): void;
  /** @returns whether the client keeps up; when not, the answer's watcher is told once it does */
  body(chunk: Buffer): boolean;
  /** All of the answer was written. While the client still sends, closing would take the answer from it. */
  end(): void;
  drained(): void;
  /**
   * Ends what has lingered long enough.
   * @param now  performance.now()
   * @param idle milliseconds that a client may pause while it sends
   * @returns whether the client has not read for too long
   */
  isStalled(now: number, idle: number): boolean;
}
