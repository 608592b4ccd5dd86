import type { Clock } from '../core/clock.ts';
import type { LoadedKey } from '../core/decision.ts';
import type { Limiter } from '../core/gate.ts';
import type { Lease } from '../core/limits.ts';
import type { MaybePromise } from '../core/maybe.ts';
import { type LimitLedger, StoreError } from '../core/ports.ts';
import type { Owed } from './debts.ts';
import { LeaseBook, type LeaseBookStats } from './lease-book.ts';
import { OutageLedger } from './outage-ledger.ts';

/** After the ledger failed, how long this process decides alone before one request asks the ledger again. */
const RETRY_LEDGER_MS = 500;

/** How often what was taken ahead and may not be spent any more is given back. */
const SWEEP_MS = 200;

export interface LimiterStats extends LeaseBookStats {
  /** Admissions that this process decided alone because the ledger could not be asked. */
  readonly fallbacks: number;
  readonly ledgerErrors: number;
}

/**
 * Takes admissions from the ledger that all processes share, for busy keys several at a time (lease-book.ts). While the
 * ledger cannot be asked, this process enforces the same limits alone, from how they last stood; what it took ahead before
 * is spent first, since that is counted already.
 */
export class LedgerLimiter implements Limiter {
  readonly #clock: Clock;
  readonly #outage: OutageLedger;
  readonly #book: LeaseBook;
  #timer: NodeJS.Timeout | null = null;
  #alone = false;
  #askAgainAt = 0;
  #isTelling = false;
  #fallbacks = 0;
  #ledgerErrors = 0;

  /**
   * @param maxKeys keys whose limits this process can keep during an outage
   * @param elapsed milliseconds that never go back, whatever they begin at; by the clock when absent
   */
  constructor(ledger: LimitLedger, clock: Clock, maxKeys: number, elapsed = () => clock.now()) {
    this.#clock = clock;
    this.#outage = new OutageLedger(maxKeys);
    const debts = {
      owes: (keyId: string) => this.#outage.owes(keyId),
      owed: (keyId: string) => this.#outage.owed(keyId, clock.now()),
      told: (owed: Owed, answer: Lease) => this.#told(owed, answer),
    };
    this.#book = new LeaseBook({ ledger, debts, elapsed });
  }

  /** Begins to give back what was taken ahead and is not spent in time. */
  start(): void {
    this.#timer ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  /** Gives back what may not be spent any more. Once started, it does so by itself. */
  sweep(): void {
    this.#book.sweep();
  }

  /** Gives everything back. Call it when no request can follow. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#book.giveBackAll();
  }

  get stats(): LimiterStats {
    return { fallbacks: this.#fallbacks, ledgerErrors: this.#ledgerErrors, ...this.#book.stats };
  }

  admit(key: LoadedKey): MaybePromise<Lease> {
    const ahead = this.#book.spend(key);
    if (ahead !== null) {
      key.recent.lease = ahead;
      return ahead;
    }
    // A question about this key that is under way may still be granted: who decides alone would not know of it.
    if (this.#alone && (this.#outage.owes(key.record.id) || !this.#book.isAsking(key.record.id))) {
      const now = this.#clock.now();
      const early = this.#askAgainAt - now;
      // A clock that was set back must not keep this process alone for as long.
      if (early > 0 && early <= RETRY_LEDGER_MS) return this.#decideAlone(key);
      this.#askAgainAt = now + RETRY_LEDGER_MS;
    }
    let lease: MaybePromise<Lease>;
    try {
      lease = this.#book.take(key);
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
    this.#back();
    return lease;
  }

  #failed(key: LoadedKey, error: unknown): Lease {
    this.#goAlone(error);
    return this.#decideAlone(key);
  }

  #goAlone(error: unknown): void {
    if (!(error instanceof StoreError)) throw error;
    this.#ledgerErrors++;
    this.#alone = true;
    this.#askAgainAt = this.#clock.now() + RETRY_LEDGER_MS;
  }

  #decideAlone(key: LoadedKey): Lease {
    this.#fallbacks++;
    return this.#outage.lease(key, this.#clock.now());
  }

  #told(owed: Owed, answer: Lease): void {
    this.#outage.told(owed, answer);
    this.#back();
  }

  /** The ledger answered: if it was gone, it is told now what was admitted without it, as far as there is room for that. */
  #back(): void {
    if (!this.#alone) return;
    this.#alone = false;
    this.#outage.forgetBefore(this.#clock.now());
    if (!this.#isTelling) void this.#tellOfAll();
  }

  async #tellOfAll(): Promise<void> {
    this.#isTelling = true;
    try {
      let key = this.#outage.firstOwing();
      while (key !== null && !this.#alone) {
        // One after the other, so that a long outage of many keys does not end in a flood.
        await this.#book.tell(key);
        key = this.#outage.firstOwing();
      }
    } catch (error) {
      // Down again: what it was not told is still owed.
      this.#goAlone(error);
    } finally {
      this.#isTelling = false;
    }
  }
}
