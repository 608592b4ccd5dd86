import { LRUCache } from 'lru-cache';
import type { LoadedKey, RecentUse } from '../core/decision.ts';
import {
  HOUR_MS,
  type Lease,
  type LimitState,
  type Limits,
  stateAfter,
  take,
  UNITS_PER_TOKEN,
} from '../core/limits.ts';

/** What was admitted for one key, in its latest hour of use, while the shared ledger could not be asked. */
export interface OutageAdmissions {
  readonly keyId: string;
  readonly limits: Limits;
  readonly admitted: number;
  /** That hour, as an index since the epoch. */
  readonly hour: number;
}

interface Entry extends OutageAdmissions {
  admitted: number;
  /** So many of those were not yet taken from the ledger's bucket. */
  ofBucket: number;
  readonly recent: RecentUse;
  /** null: what was admitted is owed to the ledger, and how the limits stand otherwise is for it to say. */
  state: LimitState | null;
}

/**
 * The limits of one process on its own, in memory: only for the time in which the shared ledger is down. What it admitted
 * is owed to the ledger, and counts here, until the ledger has been told.
 */
export class OutageLedger {
  readonly #entries: LRUCache<string, Entry>;

  constructor(maxKeys: number) {
    this.#entries = new LRUCache({ max: maxKeys });
  }

  /** Takes one admission, going on from how the shared ledger last said that the limits stand. */
  lease(key: LoadedKey, now: number): Lease {
    const { limits, record, recent } = key;
    const entry = this.#entries.get(record.id);
    const last = recent.lease === null ? null : stateAfter(recent.lease, limits);
    const { lease, state } = take(entry?.state ?? owing(last, limits, entry, now), limits, 1, now);
    // Admissions of an hour that has passed must not be charged to the hour in which the ledger comes back.
    const before = entry?.hour === state.hour ? entry : NOTHING;
    this.#entries.set(record.id, {
      keyId: record.id,
      limits,
      recent,
      admitted: before.admitted + lease.granted,
      ofBucket: before.ofBucket + lease.granted,
      hour: state.hour,
      state,
    });
    // From here the next outage goes on, should the ledger be gone again before it is told, and a key that fell out here.
    recent.lease = lease;
    return lease;
  }

  /** The ledger is back: how the limits stand is for it to say again, and it is owed what was admitted in this hour. */
  settle(now: number): void {
    const hour = Math.floor(now / HOUR_MS);
    for (const entry of Array.from(this.#entries.values())) {
      if (entry.admitted === 0 || entry.hour < hour) this.#entries.delete(entry.keyId);
      else entry.state = null;
    }
  }

  /** What the ledger must be told. */
  owed(): OutageAdmissions[] {
    return [...this.#entries.values()].filter(({ admitted }) => admitted > 0).map((entry) => ({ ...entry }));
  }

  /** The ledger was told, and counted as many as there was room for. What it did not count stays owed for this hour. */
  told({ keyId, hour, admitted }: OutageAdmissions, answer: Lease): void {
    const entry = this.#entries.get(keyId);
    if (entry?.hour !== hour) return;
    entry.admitted -= Math.min(admitted, answer.granted);
    entry.ofBucket = Math.max(0, entry.ofBucket - admitted);
    // Alone again meanwhile: then it goes on from a state that has all of it.
    if (entry.state !== null) return;
    entry.recent.lease = answer;
    if (entry.admitted === 0) this.#entries.delete(keyId);
  }
}

const NOTHING = { admitted: 0, ofBucket: 0 };

/** What the ledger said last, less what was admitted without it in this hour. */
function owing(last: LimitState | null, limits: Limits, owed: Entry | undefined, now: number): LimitState | null {
  if (owed === undefined || owed.admitted === 0) return last;
  const state = take(last, limits, 0, now).state;
  return state.hour === owed.hour ? charged(state, owed) : last;
}

function charged(state: LimitState, { admitted, ofBucket }: Entry): LimitState {
  return {
    ...state,
    hourUsed: state.hourUsed + admitted,
    dayUsed: state.dayUsed + admitted,
    units: Math.max(0, state.units - ofBucket * UNITS_PER_TOKEN),
  };
}
