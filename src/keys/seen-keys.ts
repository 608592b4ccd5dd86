import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import type { KeyRecord } from '../core/key.ts';
import { sizeOf } from './key-size.ts';

/** Changed keys whose whole record is remembered; a large one counts for several. The one that changed longest ago goes first. */
export const MAX_CHANGED_KEYS = 10_000;
/** Keys that were deleted, revoked, disabled or rotated, of which that much is remembered, whatever else is changed. */
export const MAX_ENDED_KEYS = 100_000;
/** How long a change is held against a store that has forgotten it. */
export const CHANGE_HOLDS_MS = 24 * 3_600_000;

/** What is remembered of a key at least: what it opens with, and whether it does. */
export type KeyMark = Pick<
  KeyRecord,
  'version' | 'status' | 'disabledBy' | 'revokedAt' | 'secret' | 'previous' | 'rotatedAt'
>;

/** The last that was seen of a key that changed. */
export interface Seen {
  /** The whole record, or the least of it; null: the key was deleted. */
  readonly last: KeyMark | null;
  /** Of which stretch of the log of changes. */
  readonly era: number;
  /** In milliseconds of the clock that it is measured by. */
  readonly until: number;
}

/** Changed keys in two bounded memories, so that many changes of names do not push out what must not come back to life. */
export class SeenKeys {
  readonly #clock: Clock;
  readonly #records = new LRUCache<string, Seen & { readonly last: KeyRecord }>({
    max: MAX_CHANGED_KEYS,
    maxSize: MAX_CHANGED_KEYS,
    sizeCalculation: ({ last }) => Math.min(MAX_CHANGED_KEYS, sizeOf(last, last.permissions.join(' ').length)),
  });
  /** In the order of their last change. */
  readonly #ended = new Map<string, Seen>();

  /** @param clock one that never goes back */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(id: string): Seen | undefined {
    const seen = this.#records.peek(id) ?? this.#ended.get(id);
    return seen === undefined || this.#clock.now() >= seen.until ? undefined : seen;
  }

  has(id: string): boolean {
    return this.#records.has(id) || this.#ended.has(id);
  }

  /** @param last null: the key was deleted */
  set(id: string, last: KeyRecord | null, era: number): void {
    const until = this.#clock.now() + CHANGE_HOLDS_MS;
    this.delete(id);
    // Of a key that is dead for good nothing else is of interest.
    if (last !== null && last.status !== 'revoked') this.#records.set(id, { last, era, until });
    if (last !== null && last.status === 'active' && last.rotatedAt === null) return;
    this.#ended.set(id, { last: last === null ? null : markOf(last), era, until });
    if (this.#ended.size <= MAX_ENDED_KEYS) return;
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest);
      break;
    }
  }

  delete(id: string): void {
    this.#records.delete(id);
    this.#ended.delete(id);
  }

  clear(): void {
    this.#records.clear();
    this.#ended.clear();
  }

  /** Up to MAX_CHANGED_KEYS keys that may work again, as neither revoked nor deleted ones may; those changed last first. */
  living(): string[] {
    const ids = new Set(this.#records.keys());
    for (const [id, { last }] of this.#ended) if (last !== null && last.status !== 'revoked') ids.add(id);
    return [...ids].slice(0, MAX_CHANGED_KEYS);
  }
}

/**
 * Whether a record that the store gives is of before what was seen of the key, or of a store that never had that.
 *
 * @param isOneLog whether the log of changes goes on from where it was when that was seen. Else versions say less: the
 *   other store counts its own changes with the same numbers.
 */
export function isOlder(found: KeyRecord, last: KeyMark | null, isOneLog: boolean): boolean {
  if (last === null) return true;
  // To revoke a key is never wrong, and for good: whatever else a key is then was made from a record of before.
  if (found.status === 'revoked' || last.status === 'revoked') return found.status !== 'revoked';
  if (!isOneLog) {
    if (last.status === 'disabled' && found.status === 'active') return true;
    const [then, now] = [last.rotatedAt ?? 0, found.rotatedAt ?? 0];
    if (then !== now) return now < then;
  }
  return found.version < last.version || (found.version === last.version && !isSame(found, last));
}

function isSame(found: KeyRecord, last: KeyMark): boolean {
  return isDeepStrictEqual({ ...found, ...last }, found);
}

function markOf({ version, status, disabledBy, revokedAt, secret, previous, rotatedAt }: KeyRecord): KeyMark {
  return { version, status, disabledBy, revokedAt, secret, previous, rotatedAt };
}
