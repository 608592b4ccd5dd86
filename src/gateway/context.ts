import type { Clock } from '../core/clock.ts';
import type { ExchangeSink } from '../core/exchange.ts';
import type { Gate } from '../core/gate.ts';
import type { InFlight } from './in-flight.ts';
import type { OpenExchange } from './open-exchange.ts';
import type { Policy } from './policy.ts';

/** How often deadlines are looked at, in milliseconds. One timer for all requests, not several for each. */
export const SWEEP_MS = 250;
/** What is read and thrown away of a request's body after its answer, so that the client gets to see the answer. */
export const LINGER_BYTES = 64 * 1024;
export const LINGER_MS = 1000;
/**
 * How many times longer than for a client that sends we wait for one that reads: the system takes more from us only when
 * a good part of its own buffer is free again, and a slow but honest reader needs a while for that.
 */
export const STALLED_TIMES = 4;

/** What every exchange of a gateway shares. */
export interface GatewayContext {
  readonly gate: Gate;
  readonly clock: Clock;
  readonly onExchange: ExchangeSink;
  /** The current policy; a reload puts another here. */
  policy: Policy;
  /** Answers say `Connection: close` while set. */
  draining: boolean;
  readonly inFlight: InFlight<OpenExchange>;
  /** performance.now() at the last sweep: the time of deadlines, as exact as they need it. */
  now: number;
}
