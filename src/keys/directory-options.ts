import type { OlderRecord } from './changed-keys.ts';

export interface DirectoryOptions {
  readonly maxKeys: number;
  readonly maxUnknown: number;
  readonly ttlMs: number;
  readonly unknownTtlMs: number;
  readonly maxStaleMs: number;
  /** Called when a role may have changed, before anything else is answered from memory; rejects with a StoreError. */
  readonly onRolesChanged?: () => Promise<void>;
  /**
   * Called when the store has said what changed: from now on nothing is used from memory that was changed up to this
   * cursor, whatever becomes of the store.
   */
  readonly onApplied?: (cursor: string) => void;
  /**
   * How many times the store has refused, as read-only, what this gateway reports each second, since it last took it.
   * Absent: whether the store takes writes says nothing about what is read from it.
   */
  readonly refusals?: () => number;
  /**
   * Whether the log of changes goes on from a cursor, and has only forgotten it among too many newer changes; rejects with
   * a StoreError. Absent: nobody can tell, and the store may have gone back in time.
   */
  readonly hasForgotten?: (cursor: string) => Promise<boolean>;
  /** Called when the store gave an older record of a key than it once had: it has gone back in time. */
  readonly onOlder?: (older: OlderRecord) => void;
}

export interface DirectoryStats {
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
  readonly storeErrors: number;
  /** Whether the store answered when it was last asked, and takes writes where that matters. */
  readonly storeUp: boolean;
  /** Records that the store gave and that were not used, because it had newer ones of these keys before. */
  readonly olderRecords: number;
}
