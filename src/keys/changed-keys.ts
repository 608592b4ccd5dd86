import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock.ts';
import type { KeyRecord } from '../core/key.ts';
import { type KeyStore, StoreError } from '../core/ports.ts';
import { sizeOf } from './key-size.ts';

/** Changed keys that are remembered; a large one counts for several. The one that changed longest ago is forgotten first. */
export const MAX_CHANGED_KEYS = 10_000;
/** How long a change is held against a store that has forgotten it. */
export const CHANGE_HOLDS_MS = 24 * 3_600_000;
/** Changed keys that are read together. */
const READ_TOGETHER = 100;
/** Keys that changed and are in no memory here, which are read in a second; further ones are not. */
const MAX_STRANGERS_A_SECOND = 100;

/** The last that was seen of a key that changed. */
interface Seen {
  /** null: it was deleted. */
  readonly record: KeyRecord | null;
  /** Of which stretch of the log of changes. */
  readonly era: number;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** A store that gives an older record of a key than it gave before: it has gone back in time. */
export interface OlderRecord {
  readonly id: string;
  /** The version that the store had once; null: the key was deleted. */
  readonly seen: number | null;
  /** The version that it gives now. */
  readonly found: number;
}

/**
 * What became of the keys that changed, so that a store which loses changes, as a failover to a replica that never had
 * them does, brings no key back to life in a gateway that knew better.
 */
export class ChangedKeys {
  readonly #store: Pick<KeyStore, 'get'>;
  readonly #clock: Clock;
  readonly #seen = new LRUCache<string, Seen>({
    max: MAX_CHANGED_KEYS,
    maxSize: MAX_CHANGED_KEYS,
    sizeCalculation: ({ record }) =>
      record === null ? 1 : Math.min(MAX_CHANGED_KEYS, sizeOf(record, record.permissions.join(' ').length)),
  });
  #era = 0;
  #second = 0;
  #strangers = 0;

  constructor(store: Pick<KeyStore, 'get'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The log of changes does not go on from where it was: it may be another one, of a store that has gone back. */
  breakOff(): void {
    this.#era++;
  }

  /**
   * Reads keys that the log of changes names.
   *
   * @param isCached those are read in any case, others up to MAX_STRANGERS_A_SECOND
   * @throws StoreError when the store cannot be asked; then what was not read is not known
   */
  async read(ids: readonly string[], isCached: (id: string) => boolean): Promise<void> {
    const wanted = [...new Set(ids)].filter((id) => isCached(id) || this.#seen.has(id) || this.#mayAsk());
    for (let i = 0; i < wanted.length; i += READ_TOGETHER) {
      await Promise.all(wanted.slice(i, i + READ_TOGETHER).map((id) => this.#readOne(id)));
    }
  }

  /**
   * What holds of a key that the store gave: the record itself, or a newer one that was seen before; null when it was
   * deleted.
   *
   * @param isCurrent whether nothing changed since the store was asked
   * @param onOlder called when the store had a newer one, though nothing has changed since
   */
  newest(record: KeyRecord, isCurrent: boolean, onOlder: (older: OlderRecord) => void): KeyRecord | null {
    const seen = this.#remembered(record.id);
    if (seen !== undefined && isOlder(record, seen)) {
      if (isCurrent) onOlder({ id: record.id, seen: seen.record?.version ?? null, found: record.version });
      return seen.record;
    }
    if (isCurrent && (seen !== undefined || record.status !== 'active')) this.#remember(record.id, record);
    return record;
  }

  async #readOne(id: string): Promise<void> {
    let record: KeyRecord | null;
    try {
      record = await this.#store.get(id);
    } catch (error) {
      // Nobody can use a record that cannot be understood, and the log of changes goes on.
      if (error instanceof StoreError && error.code === 'STORE_CORRUPT') return;
      throw error;
    }
    const seen = this.#remembered(id);
    // While the log goes on from where this was seen, what the store says now is newer, as for a key that was restored.
    if (seen !== undefined && seen.era !== this.#era && isOlder(record, seen)) return;
    // Nothing can be older than the first version of a key.
    if (record?.version === 1) this.#seen.delete(id);
    else this.#remember(id, record);
  }

  #remember(id: string, record: KeyRecord | null): void {
    this.#seen.set(id, { record, era: this.#era, until: this.#clock.now() + CHANGE_HOLDS_MS });
  }

  #remembered(id: string): Seen | undefined {
    const seen = this.#seen.peek(id);
    return seen === undefined || this.#clock.now() >= seen.until ? undefined : seen;
  }

  #mayAsk(): boolean {
    const second = Math.floor(this.#clock.now() / 1_000);
    if (second !== this.#second) this.#strangers = 0;
    this.#second = second;
    return ++this.#strangers <= MAX_STRANGERS_A_SECOND;
  }
}

/** Revoked is for good: whatever version a key has that is not, it was made from a record of before. */
function isOlder(record: KeyRecord | null, { record: seen }: Seen): boolean {
  if (record === null) return false;
  if (seen === null || record.version < seen.version) return true;
  return seen.status === 'revoked' && record.status !== 'revoked';
}
