import { LRUCache } from 'lru-cache';
import type { KeyRecord } from '../core/key.ts';
import type { MaybePromise } from '../core/maybe.ts';
import { StoreError } from '../core/ports.ts';
import type { CountedKey, ReplayDecider } from './replay-decider.ts';
import type { SkipReason } from './replay-request.ts';

/** Keys that are kept in memory, each with what it used up of its limits. */
const MAX_KEYS = 50_000;
/** Ids that are remembered to open nothing. */
const MAX_MISSING = 100_000;
/** Keys that are told apart when they are counted. */
const MAX_SEEN = 1_000_000;

/** A key that occurs in a replay, before and after. */
export interface ReplayedKey {
  /** As it is. */
  readonly record: KeyRecord;
  readonly before: CountedKey;
  readonly after: CountedKey;
  /** When the latest of its requests so far ended, in milliseconds since the epoch. */
  endedAt: number;
}

export interface ReplayKeysOptions {
  /** null: what was recorded is compared, which needs no key. */
  readonly before: ReplayDecider | null;
  readonly after: ReplayDecider;
  /** How one key would be after. */
  readonly changed: KeyRecord | null;
  readonly findKey: (id: string) => Promise<KeyRecord | null>;
  readonly maxKeys?: number;
}

/** The keys that occur, each read once as long as there is room. */
export class ReplayKeys {
  readonly #options: ReplayKeysOptions;
  readonly #found: LRUCache<string, ReplayedKey>;
  readonly #missing = new LRUCache<string, SkipReason>({ max: MAX_MISSING });
  readonly #seen = new Set<string>();
  #forgotten = 0;

  constructor(options: ReplayKeysOptions) {
    this.#options = options;
    this.#found = new LRUCache({
      max: options.maxKeys ?? MAX_KEYS,
      dispose: (_key, _id, reason) => {
        if (reason === 'evict') this.#forgotten++;
      },
    });
  }

  /** How many there were; of very many, at least so many. */
  get seen(): number {
    return this.#seen.size;
  }

  /** How often a key had to make room for another. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /**
   * The key, or why there is none.
   * @throws StoreError when the store cannot be asked
   */
  find(id: string): MaybePromise<ReplayedKey | SkipReason> {
    return this.#found.get(id) ?? this.#missing.get(id) ?? this.#read(id);
  }

  async #read(id: string): Promise<ReplayedKey | SkipReason> {
    const record = await this.#recordOf(id);
    if (typeof record === 'string') {
      this.#missing.set(id, record);
      return record;
    }
    const { before, after, changed } = this.#options;
    const changes = changed?.id === id ? changed : record;
    const loaded = after.load(changes);
    const key: ReplayedKey = { record, before: before?.load(record) ?? loaded, after: loaded, endedAt: 0 };
    this.#found.set(id, key);
    if (this.#seen.size < MAX_SEEN) this.#seen.add(id);
    return key;
  }

  async #recordOf(id: string): Promise<KeyRecord | SkipReason> {
    try {
      return (await this.#options.findKey(id)) ?? 'unknown_key';
    } catch (error) {
      if (error instanceof StoreError && error.code === 'STORE_CORRUPT') return 'unreadable_key';
      throw error;
    }
  }
}
