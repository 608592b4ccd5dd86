import { LRUCache } from 'lru-cache';
import { keepLease, type LoadedKey } from '../core/decision.ts';
import {
  HOUR_MS,
  HOURS_PER_DAY,
  type Lease,
  type LimitState,
  type Limits,
  type Owed,
  stateAfter,
  take,
} from '../core/limits.ts';

/** One key for which the shared ledger could not be asked. */
interface Entry {
  key: LoadedKey;
  /** When it may be asked again, in milliseconds since the epoch; 0: it answers. */
  askAgainAt: number;
  /** The latest hour in which something was admitted, as an index since the epoch. */
  hour: number;
  /** Admitted in that hour, and in earlier ones of the day; the ledger was not told of either. */
  ofHour: number;
  ofDay: number;
  /** How the limits stand with all of it; null: as the ledger said last. */
  state: LimitState | null;
}

/**
 * The limits of one process on its own, in memory: only for keys for which the shared ledger cannot be asked. What it
 * admitted is owed to the ledger, and counts here, until the ledger has been told.
 */
export class OutageLedger {
  readonly #entries: LRUCache<string, Entry>;
  /** Keys of which the ledger was not told, no more than there are entries; those that could not be told last are the last. */
  readonly #owing = new Set<string>();

  /** @param maxKeys keys that it can know of; the one that was used longest ago is forgotten first */
  constructor(maxKeys: number) {
    this.#entries = new LRUCache({
      max: maxKeys,
      dispose: (_, keyId) => this.#owing.delete(keyId),
      noDisposeOnSet: true,
    });
  }

  /** Keys of which the ledger was not told. */
  get owing(): number {
    return this.#owing.size;
  }

  /** When the ledger may be asked about a key again; 0 when it answered last. */
  askAgainAt(keyId: string): number {
    return this.#entries.size === 0 ? 0 : (this.#entries.peek(keyId)?.askAgainAt ?? 0);
  }

  /** The ledger could not be asked about a key. @param at when it may be asked again */
  failed(key: LoadedKey, at: number): void {
    const entry = this.#entries.get(key.id);
    if (entry === undefined) this.#entries.set(key.id, { key, askAgainAt: at, ...NOTHING });
    else entry.askAgainAt = at;
    if (!this.#owing.delete(key.id)) return;
    this.#owing.add(key.id);
  }

  /** The ledger has answered about a key. */
  answered(keyId: string): void {
    const entry = this.#entries.size === 0 ? undefined : this.#entries.peek(keyId);
    if (entry === undefined) return;
    entry.askAgainAt = 0;
    if (!this.#owing.has(keyId)) this.#entries.delete(keyId);
  }

  /** Takes one admission for a key about which the ledger could not be asked, going on from what it last said. */
  lease(key: LoadedKey, now: number): Lease {
    const { id, limits, recent } = key;
    const entry = this.#entries.get(id) ?? { key, askAgainAt: 0, ...NOTHING };
    const { lease, state } = take(entry.state ?? lastState(recent.lease, limits), limits, 1, now);
    if (!this.#entries.has(id)) this.#entries.set(id, entry);
    rollTo(entry, state.hour);
    entry.key = key;
    entry.state = state;
    entry.ofHour += lease.granted;
    if (entry.ofHour + entry.ofDay > 0) this.#owing.add(id);
    // From here the next outage goes on, should this key fall out here.
    keepLease(recent, lease);
    return lease;
  }

  /** Whether something is owed of this key, or was on a day that has passed. */
  owes(keyId: string): boolean {
    return this.#owing.size > 0 && this.#owing.has(keyId);
  }

  /** What the ledger must be told of this key; null when that is nothing. */
  owed(keyId: string, now: number): Owed | null {
    const entry = this.owes(keyId) ? this.#entries.peek(keyId) : undefined;
    if (entry === undefined) return null;
    rollTo(entry, Math.max(entry.hour, Math.floor(now / HOUR_MS)));
    const { hour, ofHour, ofDay } = entry;
    if (ofHour + ofDay > 0) return { hour, ofHour, ofDay };
    this.#owing.delete(keyId);
    return null;
  }

  /** Keys of which the ledger must be told, and may be at that time. */
  owingAt(now: number): LoadedKey[] {
    const keys: LoadedKey[] = [];
    for (const keyId of this.#owing) {
      const entry = this.#entries.peek(keyId);
      if (entry !== undefined && entry.askAgainAt <= now) keys.push(entry.key);
    }
    return keys;
  }

  /** The ledger has counted what was owed. What was admitted meanwhile still is. */
  told(keyId: string, { hour, ofHour, ofDay }: Owed, answer: Lease): void {
    const entry = this.#entries.peek(keyId);
    if (entry === undefined) return;
    if (entry.hour === hour) {
      entry.ofHour -= ofHour;
      entry.ofDay -= ofDay;
    } else entry.ofDay = Math.max(0, entry.ofDay - ofHour - ofDay);
    if (entry.ofHour + entry.ofDay > 0) return;
    this.#owing.delete(keyId);
    entry.state = null;
    keepLease(entry.key.recent, answer);
  }
}

const NOTHING = { hour: 0, ofHour: 0, ofDay: 0, state: null };

/** What the ledger said last of a key. */
function lastState(last: Lease | null, limits: Limits): LimitState | null {
  return last === null ? null : stateAfter(last, limits);
}

/** Admissions of an hour that has passed are of the day alone, and those of a day that has passed of nothing. */
function rollTo(entry: Entry, hour: number): void {
  if (entry.hour === hour) return;
  const isSameDay = Math.floor(entry.hour / HOURS_PER_DAY) === Math.floor(hour / HOURS_PER_DAY);
  entry.ofDay = isSameDay ? entry.ofDay + entry.ofHour : 0;
  entry.ofHour = 0;
  entry.hour = hour;
}
