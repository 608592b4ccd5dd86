/** A request as it is kept for those who look after its key. Texts that a client chose are bounded. */
export interface LoggedRequest {
  readonly keyId: string;
  readonly requestId: string;
  /** When it ended, ms since the epoch. */
  readonly at: number;
  readonly address: string;
  readonly userAgent: string | null;
  readonly method: string;
  /** The canonical path, without the query. */
  readonly path: string;
  /** Pattern of the route that matched; null when none did. */
  readonly route: string | null;
  readonly status: number;
  /** The denial, or the gateway's own failure; null when the upstream's answer was relayed. */
  readonly code: string | null;
  /** Denials that were in shadow: what would have been refused, were it enforced. */
  readonly wouldDeny: readonly string[];
  /** Whole microseconds. */
  readonly durationUs: number;
}

/** How much is kept of one key's requests. */
export interface LogBounds {
  /** Milliseconds; 0: nothing is kept. */
  readonly retentionMs: number;
  /** Entries; a few more may be there for a while. */
  readonly maxEntries: number;
}

/** A key's new entries, oldest first, and the bounds that its type sets. */
export interface LogBatch extends LogBounds {
  readonly keyId: string;
  readonly entries: readonly LoggedRequest[];
}

export interface LogQuery {
  readonly keyId: string;
  /** 1 to 1000. */
  readonly limit: number;
  readonly order: 'newest' | 'oldest';
  /** Position of an entry; the page begins after it in its order. Absent: from the beginning. */
  readonly after?: string;
  /** From this time on, and up to and including that one; milliseconds since the epoch. */
  readonly from?: number;
  readonly to?: number;
  /** Further conditions; the store looks at a bounded number of entries for each page. */
  readonly where?: (entry: LoggedRequest) => boolean;
}

/** A request and where it stands in the log of its key. */
export interface PositionedRequest extends LoggedRequest {
  /** Opaque: `after` of a page that begins after it. */
  readonly position: string;
}

export interface LogPage {
  readonly entries: readonly PositionedRequest[];
  /** Position of the last entry that was looked at; `after` of the next page. null: there was none. */
  readonly last: string | null;
  /** Whether there is more after it, as far as the store knows now. */
  readonly more: boolean;
}

/** Keys of which a search for a request id tells. */
export const MAX_FOUND = 10;

/** The requests of each key, for as long as its type keeps them. */
export interface RequestLog {
  /** Adds entries. When it rejects, some may be there; they are not sent again. */
  append(batches: readonly LogBatch[]): Promise<void>;
  /**
   * By time, in the order asked for. A page may hold fewer entries than asked for, none even, and still have more.
   * Rejects with STORE_BAD_QUERY for a position that no page gave.
   */
  read(query: LogQuery): Promise<LogPage>;
  /**
   * The latest entry with this request id of each key, the latest first: clients choose ids, and several may have sent the
   * same. Of MAX_FOUND keys at most, and among the entries that are looked at, which are bounded and the newest. A search,
   * for people: it may take a while, in which requests are served.
   *
   * @param keyIds keys whose logs are looked at, and no others; null: those of all keys
   */
  find(requestId: string, keyIds: readonly string[] | null): Promise<readonly LoggedRequest[]>;
  /**
   * Forgets entries that are past their retention, a bounded number at a time.
   * @returns how many went, or at least that some may still have to; 0: there is nothing left to forget
   */
  prune(now: number): Promise<number>;
}
