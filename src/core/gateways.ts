/** How long a gateway that was heard of counts as live, in ms on the store's clock: longer than a busy one is silent. */
export const LIVE_MS = 5_000;

/** Which gateways work on a store, and how far each has come with the changes that the store lists. */
export interface GatewayRegistry {
  /**
   * How many reports of this process the store has refused as read-only since it last took one. Always 0 where a store that
   * cannot be written is no other than the one that others write.
   */
  readonly refusals: number;
  /** Says that a gateway is there, and what it has applied. In place of what it said before. */
  report(gateway: GatewayReport): Promise<void>;
  /** Takes a gateway out that says no more. One that is not there is no mistake. */
  leave(id: string): Promise<void>;
  /**
   * The gateways that were heard of within LIVE_MS, by name. Time in which a server heard of none counts for a second at
   * most: it may have been away, and they may be on their way back.
   *
   * @param cursor of `KeyStore.changesSince`
   */
  progress(cursor: string): Promise<readonly GatewayProgress[]>;
  /**
   * Whether the log of changes goes on from a cursor, and has only forgotten it among too many newer changes. false: it was
   * lost, or nobody can tell.
   *
   * @param cursor that `KeyStore.changesSince` once answered
   */
  hasForgotten(cursor: string): Promise<boolean>;
}

export interface GatewayReport {
  /** Of this process alone. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  /** `KeyChanges.cursor` up to which it uses nothing from memory that was changed. */
  readonly cursor: string;
}

export interface GatewayProgress {
  readonly id: string;
  readonly name: string;
  /** Whether it has applied every change up to the cursor that was asked about. */
  readonly isThere: boolean;
  /** How long ago it was heard of, in ms; never negative. */
  readonly heardMsAgo: number;
}
