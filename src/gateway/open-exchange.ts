import type { Denial } from '../core/denial.ts';
import type { Listed } from './in-flight.ts';

/** A request that has no whole answer yet, as its connection and the sweep of deadlines see it. */
export interface OpenExchange extends Listed<OpenExchange> {
  /** Whether its method is safe (RFC 9110 §9.2.1): it asks for nothing to be changed. */
  readonly isSafe: boolean;
  /** Whether the client still owes a part of the request's body. */
  readonly isReceiving: boolean;
  /** Decides, and forwards what may pass. */
  begin(): void;
  /** The request turned out to be unusable after it was forwarded. */
  abandon(denial: Denial): void;
  /** Ends what has waited for too long. @param now performance.now() */
  checkDeadlines(now: number): void;
  /** Ends the connection in a way that no client can take for the end of the answer. */
  cut(by: 'client' | 'upstream' | 'gateway'): void;
  /** The connection is gone. */
  closed(): void;
}
