import type { Clock } from '../../core/clock.ts';
import {
  giveBack,
  HOUR_MS,
  type Lease,
  type LedgerPlace,
  type LimitState,
  type Limits,
  type Owed,
  take,
  UNITS_PER_TOKEN,
} from '../../core/limits.ts';
import type { MaybePromise } from '../../core/maybe.ts';
import { type Counted, type LimitLedger, StoreError } from '../../core/ports.ts';
import { LimitMemory, writableState } from './limit-memory.ts';
import type { LimitTable } from './limit-table.ts';
import { type Connection, transaction, transactionNow } from './transaction.ts';

/** Keys whose state is in memory, in up to 200 MB; the one that has been there longest is written and forgotten first. */
const MAX_KEYS = 1_000_000;
/** Admissions of one key that a write covers in advance: what the key can lose when the process is killed. */
export const MAX_AHEAD = 32;
/** An eighth of what is free, so that a key near its limit is exact after a crash too. */
const AHEAD_SHARE = 8;
/** How long a write covers a key that refills meanwhile. */
const HORIZON_MS = 30_000;
/** States in one transaction when all of them are written. */
const FLUSH_BATCH = 1_000;
/** Writes between two that also prune. */
const PRUNE_EVERY = 1_024;

/**
 * Counts admissions in memory, for the one process that owns the file, so that nearly all of them cost no write. What
 * the file says is always at least as much as was admitted, whenever the process dies: before an admission that the file
 * does not cover, it is written as if some more had been made already. A process that ends in good order writes how
 * things stand exactly.
 */
export class OwnedLedger implements LimitLedger {
  readonly #connection: Connection;
  readonly #table: LimitTable;
  readonly #clock: Clock;
  readonly #memory: LimitMemory;
  /** What is read from memory, one key at a time. */
  readonly #state = writableState();
  readonly #kept = writableState();
  #writes = 0;

  /** @param maxKeys keys whose state is in memory */
  constructor(connection: Connection, table: LimitTable, clock: Clock, maxKeys = MAX_KEYS) {
    this.#connection = connection;
    this.#table = table;
    this.#clock = clock;
    this.#memory = new LimitMemory(maxKeys);
  }

  lease(
    keyId: string,
    limits: Limits,
    want: number,
    more = 0,
    owed: Owed | null = null,
    known: LedgerPlace | null = null,
  ): MaybePromise<Lease> {
    const place = this.#placeOf(keyId, known);
    const before = this.#memory.readState(place, this.#state) ? this.#state : null;
    const { lease, state } = take(before, limits, want, this.#clock.now(), more, owed);
    if (lease.granted === 0 && owed === null) return lease;
    if (!this.#memory.readKept(place, this.#kept) || !covers(this.#kept, state, limits)) {
      const kept = ahead(state, lease, limits);
      // Somebody asks to share the file at this very moment; it takes them no time.
      const written = this.#write(keyId, kept);
      if (written === 'busy') return this.#leaseLater(keyId, limits, want, more, owed);
      if (written === 'done') this.#memory.writeKept(place, kept);
    }
    this.#memory.writeState(place, state);
    return lease;
  }

  /** A key that is not in memory is only looked up: it must not take the place of one that is in use. */
  peek(keyId: string): Counted {
    const place = this.#memory.placeOf(keyId);
    return { state: place < 0 ? this.#table.read(keyId) : this.#stateAt(place), now: this.#clock.now(), isExact: true };
  }

  release(keyId: string, limits: Limits, unused: number, lease: Lease): void {
    const place = this.#placeOf(keyId, null);
    const state = giveBack(this.#stateAt(place), limits, unused, lease.now, this.#clock.now());
    if (state !== null) this.#memory.writeState(place, state);
  }

  /** Writes how everything stands, and forgets it. */
  async flush(): Promise<void> {
    const memory = this.#memory;
    const places = Array.from({ length: memory.size }, (_, place) => place).filter((place) => !memory.isWritten(place));
    for (let i = 0; i < places.length; i += FLUSH_BATCH) {
      await transaction(this.#connection, () => {
        for (const place of places.slice(i, i + FLUSH_BATCH)) {
          const state = this.#stateAt(place);
          if (state !== null) this.#table.write(memory.idAt(place), state);
        }
      });
    }
    this.forget();
  }

  /** Forgets how everything stands: another process may count from here on. */
  forget(): void {
    this.#memory.clear();
  }

  /** @param known where it was last, as far as its caller was told */
  #placeOf(keyId: string, known: LedgerPlace | null): number {
    let place = this.#memory.placeOf(keyId, known === null ? -1 : known.place);
    if (place < 0) place = this.#load(keyId);
    if (known !== null && known.place !== place) known.place = place;
    return place;
  }

  #load(keyId: string): number {
    const kept = this.#table.read(keyId);
    const full = this.#memory.placeToClear;
    // Without the write, what the file says still covers what was admitted; the key has a few admissions less.
    if (full >= 0 && !this.#memory.isWritten(full)) this.#write(this.#memory.idAt(full), this.#stateAt(full));
    return this.#memory.add(keyId, kept);
  }

  #stateAt(place: number): LimitState | null {
    const state = writableState();
    return this.#memory.readState(place, state) ? state : null;
  }

