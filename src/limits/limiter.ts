import type { Clock } from '../core/clock.ts';
import type { LoadedKey } from '../core/decision.ts';
import type { Limiter } from '../core/gate.ts';
import type { Lease } from '../core/limits.ts';
import type { MaybePromise } from '../core/maybe.ts';
import { type LimitLedger, StoreError } from '../core/ports.ts';
import { type OutageAdmissions, OutageLedger } from './outage-ledger.ts';

/** After the ledger failed, how long this process decides alone before one request asks the ledger again. */
const RETRY_LEDGER_MS = 500;

export interface LimiterStats {
  /** Admissions that this process decided alone because the ledger could not be asked. */
  readonly fallbacks: number;
  readonly ledgerErrors: number;
}

/**
 * Takes admissions from the ledger that all processes share, one for each request. While the ledger cannot be asked,
 * this process enforces the same limits alone, from how they last stood.
 */
export class LedgerLimiter implements Limiter {
  readonly #ledger: LimitLedger;
  readonly #clock: Clock;
  readonly #outage: OutageLedger;
  #alone = false;
  #askAgainAt = 0;
  #fallbacks = 0;
  #ledgerErrors = 0;

  /** @param maxKeys keys whose limits this process can keep during an outage */
  constructor(ledger: LimitLedger, clock: Clock, maxKeys: number) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#outage = new OutageLedger(maxKeys);
  }

  get stats(): LimiterStats {
    return { fallbacks: this.#fallbacks, ledgerErrors: this.#ledgerErrors };
  }

  admit(key: LoadedKey): MaybePromise<Lease> {
    if (this.#alone) {
      const now = this.#clock.now();
      const early = this.#askAgainAt - now;
      // A clock that was set back must not keep this process alone for as long.
      if (early > 0 && early <= RETRY_LEDGER_MS) return this.#decideAlone(key);
      this.#askAgainAt = now + RETRY_LEDGER_MS;
    }
    let lease: MaybePromise<Lease>;
    try {
      lease = this.#ledger.lease(key.record.id, key.limits, 1);
    } catch (error) {
      return this.#failed(key, error);
    }
    if (!(lease instanceof Promise)) return this.#answered(key, lease);
    return lease.then(
      (settled) => this.#answered(key, settled),
      (error: unknown) => this.#failed(key, error),
    );
  }

  #answered(key: LoadedKey, lease: Lease): Lease {
    key.recent.lease = lease;
    if (this.#alone) this.#recover();
    return lease;
  }

  #failed(key: LoadedKey, error: unknown): Lease {
    if (!(error instanceof StoreError)) throw error;
    this.#ledgerErrors++;
    this.#alone = true;
    this.#askAgainAt = this.#clock.now() + RETRY_LEDGER_MS;
    return this.#decideAlone(key);
  }

  #decideAlone(key: LoadedKey): Lease {
    this.#fallbacks++;
    return this.#outage.lease(key, this.#clock.now());
  }

  /** The ledger is back: it is told what was admitted without it, as far as there is room for that. */
  #recover(): void {
    this.#alone = false;
    void this.#report(this.#outage.drain());
  }

  async #report(admissions: readonly OutageAdmissions[]): Promise<void> {
    for (const [i, { keyId, limits, admitted }] of admissions.entries()) {
      try {
        // One after the other, so that a long outage of many keys does not end in a flood.
        await this.#ledger.lease(keyId, limits, admitted);
      } catch (error) {
        // Down again: the rest is still owed.
        this.#outage.restore(admissions.slice(i));
        if (!(error instanceof StoreError)) throw error;
        this.#ledgerErrors++;
        this.#alone = true;
        this.#askAgainAt = this.#clock.now() + RETRY_LEDGER_MS;
        return;
      }
    }
  }
}
