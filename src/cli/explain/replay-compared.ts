/** Which worlds a replay compares, and what of the log it could not read. */
export interface Compared {
  /** `recorded`, or `today`: the configuration in force, and the keys as they are. */
  readonly before: 'recorded' | 'today';
  readonly after: After;
  /** Whether limits are simulated. */
  readonly limits: boolean;
  /** Whether the requests are those that the store keeps. */
  readonly isStored: boolean;
  /** Numbers of the first lines that could not be read. */
  readonly unreadableLines: readonly number[];
}

export interface After {
  /** File of the configuration; null: there is none, every setting has its default. */
  readonly config: string | null;
  /** Whether that file is the proposed one. */
  readonly is_proposed: boolean;
  /** The key that would be changed; null: every key stays as it is. */
  readonly changed_key: string | null;
}
