import type { DenialCode } from './denial.ts';
import type { UsagePlace } from './usage.ts';

/**
 * One request and its answer, as it ended: what the request log, the metrics and the usage recorder are told, after the
 * answer. Nothing in it is a secret; texts that a client chose are bounded by the limits on heads.
 */
export interface Exchange {
  readonly requestId: string;
  readonly method: string;
  /** The canonical path, without the query; for a request that was refused before it had one, ''. */
  readonly path: string;
  /** Pattern of the route that matched; null when none did. */
  readonly route: string | null;
  /** The client's address. */
  readonly address: string;
  readonly userAgent: string | undefined;
  /** The key that the secret belongs to, also when it was refused; null when none is known. */
  readonly keyId: string | null;
  /** Type and owner of that key; null when there is none. */
  readonly keyType: string | null;
  readonly owner: string | null;
  /** Where the key is counted; null when there is none. */
  readonly counted: UsagePlace | null;
  readonly previousSecret: boolean;
  /** Whether the checks let it pass. */
  readonly allowed: boolean;
  /** Status that the client was sent; 0 when it left before one was. */
  readonly status: number;
  /** The denial, or the gateway's own failure to get an answer; null when the upstream's answer was relayed. */
  readonly code: DenialCode | null;
  /** Denials that were in shadow, in the order of the checks; null: none. */
  readonly wouldDeny: readonly DenialCode[] | null;
  /** Why the answer was cut short after its head was sent; null when it was whole. */
  readonly aborted: 'client' | 'upstream' | 'gateway' | null;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** When the head of the request was complete, ms since the epoch. */
  readonly at: number;
  /** From then to the end of the answer, in ms (fractions kept). */
  readonly durationMs: number;
  /** From dispatch to the head of the upstream's answer, in ms; null when there was none. */
  readonly upstreamMs: number | null;
  /** What failed inside, for the log only (an error code and message of the upstream connection); null when nothing did. */
  readonly failure: string | null;
}

/** Told of each exchange once, off the answer's way. Must not throw. */
export type ExchangeSink = (exchange: Exchange) => void;
