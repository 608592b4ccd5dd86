import { LRUCache } from 'lru-cache';
import type { LoadedKey } from '../core/decision.ts';
import { type Lease, type LimitState, type Limits, stateAfter, take, UNITS_PER_TOKEN } from '../core/limits.ts';

/** What was admitted for one key, in its latest hour of use, while the shared ledger could not be asked. */
export interface OutageAdmissions {
  readonly keyId: string;
  readonly limits: Limits;
  readonly admitted: number;
  /** That hour, as an index since the epoch. */
  readonly hour: number;
}

interface Entry extends OutageAdmissions {
  /** null: what was admitted is owed to the ledger, and how the limits stand otherwise is for it to say. */
  readonly state: LimitState | null;
}

/** The limits of one process on its own, in memory: only for the time in which the shared ledger is down. */
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
    const before = entry?.hour === state.hour ? entry.admitted : 0;
    this.#entries.set(record.id, {
      keyId: record.id,
      limits,
      admitted: before + lease.granted,
      hour: state.hour,
      state,
    });
    // From here the next outage goes on, should the ledger be gone again before it is told, and a key that fell out here.
    recent.lease = lease;
    return lease;
  }

  /** Hands over what was admitted and starts afresh. */
  drain(): OutageAdmissions[] {
    const admissions = [...this.#entries.values()].filter((entry) => entry.admitted > 0);
    this.#entries.clear();
    return admissions;
  }

  /** Takes back what could not be handed over, for keys that have been counted here again meanwhile as for others. */
  restore(admissions: readonly OutageAdmissions[]): void {
    for (const owed of admissions) {
      const entry = this.#entries.get(owed.keyId);
      if (entry === undefined) this.#entries.set(owed.keyId, { ...owed, state: null });
      else if (entry.hour === owed.hour) {
        const state = entry.state === null ? null : charged(entry.state, owed.admitted);
        this.#entries.set(owed.keyId, { ...entry, admitted: entry.admitted + owed.admitted, state });
      }
    }
  }
}

/** What the ledger said last, less what was admitted without it in this hour. */
function owing(
  last: LimitState | null,
  limits: Limits,
  owed: OutageAdmissions | undefined,
  now: number,
): LimitState | null {
  if (owed === undefined || owed.admitted === 0) return last;
  const state = take(last, limits, 0, now).state;
  return state.hour === owed.hour ? charged(state, owed.admitted) : last;
}

function charged(state: LimitState, admitted: number): LimitState {
  return {
    ...state,
    hourUsed: state.hourUsed + admitted,
    dayUsed: state.dayUsed + admitted,
    units: Math.max(0, state.units - admitted * UNITS_PER_TOKEN),
  };
}
