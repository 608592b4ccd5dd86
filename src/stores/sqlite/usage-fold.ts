import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { addCounts, type Counts, decodeCounts, noCounts, requestsIn } from './usage-counts.ts';
import type { UsageJournal } from './usage-journal.ts';
import { Folded, SHARDS } from './usage-lines.ts';

/** Rows of the journal that are worth a fold. At 17,000 requests a second with 10,000 keys that is a quarter of a minute. */
const FOLD_AFTER = 128;
/** Rows of counts after which a step is long enough: some 2 ms. */
const STEP_ROWS = 100;

const SET_COUNTS = `INSERT INTO counts (day, shard, scope, requests, counts) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (day, shard, scope) DO UPDATE SET requests = excluded.requests, counts = excluded.counts`;

/** SQLite's max() of two values is null when either is, hence the coalesce. */
const MERGE_USE = `
  INSERT INTO uses (shard, key_id, last_used_at, previous_last_used_at) VALUES (?, ?, ?, ?)
  ON CONFLICT (shard, key_id) DO UPDATE SET
    last_used_at = max(coalesce(last_used_at, excluded.last_used_at),
                       coalesce(excluded.last_used_at, last_used_at)),
    previous_last_used_at = max(coalesce(previous_last_used_at, excluded.previous_last_used_at),
                                coalesce(excluded.previous_last_used_at, previous_last_used_at))`;

/**
 * Brings counts and uses up to date with the journal, whichever process wrote it, a step at a time: to bring a row up to
 * date costs ten times what a line in the journal costs, so it is done once for many lines. Any process can take the
 * next step, since each leaves behind how far it came.
 */
export class UsageFold {
  readonly #journal: UsageJournal;
  readonly #row: StatementSync;
  readonly #setCounts: StatementSync;
  readonly #mergeUse: StatementSync;

  constructor(db: DatabaseSync, journal: UsageJournal) {
    this.#journal = journal;
    this.#row = db.prepare('SELECT counts FROM counts WHERE day = ? AND shard = ? AND scope = ?');
    this.#setCounts = db.prepare(SET_COUNTS);
    this.#mergeUse = db.prepare(MERGE_USE);
  }

  /**
   * Takes one step when there is one to take. Must be called within a transaction.
   * @returns the last row of the journal that is folded altogether
   */
  step(): number {
    const journal = this.#journal;
    const rows = journal.numbers();
    let { upto, shard } = journal.folding;
    if (shard === 0) {
      if (rows.length < FOLD_AFTER) return upto;
      upto = rows[FOLD_AFTER - 1] as number;
    }
    const folding = rows.filter((number) => number <= upto);
    let changed = 0;
    while (shard < SHARDS && changed < STEP_ROWS) {
      changed += this.#fold(shard, journal.lines(folding, shard));
      shard++;
    }
    journal.folding = { upto, shard: shard % SHARDS };
    if (shard === SHARDS) journal.remove(upto);
    return shard === SHARDS ? upto : 0;
  }

  /** @returns the rows that it changed */
  #fold(shard: number, pending: readonly string[]): number {
    const folded = new Folded();
    for (const lines of pending) folded.add(lines);
    let changed = folded.uses.size;
    for (const [scope, days] of folded.counts) {
      for (const [day, counts] of days) this.#addTo([day, shard, scope], counts);
      changed += days.size;
    }
    for (const { keyId, lastUsedAt, previousLastUsedAt } of folded.uses.values()) {
      this.#mergeUse.run(shard, keyId, lastUsedAt, previousLastUsedAt);
    }
    return changed;
  }

  #addTo(name: readonly [day: number, shard: number, scope: string], added: Counts): void {
    const row = this.#row.get(...name);
    const counts = row === undefined ? noCounts() : decodeCounts(String(row['counts']));
    addCounts(counts, added);
    this.#setCounts.run(...name, requestsIn(counts), JSON.stringify(counts));
  }
}
