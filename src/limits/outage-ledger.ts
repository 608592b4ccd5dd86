import { LRUCache } from 'lru-cache';
import type { LoadedKey } from '../core/decision.ts';
import { HOUR_MS, type Lease, type LimitState, type Limits, stateAfter, take } from '../core/limits.ts';
import type { Owed } from './debts.ts';

/** What was admitted for one key, in its latest hour of use, while the shared ledger could not be asked. */
interface Entry {
  readonly key: LoadedKey;
  /** That hour, as an index since the epoch. */
  readonly hour: number;
  /** Not counted by the ledger: it was not told yet, or had no room for them. */
  admitted: number;
  /** So many of those it was not told of. */
  untold: number;
  /** null: the ledger was told of all, and how the limits stand is for it to say. */
  state: LimitState | null;
}

/**
 * The limits of one process on its own, in memory: only for the time in which the shared ledger is down. What it admitted
 * is owed to the ledger, and counts here, until the ledger has been told.
 */
export class OutageLedger {
  readonly #entries: LRUCache<string, Entry>;
  /** Keys of which the ledger was not told, the oldest first: no more than there are entries. */
  readonly #owing = new Set<string>();

  constructor(maxKeys: number) {
    this.#entries = new LRUCache({
      max: maxKeys,
      dispose: (_, keyId) => this.#owing.delete(keyId),
      noDisposeOnSet: true,
    });
  }

  /** Takes one admission, going on from how the shared ledger last said that the limits stand. */
  lease(key: LoadedKey, now: number): Lease {
    const { limits, record, recent } = key;
    const entry = this.#entries.get(record.id);
    const last = recent.lease === null ? null : stateAfter(recent.lease, limits);
    const { lease, state } = take(entry?.state ?? charged(last, limits, entry, now), limits, 1, now);
    // Admissions of an hour that has passed must not be charged to the hour in which the ledger comes back.
    const before = entry?.hour === state.hour ? entry : NOTHING;
    const untold = before.untold + lease.granted;
    this.#entries.set(record.id, {
      key,
      hour: state.hour,
      admitted: before.admitted + lease.granted,
      untold,
      state,
    });
    if (untold > 0) this.#owing.add(record.id);
    else this.#owing.delete(record.id);
    // From here the next outage goes on, should the ledger be gone again before it is told, and a key that fell out here.
    recent.lease = lease;
    return lease;
  }

  /** Whether the ledger must be told of this key. */
  owes(keyId: string): boolean {
    return this.#owing.size > 0 && this.#owing.has(keyId);
  }

  /** A key of which the ledger must be told; null when there is none. */
  firstOwing(): LoadedKey | null {
    for (const keyId of this.#owing) return this.#entries.peek(keyId)?.key ?? null;
    return null;
  }

  /** What the ledger must be told of this key; null when that is nothing, or of an hour that has passed. */
  owed(keyId: string, now: number): Owed | null {
    if (!this.owes(keyId)) return null;
    const entry = this.#entries.peek(keyId);
    if (entry !== undefined && entry.hour >= hourOf(now)) return { keyId, untold: entry.untold, hour: entry.hour };
    this.#entries.delete(keyId);
    this.#owing.delete(keyId);
    return null;
  }

  /** The ledger was told, and counted as many as there was room for. What it did not count stays charged for this hour. */
  told({ keyId, hour, untold }: Owed, answer: Lease): void {
    const entry = this.#entries.peek(keyId);
    if (entry?.hour !== hour) return;
    entry.admitted -= Math.min(untold, answer.granted);
    entry.untold -= untold;
    // More was admitted meanwhile: that goes on from a state that has all of it, until it is told too.
    if (entry.untold > 0) return;
    this.#owing.delete(keyId);
    entry.state = null;
    entry.key.recent.lease = answer;
    if (entry.admitted === 0) this.#entries.delete(keyId);
  }

  /** The ledger is back: forgets the keys for which nothing was admitted in this hour. */
  forgetBefore(now: number): void {
    const hour = hourOf(now);
    for (const [keyId, { admitted, hour: of }] of Array.from(this.#entries)) {
      if (admitted === 0 || of < hour) this.#entries.delete(keyId);
    }
  }
}

const NOTHING = { admitted: 0, untold: 0 };

function hourOf(now: number): number {
  return Math.floor(now / HOUR_MS);
}

/** What the ledger said last, less what it had no room to count in this hour. */
function charged(last: LimitState | null, limits: Limits, entry: Entry | undefined, now: number): LimitState | null {
  if (entry === undefined || entry.admitted === 0) return last;
  // Its bucket was emptied by as many as it counted; the rest is of the hour and the day.
  const state = take(last, limits, 0, now).state;
  if (state.hour !== entry.hour) return last;
  return { ...state, hourUsed: state.hourUsed + entry.admitted, dayUsed: state.dayUsed + entry.admitted };
}
