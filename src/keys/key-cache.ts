import { LRUCache } from 'lru-cache';
import type { LoadedKey, RecentUse } from '../core/decision.ts';
import type { FoundKey } from '../core/gate.ts';
import type { KeyRecord } from '../core/key.ts';
import type { Limits } from '../core/limits.ts';
import { sizeOf } from './key-size.ts';

/** Parses a stored key against the configuration in force. */
export type KeyLoader = (record: KeyRecord) => LoadedKey;

/** A cached key and how long it may be used without being read again. */
export interface CachedKey extends FoundKey {
  /** When the key is read again, changed or not, in milliseconds of the directory's clock. */
  readonly readAgainAt: number;
  /** What parsed it: after a reload another one parses it again. */
  readonly loader: KeyLoader;
  /** Set when the key was changed since: it is never used again. What was last seen of it still holds. */
  changed: boolean;
}

/**
 * Parsed keys by digest, and which digests a key is cached under, so that a change of the key finds them all. Both are
 * bounded by `maxKeys`: the key that was used longest ago goes first. A large key counts for several.
 */
export class KeyCache {
  readonly #byDigest: LRUCache<string, CachedKey>;
  readonly #digestsOf = new Map<string, Set<string>>();

  constructor(maxKeys: number) {
    this.#byDigest = new LRUCache({
      max: maxKeys,
      maxSize: maxKeys,
      sizeCalculation: ({ key }) => Math.min(maxKeys, sizeOf(key.record, key.permissionsHeader.length)),
      dispose: (cached, digest) => this.#forget(cached.key.record.id, digest),
      noDisposeOnSet: false,
    });
  }

  get size(): number {
    return this.#byDigest.size;
  }

  get(digest: string): CachedKey | undefined {
    return this.#byDigest.get(digest);
  }

  /** @returns the key as it is now cached: with what was last seen of it, under whatever digest */
  set(digest: string, cached: CachedKey): CachedKey {
    const kept = this.#withRecent(cached);
    this.#byDigest.set(digest, kept);
    const { id } = kept.key.record;
    const digests = this.#digestsOf.get(id);
    if (digests === undefined) this.#digestsOf.set(id, new Set([digest]));
    else digests.add(digest);
    return kept;
  }

  /** Whether a key is cached, under whatever digest. */
  has(id: string): boolean {
    return this.#digestsOf.has(id);
  }

  /** Drops a digest that opens no key any more. */
  delete(digest: string): void {
    this.#byDigest.delete(digest);
  }

  /** Notes that a key was changed, whatever digests it is cached under. */
  markChanged(id: string): void {
    for (const digest of this.#digestsOf.get(id) ?? []) {
      const cached = this.#byDigest.peek(digest);
      if (cached !== undefined) cached.changed = true;
    }
  }

  /** Notes that any key may have been changed. */
  markAllChanged(): void {
    for (const cached of this.#byDigest.values()) cached.changed = true;
  }

  /** A key that is read again is still the same key: where it was last used, and how its limits stand, goes with it. */
  #withRecent(cached: CachedKey): CachedKey {
    const [digest] = this.#digestsOf.get(cached.key.record.id) ?? [];
    const before = digest === undefined ? undefined : this.#byDigest.peek(digest)?.key;
    if (before === undefined) return cached;
    // How limits stand is told in remainders, which mean nothing under other limits.
    const recent: RecentUse = sameLimits(before.limits, cached.key.limits)
      ? before.recent
      : { ...before.recent, lease: null };
    return { ...cached, key: { ...cached.key, recent } };
  }

  #forget(id: string, digest: string): void {
    const digests = this.#digestsOf.get(id);
    if (digests === undefined) return;
    digests.delete(digest);
    if (digests.size === 0) this.#digestsOf.delete(id);
  }
}

function sameLimits(a: Limits, b: Limits): boolean {
  return a.perHour === b.perHour && a.perDay === b.perDay && a.burst === b.burst;
}
