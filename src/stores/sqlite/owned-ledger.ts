import type { Clock } from '../../core/clock.ts';
import {
  giveBack,
  HOUR_MS,
  type Lease,
  type LimitState,
  type Limits,
  type Owed,
  take,
  UNITS_PER_TOKEN,
} from '../../core/limits.ts';
import type { MaybePromise } from '../../core/maybe.ts';
import { type Counted, type LimitLedger, StoreError } from '../../core/ports.ts';
import type { LimitTable } from './limit-table.ts';
import { type Connection, transaction, transactionNow } from './transaction.ts';

/** Keys whose state is in memory; the one that has been there longest is written and forgotten first. */
const MAX_KEYS = 200_000;
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

interface Entry {
  readonly keyId: string;
  /** How the limits of the key stand; null when it was never used. */
  state: LimitState | null;
  /** What the file says; null when it says nothing. Never more favourable to the key than `state`, but for a file that cannot be written. */
  kept: LimitState | null;
}

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
  /** In the order in which they came: keeping the order of use as well would be work at every request. */
  readonly #entries = new Map<string, Entry>();
  #writes = 0;

  constructor(connection: Connection, table: LimitTable, clock: Clock) {
    this.#connection = connection;
    this.#table = table;
    this.#clock = clock;
  }

  lease(keyId: string, limits: Limits, want: number, more = 0, owed: Owed | null = null): MaybePromise<Lease> {
    const entry = this.#entries.get(keyId) ?? this.#load(keyId);
    const { lease, state } = take(entry.state, limits, want, this.#clock.now(), more, owed);
    if (lease.granted === 0 && owed === null) return lease;
    if (!covers(entry.kept, state, limits)) {
      const kept = ahead(state, lease, limits);
      // Somebody asks to share the file at this very moment; it takes them no time.
      const written = this.#write(keyId, kept);
      if (written === 'busy') return this.#leaseLater(keyId, limits, want, more, owed);
      if (written === 'done') entry.kept = kept;
    }
    entry.state = state;
    return lease;
  }

  /** A key that is not in memory is only looked up: it must not take the place of one that is in use. */
  peek(keyId: string): Counted {
    const entry = this.#entries.get(keyId);
    const state = entry === undefined ? this.#table.read(keyId) : entry.state;
    return { state, now: this.#clock.now(), isExact: true };
  }

  release(keyId: string, limits: Limits, unused: number, lease: Lease): void {
    const entry = this.#entries.get(keyId) ?? this.#load(keyId);
    entry.state = giveBack(entry.state, limits, unused, lease.now, this.#clock.now());
  }

  /** Writes how everything stands, and forgets it. */
  async flush(): Promise<void> {
    const entries = [...this.#entries.values()].filter(({ kept, state }) => kept !== state);
    for (let i = 0; i < entries.length; i += FLUSH_BATCH) {
      await transaction(this.#connection, () => {
        for (const { keyId, state } of entries.slice(i, i + FLUSH_BATCH)) {
          if (state !== null) this.#table.write(keyId, state);
        }
      });
    }
    this.forget();
  }

  /** Forgets how everything stands: another process may count from here on. */
  forget(): void {
    this.#entries.clear();
  }

  #load(keyId: string): Entry {
    const kept = this.#table.read(keyId);
    const entry: Entry = { keyId, state: kept, kept };
    if (this.#entries.size >= MAX_KEYS) this.#forgetOldest();
    this.#entries.set(keyId, entry);
    return entry;
  }

  async #leaseLater(keyId: string, limits: Limits, want: number, more: number, owed: Owed | null): Promise<Lease> {
    await transaction(this.#connection, () => undefined);
    return this.lease(keyId, limits, want, more, owed);
  }

  /**
   * A file that cannot be written, on a full disk, does not stop the counting: this process is the only one that counts,
   * and goes on from memory. It is only a crash that the counts then do not survive.
   */
  #write(keyId: string, state: LimitState): 'done' | 'busy' | 'failed' {
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

  /** Without the write, what the file says still covers what was admitted; the key has a few admissions less. */
  #forgetOldest(): void {
    for (const [keyId, { kept, state }] of this.#entries) {
      this.#entries.delete(keyId);
      if (state !== null && kept !== state) this.#write(keyId, state);
      return;
    }
  }
}

/** Whether a process that begins with `kept` could admit nothing that one that goes on from `state` could not. */
function covers(kept: LimitState | null, state: LimitState, limits: Limits): boolean {
  if (kept === null || kept.hour !== state.hour || kept.day !== state.day) return false;
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