  async #leaseLater(keyId: string, limits: Limits, want: number, more: number, owed: Owed | null): Promise<Lease> {
    await transaction(this.#connection, () => undefined);
    return this.lease(keyId, limits, want, more, owed);
  }

  /**
   * A file that cannot be written, on a full disk, does not stop the counting: this process is the only one that counts,
   * and goes on from memory. It is only a crash that the counts then do not survive.
   */
  #write(keyId: string, state: LimitState | null): 'done' | 'busy' | 'failed' {
    if (state === null) return 'done';
    this.#writes++;
    try {
      const done = transactionNow(this.#connection, () => {
        this.#table.write(keyId, state);
        if (this.#writes % PRUNE_EVERY === 0) this.#table.prune(this.#clock.now());
      });
      return done ? 'done' : 'busy';
    } catch (error) {
      if (error instanceof StoreError) return 'failed';
      throw error;
    }
  }
}

/** Whether a process that begins with `kept` could admit nothing that one that goes on from `state` could not. */
function covers(kept: LimitState, state: LimitState, limits: Limits): boolean {
  if (kept.hour !== state.hour || kept.day !== state.day) return false;
  if (kept.hourUsed < state.hourUsed || kept.dayUsed < state.dayUsed) return false;
  const elapsed = Math.max(0, state.at - kept.at);
  // Compared by time first: the product would overflow after years.
  const full = limits.burst * UNITS_PER_TOKEN;
  if (elapsed >= (full - kept.units) / limits.perHour) return state.units >= full;
  return kept.units + elapsed * limits.perHour <= state.units;
}

/**
 * The state as if a few more admissions had been made, and as of a little later, so that its bucket does not refill
 * meanwhile: that covers those admissions, and the time until then. Not beyond the hour, which would begin it early.
 */
function ahead(state: LimitState, lease: Lease, limits: Limits): LimitState {
  const free = Math.min(lease.hourRemaining, lease.dayRemaining, lease.burstRemaining);
  const extra = Math.min(MAX_AHEAD, Math.floor(free / AHEAD_SHARE));
  const full = limits.burst * UNITS_PER_TOKEN;
  return {
    hour: state.hour,
    hourUsed: state.hourUsed + extra,
    day: state.day,
    dayUsed: state.dayUsed + extra,
    units: Math.min(full, state.units) - extra * UNITS_PER_TOKEN,
    at: Math.min(state.at + HORIZON_MS, (state.hour + 1) * HOUR_MS - 1),
  };
}
