import type { Along, Claim } from './along.ts';
import type { AuditLog } from './audit.ts';
import type { GatewayRegistry } from './gateways.ts';
import type { KeyRecord, KeyStatus } from './key.ts';
import type { Lease, LedgerPlace, LimitState, Limits, Owed } from './limits.ts';
import type { MaybePromise } from './maybe.ts';
import type { RequestLog } from './request-log.ts';
import type { RoleStore } from './role.ts';
import type { UsageStore } from './usage.ts';

/**
 * What a store must be able to do, in the domain's words. One conformance suite (test/conformance/) holds every adapter
 * to the comments here. A method that cannot reach its store throws or rejects with a StoreError.
 */
export interface Store {
  readonly keys: KeyStore;
  readonly roles: RoleStore;
  readonly limits: LimitLedger;
  readonly usage: UsageStore;
  readonly requests: RequestLog;
  readonly audit: AuditLog;
  readonly gateways: GatewayRegistry;
  /** Resolves when the store answers within its timeout. */
  ping(): Promise<void>;
  /** Releases everything; no call may follow. */
  close(): Promise<void>;
}

export interface KeyStore {
  /** The key whose current or previous secret has this digest, whatever its status or expiry; null when there is none. */
  findByDigest(digest: string): MaybePromise<KeyRecord | null>;
  get(id: string): Promise<KeyRecord | null>;
  /** In the order of `sort`, ties by id. A page may hold fewer keys than asked for, none even, and still have a `next`. */
  list(query: KeyQuery): Promise<KeyPage>;
  /**
   * Durable when it resolves. Rejects with STORE_CONFLICT when the id, a digest or the claim is taken; then nothing is
   * written.
   */
  create(record: KeyRecord, along?: Along): Promise<void>;
  /**
   * Replaces the record whose stored version is `record.version - 1`. Durable when it resolves. Rejects with
   * STORE_CONFLICT when the stored version is another, the key is gone, or a new digest is taken; then nothing changes.
   */
  replace(record: KeyRecord, along?: Along): Promise<void>;
  /** Removes the record of this version and its digests; otherwise as `replace`. */
  delete(id: string, version: number, along?: Along): Promise<void>;
  /** The claim with this id; null when there is none that is valid at `now`. */
  findClaim(id: string, now: number): Promise<Claim | null>;
  /**
   * Forgets claims that are not valid at `now` any more, a bounded number at a time.
   * @returns how many went; 0: there is nothing left to forget, or the store forgets them by itself
   */
  pruneClaims(now: number): Promise<number>;
  /**
   * Which keys were created, replaced or deleted after `cursor`, and whether a role was, by whatever process: a change is
   * listed by the time that it is acknowledged.
   *
   * @param cursor what an earlier call answered, or null to begin now
   */
  changesSince(cursor: string | null): MaybePromise<KeyChanges>;
  /**
   * Calls `hint` when something was probably changed, by whatever process: then it is worth while to ask `changesSince` at
   * once. A hint may be missing, and may come for nothing; what holds is what `changesSince` says.
   *
   * @returns ends it
   */
  watch(hint: () => void): () => void;
}

export interface KeyChanges {
  /** Opaque; for the next call. */
  readonly cursor: string;
  /** Ids, oldest change first, perhaps repeated; null when the store cannot tell (too many, lost, or a new beginning). */
  readonly changed: readonly string[] | null;
  /** Whether a role changed, or the store cannot tell. */
  readonly rolesChanged: boolean;
  /** Whether a key with an imported secret was ever stored: else only secrets of Latchkey's own form open anything. */
  readonly hasImported: boolean;
}

export const KEY_SORTS = ['-created_at', 'created_at', 'name', '-name', 'expires_at', '-expires_at'] as const;
/** What a listing is sorted by; `-` for the other way round. A key that never expires is the last to. */
export type KeySort = (typeof KEY_SORTS)[number];

/** The furthest that `offset` reaches: to skip costs as much as to read. */
export const MAX_OFFSET = 10_000;

export interface KeyQuery {
  /** 1 to 1000. */
  readonly limit: number;
  /** `next` of the page before; absent for the first. It belongs to the same sort and filters. */
  readonly after?: string;
  /** Keys to skip, 0 to MAX_OFFSET; not together with `after`. */
  readonly offset?: number;
  /** Newest first when absent. */
  readonly sort?: KeySort;
  readonly type?: string;
  readonly owner?: string;
  readonly status?: KeyStatus;
  /** Only keys that end, and before this time. */
  readonly expiresBefore?: number;
  /** Only keys that have not ended at this time. */
  readonly aliveAt?: number;
  /** Further conditions; the store looks at a bounded number of keys for each page. */
  readonly where?: (record: KeyRecord) => boolean;
}

export interface KeyPage {
  readonly keys: readonly KeyRecord[];
  /** Ids of keys on this page whose record cannot be understood: one bad record must not hide the others. */
  readonly unreadable: readonly string[];
  /** Opaque; null on the last page. */
  readonly next: string | null;
  /** How many keys the whole listing has; null when that could only be told by looking at very many. */
  readonly total: number | null;
}

/** What a ledger has counted of one key. */
export interface Counted {
  /** null: the key was never used. */
  readonly state: LimitState | null;
  /** The ledger's clock, in milliseconds since the epoch. `state.at` may be ahead of it. */
  readonly now: number;
  /** false: another process counts, and wrote more down than it has admitted. At least what `state` leaves is left. */
  readonly isExact: boolean;
}

/** Counts admissions exactly, for all processes that share the store, on the store's clock. */
export interface LimitLedger {
  /**
   * Takes up to `want` admissions from hour, day and burst in one atomic step (core/limits.ts `take`). Never more
   * granted than a limit, whatever processes do or however they die. A lease that grants nothing costs nothing.
   *
   * @param ahead so many more, for later, of what then remains an eighth at most; none when absent
   * @param owed  admissions that were made without asking: they are counted first, in the same step, beyond a limit too
   * @param place the caller keeps one for each key, and gives it each time
   */
  lease(
    keyId: string,
    limits: Limits,
    want: number,
    ahead?: number,
    owed?: Owed | null,
    place?: LedgerPlace,
  ): MaybePromise<Lease>;
  /**
   * What is counted of a key, for one who takes nothing: nothing is written, and nobody who counts is disturbed. May be
   * behind what other processes admit at this moment.
   */
  peek(keyId: string): MaybePromise<Counted>;
  /** Gives back `unused` admissions of a lease (core/limits.ts `giveBack`). */
  release(keyId: string, limits: Limits, unused: number, lease: Lease): MaybePromise<void>;
}

export type StoreErrorCode =
  /** Not reachable, not in time, or not able to answer now. */
  | 'STORE_UNAVAILABLE'
  /** The write would clash with what is there; nothing was written. */
  | 'STORE_CONFLICT'
  /** The store cannot take writes: disk full, read-only, out of memory. Nothing was written. */
  | 'STORE_READ_ONLY'
  /** There are as many as there may be; nothing was written. */
  | 'STORE_FULL'
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
