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
}

export interface DirectoryStats {
  readonly hits: number;
  readonly misses: number;
  readonly entries: number;
  readonly storeErrors: number;
  /** Whether the store answered when it was last asked. */
  readonly storeUp: boolean;
}
