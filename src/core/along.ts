import type { AuditEvent } from './audit.ts';

/** What is written together with a change: in the same step, so that neither is ever there without the other. */
export interface Along {
  readonly event?: AuditEvent;
  readonly claim?: Claim;
}

/** That a request with an Idempotency-Key was carried out, and how it was answered. */
export interface Claim {
  /** Stands for the caller and the key that it sent. */
  readonly id: string;
  /** Stands for what was asked: the same key with another request is a mistake. */
  readonly fingerprint: string;
  /** The answer as JSON, without the secret. */
  readonly answer: string;
  /** The secret, sealed under what the caller sent, which the store does not know. */
  readonly sealedSecret: string;
  /** Milliseconds since the epoch; from then on it is as if it had never been. */
  readonly expiresAt: number;
}
