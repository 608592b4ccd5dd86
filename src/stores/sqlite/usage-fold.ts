import type { StatementSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import type { Checkpoints } from './checkpoints.ts';
import { type Connection, transaction } from './transaction.ts';
import { addCounts, type Counts, decodeCounts, noCounts, requestsIn } from './usage-counts.ts';
import type { UsageJournal } from './usage-journal.ts';
import { Folded, SHARDS } from './usage-lines.ts';

/** Rows of the journal that are worth a fold. At 17,000 requests a second with 10,000 keys that is a quarter of a minute. */
const FOLD_AFTER = 128;
/** Rows that one fold takes at most: no more than are held in memory. */
const MAX_ROWS = 512;
/** Rows of counts after which a step is long enough. */
const STEP_ROWS = 100;
/** Characters of lines that are gone through before requests get their turn: some 0.5 ms. A row that must be read first counts as so many. */
const TURN_LENGTH = 100_000;
const READ_LENGTH = 20_000;
/** Rows that are made ready, or last uses that are written, before requests get their turn: some 0.5 ms. */
const TURN_ROWS = 80;
/** Bytes of a row in the write-ahead log, which takes whole pages: those of a step stand together. */
const ROW_BYTES = 256;
/** After how long a claim of a process that is gone says nothing any more, in seconds. */
const CLAIM_SECONDS = 2;
/** Stands among the writers; no process has so short a name. */
const CLAIM = 'fold';

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

type CountsRow = [day: number, shard: number, scope: string, requests: number, counts: string];
type UseRow = [shard: number, keyId: string, lastUsedAt: number | null, previousLastUsedAt: number | null];

/** What a step writes. */
interface Changes {
  readonly counts: CountsRow[];
  readonly uses: UseRow[];
}

/**
 * Brings counts and uses up to date with the journal, whichever process wrote it, a step at a time: to bring a row up to
 * date costs ten times what a line in the journal costs, so it is done once for many lines. Any process can take the
 * next step, since each leaves behind how far it came.
 *
 * What a step writes is made ready before the write lock is taken, and requests get their turn meanwhile. So it may be out
 * of date then: nothing is written when another process has gone on with the fold. A claim keeps that rare.
 */
export class UsageFold {
  readonly #connection: Connection;
  readonly #checkpoints: Checkpoints;
  readonly #journal: UsageJournal;
  readonly #statements: Readonly<
    Record<'row' | 'setCounts' | 'mergeUse' | 'claimed' | 'claim' | 'release', StatementSync>
  >;

  constructor(connection: Connection, journal: UsageJournal, checkpoints: Checkpoints) {
    const { db } = connection;
    this.#connection = connection;
    this.#checkpoints = checkpoints;
    this.#journal = journal;
    this.#statements = {
      row: db.prepare('SELECT counts FROM counts WHERE day = ? AND shard = ? AND scope = ?'),
      setCounts: db.prepare(SET_COUNTS),
      mergeUse: db.prepare(MERGE_USE),
      claimed: db.prepare(`SELECT 1 FROM writers WHERE writer = '${CLAIM}' AND at > unixepoch() - ${CLAIM_SECONDS}`),
      claim: db.prepare(`REPLACE INTO writers (writer, number, at) VALUES ('${CLAIM}', 0, unixepoch())`),
      release: db.prepare(`DELETE FROM writers WHERE writer = '${CLAIM}'`),
    };
  }

  /**
   * Must be called within a transaction.
   *
   * @param last the last row of the journal
   * @returns whether there is a step to take and no other process is about to take it; then `step` is to be called
   */
  claim(last: number): boolean {
    const { upto, shard } = this.#journal.folding;
    if (shard === 0 && last - upto < FOLD_AFTER) return false;
    if (this.#statements.claimed.get() !== undefined) return false;
    this.#statements.claim.run();
    return true;
  }

  /**
   * Takes one step.
   * @returns the last row of the journal that is folded altogether; 0: it is not known
   */
  async step(): Promise<number> {
    const journal = this.#journal;
    const was = journal.folding;
    const rows = journal.numbers();
    const upto = was.shard === 0 ? rows.slice(0, MAX_ROWS).at(-1) : was.upto;
    if (upto === undefined) return 0;
    const folding = rows.filter((number) => number <= upto);
    const changes: Changes = { counts: [], uses: [] };
    let { shard } = was;
    while (shard < SHARDS && changes.counts.length + changes.uses.length < STEP_ROWS) {
      await this.#fold(shard, folding, changes);
      shard++;
    }
    await this.#checkpoints.idle();
    await this.#mergeUses(changes.uses);
    this.#checkpoints.wrote((changes.counts.length + changes.uses.length) * ROW_BYTES);
    return transaction(this.#connection, () => {
      const now = journal.folding;
      if (now.upto !== was.upto || now.shard !== was.shard) return 0;
      for (const row of changes.counts) this.#statements.setCounts.run(...row);
      journal.folding = { upto, shard: shard % SHARDS };
      if (shard === SHARDS) journal.remove(upto);
      this.#statements.release.run();
      return shard === SHARDS ? upto : 0;
    });
  }

  async #fold(shard: number, rows: readonly number[], changes: Changes): Promise<void> {
    const folded = new Folded();
    let length = 0;
    for (const number of rows) {
      if (!this.#journal.isHeld(number)) length += READ_LENGTH;
      const lines = this.#journal.linesOf(number, shard);
      length += lines.length;
      if (lines !== '') folded.add(lines);
      if (length < TURN_LENGTH) continue;
      length = 0;
      await setImmediate();
    }
    let made = 0;
    for (const [scope, days] of folded.counts) {
      for (const [day, counts] of days) changes.counts.push(this.#sum(day, shard, scope, counts));
      if (++made % TURN_ROWS === 0) await setImmediate();
    }
    for (const { keyId, lastUsedAt, previousLastUsedAt } of folded.uses.values()) {
      changes.uses.push([shard, keyId, lastUsedAt, previousLastUsedAt]);
    }
  }

  /** Last uses may be merged again and again, so they need not be in the transaction that says how far the fold is. */
  async #mergeUses(uses: readonly UseRow[]): Promise<void> {
    for (let start = 0; start < uses.length; start += TURN_ROWS) {
      await setImmediate();
      await transaction(this.#connection, () => {
        for (const use of uses.slice(start, start + TURN_ROWS)) this.#statements.mergeUse.run(...use);
      });
    }
    await setImmediate();
  }

  #sum(day: number, shard: number, scope: string, added: Counts): CountsRow {
    const row = this.#statements.row.get(day, shard, scope);
    const counts = row === undefined ? noCounts() : decodeCounts(String(row['counts']));
    addCounts(counts, added);
    return [day, shard, scope, requestsIn(counts), JSON.stringify(counts)];
  }
}
