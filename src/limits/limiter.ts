import type { Clock } from '../core/clock.ts';
import { keepLease, type LoadedKey } from '../core/decision.ts';
import type { Limiter } from '../core/gate.ts';
import type { Lease } from '../core/limits.ts';
import type { MaybePromise } from '../core/maybe.ts';
import { type LimitLedger, StoreError } from '../core/ports.ts';
import type { Debts } from './debts.ts';
import { LeaseBook, type LeaseBookStats } from './lease-book.ts';
import { OutageLedger } from './outage-ledger.ts';

/** After the ledger failed for a key, how long this process decides about that key alone before it asks again. */
const RETRY_LEDGER_MS = 500;

/** How often what was taken ahead and may not be spent any more is given back, and the ledger told of what it is owed. */
const SWEEP_MS = 200;
/** Keys of which the ledger is told at a time, so that a long outage of many keys does not end in a flood. */
const TELL_TOGETHER = 16;
/** How long a process that ends goes on telling. */
const LAST_TELLING_MS = 1_000;

export interface LimiterStats extends LeaseBookStats {
  /** Admissions that this process decided alone because the ledger could not be asked. */
  readonly fallbacks: number;
  readonly ledgerErrors: number;
}

/**
 * Takes admissions from the ledger that all processes share, for busy keys several at a time (lease-book.ts). While the
 * ledger cannot be asked about a key, this process enforces the limits of that key alone, from how they last stood; what it
 * took ahead before is spent first, since that is counted already. What it admitted so is counted by the ledger before
 * that grants more.
 */
export class LedgerLimiter implements Limiter {
  readonly #clock: Clock;
  readonly #elapsed: () => number;
  readonly #outage: OutageLedger;
  readonly #book: LeaseBook;
  #timer: NodeJS.Timeout | null = null;
  #telling: Promise<void> | null = null;
  /** When no more is told, by `elapsed`. */
  #tellUntil = Number.POSITIVE_INFINITY;
  #fallbacks = 0;
  #ledgerErrors = 0;

  /**
   * @param maxKeys keys whose limits this process can keep during an outage
   * @param elapsed milliseconds that never go back, whatever they begin at; by the clock when absent
   */
  constructor(ledger: LimitLedger, clock: Clock, maxKeys: number, elapsed = () => clock.now()) {
    this.#clock = clock;
    this.#elapsed = elapsed;
    const outage = new OutageLedger(maxKeys);
    this.#outage = outage;
    const debts: Debts = {
      owes: (keyId) => outage.owes(keyId),
      owed: (keyId) => outage.owed(keyId, clock.now()),
      told: (keyId, owed, answer) => outage.told(keyId, owed, answer),
    };
    this.#book = new LeaseBook({ ledger, debts, elapsed });
  }

  /** Begins to give back what was taken ahead and is not spent in time, and to tell what is owed. */
  start(): void {
    this.#timer ??= setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  /** Gives back what may not be spent any more, and tells what is owed. Once started, it does so by itself. */
  sweep(): void {
    this.#book.sweep();
    if (this.#outage.owing > 0) void this.#tell();
  }

  /** Tells what is owed, as far as that is possible soon, and gives everything back. Call it when no request can follow. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#tellUntil = this.#elapsed() + LAST_TELLING_MS;
    await this.#telling;
    let before = Number.POSITIVE_INFINITY;
    while (this.#outage.owing < before) {
      before = this.#outage.owing;
      await this.#tellOfAll(Number.POSITIVE_INFINITY);
    }
    await this.#book.giveBackAll();
  }

  get stats(): LimiterStats {
    return { fallbacks: this.#fallbacks, ledgerErrors: this.#ledgerErrors, ...this.#book.stats };
  }

  admit(key: LoadedKey): MaybePromise<Lease> {
    const ahead = this.#book.spend(key);
    if (ahead !== null) {
      keepLease(key.recent, ahead);
      return ahead;
    }
    const { id } = key;
    const askAgainAt = this.#outage.askAgainAt(id);
    // A question about this key that is under way may still be granted: who decides alone would not know of it.
    if (askAgainAt !== 0 && !this.#book.isAsking(id)) {
      const early = askAgainAt - this.#clock.now();
      // A clock that was set back must not keep this process alone for as long.
      if (early > 0 && early <= RETRY_LEDGER_MS) return this.#decideAlone(key);
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
    keepLease(key.recent, lease);
    this.#outage.answered(key.id);
    return lease;
  }

  #failed(key: LoadedKey, error: unknown): Lease {
    this.#goAlone(key, error);
    return this.#decideAlone(key);
  }

  #goAlone(key: LoadedKey, error: unknown): void {
    if (!(error instanceof StoreError)) throw error;
    this.#ledgerErrors++;
    this.#outage.failed(key, this.#clock.now() + RETRY_LEDGER_MS);
  }

  #decideAlone(key: LoadedKey): Lease {
    this.#fallbacks++;
    return this.#outage.lease(key, this.#clock.now());
  }

  #tell(): Promise<void> {
    this.#telling ??= this.#tellOfAll(this.#clock.now()).finally(() => {
      this.#telling = null;
    });
    return this.#telling;
  }

  /** Tells of all keys of which the ledger was not told and may be asked at that time, each once. */
  async #tellOfAll(now: number): Promise<void> {
    const keys = this.#outage.owingAt(now);
    for (let i = 0; i < keys.length && this.#elapsed() < this.#tellUntil; i += TELL_TOGETHER) {
      await Promise.all(keys.slice(i, i + TELL_TOGETHER).map((key) => this.#tellOf(key)));
    }
  }

  async #tellOf(key: LoadedKey): Promise<void> {
    try {
      await this.#book.tell(key);
      this.#outage.answered(key.id);
    } catch (error) {
      // What it was not told is still owed.
      this.#goAlone(key, error);
    }
  }
}
