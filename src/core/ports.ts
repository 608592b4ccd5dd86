import type { KeyRecord, KeyStatus } from './key.ts';
import type { Lease, Limits } from './limits.ts';
import type { MaybePromise } from './maybe.ts';

/**
 * What a store must be able to do, in the domain's words. One conformance suite (test/conformance/) holds every adapter
 * to the comments here. A method that cannot reach its store throws or rejects with a StoreError.
 */
export interface Store {
  readonly keys: KeyStore;
  readonly limits: LimitLedger;
  readonly usage: UsageStore;
  /** Resolves when the store answers within its timeout. */
  ping(): Promise<void>;
  /** Releases everything; no call may follow. */
  close(): Promise<void>;
}

export interface KeyStore {
  /** The key whose current or previous secret has this digest, whatever its status or expiry; null when there is none. */
  findByDigest(digest: string): MaybePromise<KeyRecord | null>;
  get(id: string): Promise<KeyRecord | null>;
  /** Newest first, ties by id. A page may hold fewer keys than asked for, none even, and still have a `next`. */
  list(query: KeyQuery): Promise<KeyPage>;
  /** Durable when it resolves. Rejects with STORE_CONFLICT when the id or a digest is taken; then nothing is written. */
  create(record: KeyRecord): Promise<void>;
  /**
   * Replaces the record whose stored version is `record.version - 1`. Durable when it resolves. Rejects with
   * STORE_CONFLICT when the stored version is another, the key is gone, or a new digest is taken; then nothing changes.
   */
  replace(record: KeyRecord): Promise<void>;
  /**
   * Which keys were created or replaced after `cursor`, by whatever process: a change is listed by the time that it is
   * acknowledged.
   *
   * @param cursor what an earlier call answered, or null to begin now
   */
  changesSince(cursor: string | null): MaybePromise<KeyChanges>;
}

export interface KeyChanges {
  /** Opaque; for the next call. */
  readonly cursor: string;
  /** Ids, oldest change first, perhaps repeated; null when the store cannot tell (too many, lost, or a new beginning). */
  readonly changed: readonly string[] | null;
}

export interface KeyQuery {
  /** 1 to 1000. */
  readonly limit: number;
  /** `next` of the page before; absent for the first. */
  readonly after?: string;
  readonly type?: string;
  readonly owner?: string;
  readonly status?: KeyStatus;
}

export interface KeyPage {
  readonly keys: readonly KeyRecord[];
  /** Ids of keys on this page whose record cannot be understood: one bad record must not hide the others. */
  readonly unreadable: readonly string[];
  /** Opaque; null on the last page. */
  readonly next: string | null;
}

/** Counts admissions exactly, for all processes that share the store, on the store's clock. */
export interface LimitLedger {
  /**
   * Takes up to `want` admissions from hour, day and burst in one atomic step (core/limits.ts `take`). Never more
   * granted than a limit, whatever processes do or however they die. A lease that grants nothing costs nothing.
   */
  lease(keyId: string, limits: Limits, want: number): MaybePromise<Lease>;
  /** Gives back `unused` admissions of a lease (core/limits.ts `giveBack`). */
  release(keyId: string, limits: Limits, unused: number, lease: Lease): MaybePromise<void>;
}

/** When a key was last used. Kept apart from the keys, so that counting never looks like a change to them. */
export interface KeyUse {
  readonly keyId: string;
  /** Milliseconds since the epoch; null: never. */
  readonly lastUsedAt: number | null;
  /** When the secret that a rotation replaced was last used; null: never since. */
  readonly previousLastUsedAt: number | null;
}

export interface UsageStore {
  /** Merges a batch; the later time wins, null changes nothing. */
  record(uses: readonly KeyUse[]): Promise<void>;
  /** One entry per id asked for, in that order. */
  read(keyIds: readonly string[]): Promise<KeyUse[]>;
}

export type StoreErrorCode =
  /** Not reachable, not in time, or not able to answer now. */
  | 'STORE_UNAVAILABLE'
  /** The write would clash with what is there; nothing was written. */
  | 'STORE_CONFLICT'
  /** The store cannot take writes: disk full, read-only, out of memory. Nothing was written. */
  | 'STORE_READ_ONLY'
  /** What is stored cannot be understood (written by a newer version, or damaged). */
  | 'STORE_CORRUPT'
  /** The question makes no sense: a page token that no page gave, a page size out of range. Asking again will not help. */
  | 'STORE_BAD_QUERY';

/** The only error that stores throw. Compare `code`, never the message. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
