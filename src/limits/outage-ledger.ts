import { LRUCache } from 'lru-cache';
import type { LoadedKey } from '../core/decision.ts';
import { type Lease, type LimitState, type Limits, stateAfter, take } from '../core/limits.ts';

/** What was admitted for one key, in its latest hour of use, while the shared ledger could not be asked. */
export interface OutageAdmissions {
  readonly keyId: string;
  readonly limits: Limits;
  readonly admitted: number;
}

interface Entry extends OutageAdmissions {
  readonly state: LimitState;
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
    const from = entry?.state ?? (recent.lease === null ? null : stateAfter(recent.lease, limits));
    const { lease, state } = take(from, limits, 1, now);
    // Admissions of an hour that has passed must not be charged to the hour in which the ledger comes back.
    const before = entry?.state.hour === state.hour ? entry.admitted : 0;
    this.#entries.set(record.id, { keyId: record.id, limits, admitted: before + lease.granted, state });
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
}
