import type { Clock } from '../core/clock.ts';
import type { FoundKey, KeyFinder } from '../core/gate.ts';
import type { KeyRecord } from '../core/key.ts';
import type { MaybePromise } from '../core/maybe.ts';
import { type KeyStore, StoreError } from '../core/ports.ts';
import { ChangedKeys } from './changed-keys.ts';
import type { DirectoryOptions, DirectoryStats } from './directory-options.ts';
import type { SecretHasher } from './hasher.ts';
import { pollOnHints } from './hinted-polls.ts';
import { type CachedKey, KeyCache, type KeyLoader } from './key-cache.ts';
import { opens, search } from './search.ts';
import { mayBeSecret } from './secret.ts';
import { StoreState } from './store-state.ts';
import { StoreWrites } from './store-writes.ts';
import { UnknownDigests } from './unknown-digests.ts';

/** How often the store is asked which keys changed. Four tries in the second within which a change must be seen. */
export const POLL_MS = 250;
/** Without an answer for this long, cached keys are no longer taken as confirmed: each is read again before it is used. */
const CONFIRMED_FOR_MS = 900;

/**
 * Finds keys by secret: in memory while the store has confirmed within the second that they did not change, in the
 * store otherwise. While the store cannot be asked, keys in memory keep working for `maxStaleMs` from its last
 * confirmation, and keys that are not in memory are a StoreError, never "unknown".
 */
export class KeyDirectory implements KeyFinder {
  readonly #store: KeyStore;
  readonly #hasher: SecretHasher;
  readonly #clock: Clock;
  readonly #options: DirectoryOptions;
  readonly #cache: KeyCache;
  readonly #unknown: UnknownDigests;
  readonly #changed: ChangedKeys;
  readonly #state = new StoreState();
  readonly #writes: StoreWrites;
  #load: KeyLoader;
  #cursor: string | null = null;
  /** When the store last said what changed: everything in the cache was right then. */
  #confirmedAt = Number.NEGATIVE_INFINITY;
  /** Grows with every invalidation: a fill that began before one is thrown away. */
  #generation = 0;
  #hits = 0;
  #misses = 0;
  #olderRecords = 0;
  #hasImported = false;
  #timer: NodeJS.Timeout | null = null;
  #unwatch = (): void => undefined;
  #polling: Promise<void> | null = null;

  /** @param load parses a stored key against the configuration in force, @param clock one that never goes back */
  constructor(store: KeyStore, hasher: SecretHasher, load: KeyLoader, clock: Clock, options: DirectoryOptions) {
    this.#store = store;
    this.#hasher = hasher;
    this.#load = load;
    this.#clock = clock;
    this.#options = options;
    this.#cache = new KeyCache(options.maxKeys);
    this.#unknown = new UnknownDigests(options.maxUnknown);
    this.#changed = new ChangedKeys(store, clock);
    this.#writes = new StoreWrites(options, clock.now());
  }

  get stats(): DirectoryStats {
    return {
      hits: this.#hits,
      misses: this.#misses,
      entries: this.#cache.size,
      storeErrors: this.#state.errors,
      storeUp: this.#state.isUp && !this.#writes.isRefusing(this.#clock.now()),
      olderRecords: this.#olderRecords,
    };
  }

  /** Begins to ask for changes: now, then every POLL_MS, and whenever the store hints at one. */
  async start(): Promise<void> {
    await this.poll();
    this.#timer = setInterval(() => void this.poll(), POLL_MS);
    this.#timer.unref();
    this.#unwatch = pollOnHints(this.#store, () => this.refresh());
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#unwatch();
  }

  /**
   * Takes over a new configuration: every key is parsed again when it is next used. It is not read again, so that a
   * reload while the store is down locks nobody out.
   */
  reload(load: KeyLoader): void {
    this.#load = load;
  }

