import { hash } from 'node:crypto';
import type { Claim } from '../../core/along.ts';
import { createSealer, type Sealer, sealingKeyFrom } from '../../keys/sealing.ts';
import { mayWrite } from '../caller.ts';
import { ManagementError } from '../failures.ts';
import type { KeyCreate, KeyIssued } from '../schemas/key.ts';
import type { AdminContext } from './context.ts';

/** For so long a request with an Idempotency-Key is known again. */
const CLAIM_LIFE_MS = 24 * 3_600_000;

/**
 * A request with an Idempotency-Key: the key that it makes is made once, and each repetition is answered alike, secret
 * included. The secret is kept sealed under what the caller sent, of which the store has only a hash, and what the
 * gateway adds to it.
 */
export class IdempotentCreate {
  readonly #context: AdminContext;
  readonly #id: string;
  readonly #fingerprint: string;
  readonly #sealer: Sealer;

  constructor(idempotencyKey: string, body: KeyCreate, context: AdminContext) {
    this.#context = context;
    const { caller } = context;
    // What was made with admin:write is shown again with admin:write only.
    const claimed = ['key.create', caller.subject, idempotencyKey, mayWrite(caller)];
    this.#id = hash('sha256', JSON.stringify(claimed), 'base64url');
    this.#fingerprint = hash('sha256', JSON.stringify(body), 'base64url');
    this.#sealer = createSealer(sealingKeyFrom(idempotencyKey, context.claimSalt, 'latchkey idempotent create'));
  }

  /**
   * The answer that was given before; null when there was none.
   * @throws ManagementError `idempotency_mismatch` when the request was another
   */
  async earlierAnswer(): Promise<KeyIssued | null> {
    const { clock, store } = this.#context;
    const claim = await store.keys.findClaim(this.#id, clock.now());
    if (claim === null) return null;
    if (claim.fingerprint !== this.#fingerprint) {
      const detail = 'this Idempotency-Key came with another body before; use a new one for another request';
      throw new ManagementError('idempotency_mismatch', detail, [{ header: 'Idempotency-Key', detail }]);
    }
    const secret = this.#sealer.open(claim.sealedSecret, this.#id);
    if (secret === null) {
      const detail = 'the key was made, but this gateway cannot show its secret again; rotate it for a new one';
      throw new ManagementError('conflict', detail);
    }
    return { ...(JSON.parse(claim.answer) as Omit<KeyIssued, 'secret'>), secret };
  }

  /** What is stored together with the key. */
  claim({ secret, ...answer }: KeyIssued): Claim {
    return {
      id: this.#id,
      fingerprint: this.#fingerprint,
      answer: JSON.stringify(answer),
      sealedSecret: this.#sealer.seal(secret, this.#id),
      expiresAt: this.#context.clock.now() + CLAIM_LIFE_MS,
    };
  }
}
