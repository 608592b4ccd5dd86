import type { LoadedKey, RecentUse } from '../core/decision.ts';
import type { FoundKey } from '../core/gate.ts';
import type { KeyRecord } from '../core/key.ts';
import type { Limits } from '../core/limits.ts';
import { DigestTable, type TableEntry } from './digest-table.ts';
import { sizeOf } from './key-size.ts';

/** Parses a stored key against the configuration in force. */
export type KeyLoader = (record: KeyRecord) => LoadedKey;

/** A cached key and how long it may be used without being read again. */
export interface CachedKey extends FoundKey {
  /**
   * When the key is read again, changed or not, in whole milliseconds of the directory's clock and never later than it
   * should be. Up to 2^31, for 24 days of a process, an entry holds such a number itself.
   */
  readonly readAgainAt: number;
  /** What parsed it: after a reload another one parses it again. */
  readonly loader: KeyLoader;
  /** Set when the key was changed since: it is never used again. What was last seen of it still holds. */
  changed: boolean;
}

interface Entry extends CachedKey, TableEntry {
  /** The same key under another digest, as after a rotation. */
  other: Entry | null;
}

/**
 * Parsed keys by digest, and which digests a key is cached under, so that a change of the key finds them all. Both are
 * bounded by `maxKeys`: keys that were not used for a while go first (digest-table.ts). A large key counts for several.
 */
export class KeyCache {
  readonly #maxKeys: number;
  readonly #byDigest: DigestTable<Entry>;
  /** The first of the entries of a key. */
  readonly #byId = new Map<string, Entry>();

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
    this.#byDigest = new DigestTable(maxKeys, (entry) => this.#forget(entry));
  }

  get size(): number {
    return this.#byDigest.count;
  }

  get(digest: string): CachedKey | undefined {
    return this.#byDigest.get(digest);
  }

  /** @returns the key as it is now cached: with what was last seen of it, under whatever digest */
  set(digest: string, { key: given, previousSecret, readAgainAt, loader, changed }: CachedKey): CachedKey {
    const key = this.#withRecent(given);
    const { record, permissionsHeader } = key;
    const size = Math.min(this.#maxKeys, sizeOf(record, permissionsHeader.length));
    // What a lookup asks for stands first: see LoadedKey.
    const entry: Entry = {
      digest: ownText(digest, record),
      key,
      changed,
      readAgainAt,
      loader,
      previousSecret,
      size,
      other: null,
    };
    this.#byDigest.set(entry);
    entry.other = this.#byId.get(record.id) ?? null;
    this.#byId.set(record.id, entry);
    return entry;
  }

  /** Whether a key is cached, under whatever digest. */
  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** Drops a digest that opens no key any more. */
  delete(digest: string): void {
    this.#byDigest.delete(digest);
  }

  /** Notes that a key was changed, whatever digests it is cached under. */
  markChanged(id: string): void {
    for (let entry = this.#byId.get(id) ?? null; entry !== null; entry = entry.other) entry.changed = true;
  }

  /** Notes that any key may have been changed. */
  markAllChanged(): void {
    for (const entry of this.#byDigest.values()) entry.changed = true;
  }

  /** A key that is read again is still the same key: where it was last used, and how its limits stand, goes with it. */
  #withRecent(key: LoadedKey): LoadedKey {
    const before = this.#byId.get(key.record.id)?.key;
    if (before === undefined) return key;
    // How limits stand is told in remainders, which mean nothing under other limits.
    const recent: RecentUse = sameLimits(before.limits, key.limits) ? before.recent : { ...before.recent, lease: null };
    return { ...key, recent };
  }

  #forget(entry: Entry): void {
    const { id } = entry.key.record;
    let before = this.#byId.get(id);
    if (before === entry) {
      if (entry.other === null) this.#byId.delete(id);
      else this.#byId.set(id, entry.other);
      return;
    }
    while (before !== undefined && before.other !== entry) before = before.other ?? undefined;
    if (before !== undefined) before.other = entry.other;
  }
}

/** A digest in the text that the key has of it already. */
function ownText(digest: string, { secret, previous }: KeyRecord): string {
  if (digest === secret.digest) return secret.digest;
  return previous !== null && digest === previous.digest ? previous.digest : digest;
}

function sameLimits(a: Limits, b: Limits): boolean {
  return a.perHour === b.perHour && a.perDay === b.perDay && a.burst === b.burst;
}