  /** Asks the store what changed since the last time, and forgets it. Never throws for what a store does. */
  poll(): Promise<void> {
    this.#polling ??= this.#askForChanges().finally(() => {
      this.#polling = null;
    });
    return this.#polling;
  }

  /** The same for a change that was made just now: what is asked already may have been answered before it. */
  async refresh(): Promise<void> {
    await this.#polling;
    await this.poll();
  }

  async #askForChanges(): Promise<void> {
    const asked = this.#clock.now();
    try {
      const { cursor, changed, rolesChanged, hasImported } = await this.#store.changesSince(this.#cursor);
      if (rolesChanged) await this.#options.onRolesChanged?.();
      this.#hasImported = hasImported;
      if (changed === null) await this.#startOver();
      else if (changed.length > 0) await this.#invalidate(changed);
      this.#cursor = cursor;
      this.#confirmedAt = asked;
      this.#writes.answered(asked);
      this.#state.answered();
      this.#options.onApplied?.(cursor);
    } catch (error) {
      this.#state.failed(error, this.#clock.now());
    }
  }

  peek(secret: string): FoundKey | null | undefined {
    const now = this.#clock.now();
    const candidates = this.#hasher.candidates(secret);
    const cached = this.#cached(candidates, now);
    if (cached === null) return undefined;
    if (cached !== undefined) {
      this.#hits++;
      return cached;
    }
    if (!mayBeSecret(secret, this.#hasImported)) return null;
    // A key made just before the store went away must not be refused as unknown because of it.
    const isConfirmed = this.#confirmed(now) && !this.#writes.isCutOff(now);
    return isConfirmed && this.#unknown.hasAll(candidates, now) ? null : undefined;
  }

  lastAddress(secret: string): string | null {
    for (const digest of this.#hasher.candidates(secret)) {
      const address = this.#cache.get(digest)?.key.recent.address ?? '';
      if (address !== '') return address;
    }
    return null;
  }

  find(secret: string): MaybePromise<FoundKey | null> {
    const now = this.#clock.now();
    this.#state.mayAsk(now);
    this.#writes.mustVouch(now);
    this.#misses++;
    const generation = this.#generation;
    const candidates = this.#hasher.candidates(secret);
    const keep = (digest: string, record: KeyRecord | null): FoundKey | null => {
      this.#state.answered();
      return this.#keep(digest, record, now, generation);
    };
    try {
      const found = search(this.#store, candidates, keep);
      return found instanceof Promise ? found.catch((error: unknown) => this.#fallBack(candidates, error)) : found;
    } catch (error) {
      return this.#fallBack(candidates, error);
    }
  }

  /** The key that is cached for a secret; null when it must be read before it may be used, undefined when none is. */
  #cached(candidates: readonly string[], now: number): CachedKey | null | undefined {
    for (let i = 0; i < candidates.length; i++) {
      const digest = candidates[i] as string;
      const cached = this.#cache.get(digest);
      if (cached === undefined) continue;
      if (!this.#usable(cached, now)) return null;
      if (cached.loader === this.#load) return cached;
      return this.#cache.set(digest, { ...cached, key: this.#load(cached.key.record), loader: this.#load });
    }
    return undefined;
  }

  /** Whether a cached key may be used: confirmed a moment ago, or the store is down and its grace is not over. */
  #usable(cached: CachedKey, now: number): boolean {
    if (cached.changed || this.#writes.isCutOff(now)) return false;
    if (this.#confirmed(now) && now < cached.readAgainAt) return true;
    // To find out whether it is back is for the polls: no request of a key in memory waits for that.
    if (this.#state.isUp) return false;
    return now - Math.min(this.#confirmedAt, this.#writes.vouchedAt) < this.#options.maxStaleMs;
  }

  /** Whether the store said within the moment what changed. */
  #confirmed(now: number): boolean {
    return now - this.#confirmedAt <= CONFIRMED_FOR_MS;
  }

  /** Caches what the store said, unless something was invalidated since it was asked. */
  #keep(digest: string, record: KeyRecord | null, began: number, generation: number): FoundKey | null {
    const current = generation === this.#generation;
    const newest = record === null ? null : this.#newest(record, current);
    if (newest === null || !opens(digest, newest)) {
      this.#cache.delete(digest);
      if (current) this.#unknown.add(digest, began + this.#options.unknownTtlMs);
      return null;
    }
    const cached: CachedKey = {
      key: this.#load(newest),
      previousSecret: newest.secret.digest !== digest,
      readAgainAt: Math.floor(began + this.#options.ttlMs),
      loader: this.#load,
      changed: false,
    };
    return current ? this.#cache.set(digest, cached) : cached;
  }

  #newest(record: KeyRecord, isCurrent: boolean): KeyRecord | null {
    return this.#changed.newest(record, isCurrent, (older) => {
      this.#olderRecords++;
      this.#options.onOlder?.(older);
    });
  }

  /** The store could not be asked: what is in memory still serves for a while. */
  #fallBack(candidates: readonly string[], error: unknown): FoundKey {
    const now = this.#clock.now();
    if (error instanceof StoreError && error.code === 'STORE_CORRUPT') this.#state.gaveDamagedRecord();
    else this.#state.failed(error, now);
    const cached = this.#cached(candidates, now);
    if (cached !== undefined && cached !== null) return cached;
    throw error;
  }

  /** What became of the keys is read before the change counts as applied: a store that loses it cannot take it back. */
  async #invalidate(ids: readonly string[]): Promise<void> {
    this.#generation++;
    for (const id of ids) this.#cache.markChanged(id);
    this.#unknown.clear();
    await this.#changed.read(ids, (id) => this.#cache.has(id));
  }

  /** The log of changes does not go on where it was read last. */
  async #startOver(): Promise<void> {
    this.#generation++;
    this.#cache.markAllChanged();
    this.#unknown.clear();
    const isForgotten = this.#cursor !== null && (await this.#options.hasForgotten?.(this.#cursor));
    return isForgotten === true ? this.#changed.forget() : this.#changed.breakOff();
  }
}
