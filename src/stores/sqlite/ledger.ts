import type { Lease, LedgerPlace, Limits, Owed } from '../../core/limits.ts';
import type { MaybePromise } from '../../core/maybe.ts';
import { type Counted, type LimitLedger, StoreError } from '../../core/ports.ts';
import type { OwnedLedger } from './owned-ledger.ts';
import type { Ownership } from './ownership.ts';
import type { SharedLedger } from './shared-ledger.ts';

/** How often the owner of the file looks whether another process wants to share it. */
const LOOK_MS = 20;
/** Attempts to write how things stand before others are let in: each waits as long as for any lock. */
const FLUSH_TRIES = 5;
/** How often what could not be given back is tried again. */
const RETURN_AGAIN_MS = 50;
/** What could not be given back, and is kept to be tried again; of more, that much less is admitted. */
const MAX_UNRETURNED = 10_000;

/** Admissions on their way back. */
interface Return {
  readonly keyId: string;
  readonly limits: Limits;
  readonly unused: number;
  readonly lease: Lease;
}

export interface SqliteLimitLedgerOptions {
  readonly owned: OwnedLedger;
  readonly shared: SharedLedger;
  readonly ownership: Ownership;
  /** The longest that a lease waits while it is being settled who counts, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Counts admissions in SQLite, exact across all processes that open the file: in memory while this process is the only
 * one that counts, in one transaction for each turn of the event loop once there are several. Which of the two is
 * settled at the first lease, so that a process that counts nothing, like the command line, disturbs nobody.
 */
export class SqliteLimitLedger implements LimitLedger {
  readonly #options: SqliteLimitLedgerOptions;
  /** Where leases go; null until it is settled. */
  #counting: OwnedLedger | SharedLedger | null = null;
  #settling: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Resolves when all that waits for the settling is done. */
  #underWay: Promise<unknown> = Promise.resolve();
  #closed = false;
  #unreturned: Return[] = [];
  #returning: NodeJS.Timeout | null = null;

  constructor(options: SqliteLimitLedgerOptions) {
    this.#options = options;
  }

  lease(
    keyId: string,
    limits: Limits,
    want: number,
    ahead = 0,
    owed: Owed | null = null,
    place?: LedgerPlace,
  ): MaybePromise<Lease> {
    if (this.#counting !== null) return this.#counting.lease(keyId, limits, want, ahead, owed, place);
    return this.#afterSettling((ledger) => ledger.lease(keyId, limits, want, ahead, owed, place));
  }

  /**
   * A process that does not count yet reads the file and leaves it at that. When another one owns the file, what stands
   * there was written ahead (owned-ledger.ts): up to 32 admissions that were not made yet, as of up to 30 s later. So it
   * may tell of less than is free, never of more.
   */
  peek(keyId: string): Counted {
    if (this.#counting !== null) return this.#counting.peek(keyId);
    const { shared, ownership } = this.#options;
    // While it is settled who counts, the file may not be written yet, and the lock is in use.
    if (this.#settling !== null) return { ...shared.peek(keyId), isExact: false };
    return ownership.whileNobodyOwns((isExact) => ({ ...shared.peek(keyId), isExact }));
  }

  /** A file that is locked for too long loses none of it: it was not written, so it is tried again. */
  release(keyId: string, limits: Limits, unused: number, lease: Lease): MaybePromise<void> {
    if (unused <= 0) return;
    if (this.#counting === this.#options.owned) return this.#options.owned.release(keyId, limits, unused, lease);
    return this.#giveBack({ keyId, limits, unused, lease });
  }

  /** Writes all that is known and lets others count. No lease may follow. */
  async close(): Promise<void> {
    await this.#underWay;
    await this.#giveBackAgain();
    this.#closed = true;
    await this.#settling?.catch(() => undefined);
    this.#stopLooking();
    const { owned, shared, ownership } = this.#options;
    if (this.#counting === owned) await this.#flush();
    if (this.#counting === shared) await shared.drain();
    this.#counting = null;
    ownership.release();
  }

  async #giveBack(back: Return): Promise<void> {
    const { keyId, limits, unused, lease } = back;
    try {
      if (this.#counting !== null) return await this.#counting.release(keyId, limits, unused, lease);
      await this.#afterSettling((ledger) => ledger.release(keyId, limits, unused, lease));
    } catch (error) {
      if (!(error instanceof StoreError) || this.#closed) throw error;
      if (this.#unreturned.length >= MAX_UNRETURNED) throw error;
      this.#unreturned.push(back);
      this.#returning ??= setTimeout(() => void this.#giveBackAgain(), RETURN_AGAIN_MS).unref();
    }
  }

  /** Never rejects. */
  async #giveBackAgain(): Promise<void> {
    if (this.#returning !== null) clearTimeout(this.#returning);
    this.#returning = null;
    await Promise.allSettled(this.#unreturned.splice(0).map((back) => this.#giveBack(back)));
  }

  async #afterSettling<T>(work: (ledger: OwnedLedger | SharedLedger) => MaybePromise<T>): Promise<T> {
    const done = this.#settled().then(work);
    this.#underWay = Promise.allSettled([this.#underWay, done]);
    return done;
  }

  async #settled(): Promise<OwnedLedger | SharedLedger> {
    if (this.#closed) throw new StoreError('STORE_UNAVAILABLE', 'the store is closed');
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = null;
    });
    await Promise.race([this.#settling, this.#timeout()]);
    if (this.#counting === null) throw new StoreError('STORE_UNAVAILABLE', 'the limits are being handed over');
    return this.#counting;
  }

  async #settle(): Promise<void> {
    const { owned, shared, ownership } = this.#options;
    if (await ownership.own()) {
      this.#counting = owned;
      this.#timer = setInterval(() => this.#look(), LOOK_MS);
      this.#timer.unref();
    } else {
      await ownership.share();
      this.#counting = shared;
    }
  }

  #look(): void {
    if (this.#settling !== null || !this.#options.ownership.isSharingWanted()) return;
    this.#stopLooking();
    // Leases wait from here on.
    this.#counting = null;
    this.#settling = this.#handOver().finally(() => {
      this.#settling = null;
    });
    this.#settling.catch(() => undefined); // told to the leases that wait, and tried again by the next one
  }

  async #handOver(): Promise<void> {
    const { owned, shared, ownership } = this.#options;
    try {
      await this.#flush();
    } finally {
      // Even unflushed, the file covers all that was admitted; what is in memory will not be true any more.
      owned.forget();
      ownership.release();
    }
    if (this.#closed) return;
    await ownership.share();
    this.#counting = shared;
  }

  /** Those who want to share write to the file as well, to say so. */
  async #flush(): Promise<void> {
    for (let left = FLUSH_TRIES; ; left--) {
      try {
        return await this.#options.owned.flush();
      } catch (error) {
        if (!(error instanceof StoreError) || left <= 1) throw error;
      }
    }
  }

  #stopLooking(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #timeout(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, this.#options.timeoutMs).unref();
    return promise;
  }
}
