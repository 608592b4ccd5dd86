import type { StatementSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import {
  type KeyUse,
  laterUse,
  startOf,
  type UsageBatch,
  type UsageDay,
  type UsageScope,
  type UsageStore,
} from '../../core/usage.ts';
import type { Checkpoints } from './checkpoints.ts';
import { storeError } from './errors.ts';
import { type Connection, transaction } from './transaction.ts';
import { addCounts, type Counts, dayWith, decodeCounts } from './usage-counts.ts';
import { UsageFold } from './usage-fold.ts';
import { type Appended, RowCache, rowText, UsageJournal } from './usage-journal.ts';
import { LineMaker, LineMemory } from './usage-line-maker.ts';
import { Folded, SHARDS, shardOf } from './usage-lines.ts';
import { requestsIn, usesIn } from './usage-scan.ts';

/** Rows that one call of `prune` removes. */
const MAX_PRUNE = 500;
/** Lines that are made before requests get their turn: some 0.3 ms. */
const TURN_LINES = 1_000;
/** Keys that are read before requests get their turn. */
const TURN_KEYS = 50;
/** Characters of the journal that are gone through before: some 5 ms. */
const TURN_LENGTH = 1_000_000;
/** How long the last batch of a process is remembered, in seconds; it sends one again within seconds, or never. */
const WRITER_SECONDS = 2 * 86_400;

const PRUNE = `DELETE FROM counts WHERE (day, shard, scope) IN (
  SELECT day, shard, scope FROM counts WHERE day < ? ORDER BY day, shard, scope LIMIT ?)`;

/** Rows are found by going through one shard: an index by time would have to be written with each use. */
const PRUNE_USES = `DELETE FROM uses WHERE (shard, key_id) IN (
  SELECT shard, key_id FROM uses
    WHERE shard = ? AND max(coalesce(last_used_at, 0), coalesce(previous_last_used_at, 0)) < ? LIMIT ?)`;

/** Usage in SQLite: what is read is always the counts and what of the journal is not in them yet. */
export class SqliteUsageStore implements UsageStore {
  readonly #writer: Connection;
  readonly #reader: Connection;
  readonly #checkpoints: Checkpoints;
  readonly #cache = new RowCache();
  readonly #lineMemory = new LineMemory();
  readonly #journal: UsageJournal;
  readonly #fold: UsageFold;
  readonly #write: Readonly<Record<'lastNumber' | 'setNumber', StatementSync>>;
  readonly #readJournal: UsageJournal;
  /** The shard of which last uses are forgotten next. */
  #pruned = 0;
  readonly #read: Readonly<Record<'use' | 'span' | 'requests' | 'counts', StatementSync>>;

  /**
   * @param writer one without a busy timeout
   * @param reader one that waits for as long as a call may
   * @param checkpoints of the log that the writer writes
   */
  constructor(writer: Connection, reader: Connection, checkpoints: Checkpoints) {
    this.#writer = writer;
    this.#checkpoints = checkpoints;
    this.#reader = reader;
    this.#journal = new UsageJournal(writer.db, this.#cache);
    this.#fold = new UsageFold(writer, this.#journal, checkpoints);
    this.#write = {
      lastNumber: writer.db.prepare('SELECT number FROM writers WHERE writer = ?'),
      setNumber: writer.db.prepare('REPLACE INTO writers (writer, number, at) VALUES (?, ?, unixepoch())'),
    };
    this.#readJournal = new UsageJournal(reader.db, this.#cache);
    const where = 'WHERE day = ? AND shard = ? AND scope = ?';
    this.#read = {
      use: reader.db.prepare('SELECT last_used_at, previous_last_used_at FROM uses WHERE shard = ? AND key_id = ?'),
      span: reader.db.prepare('SELECT min(day) AS first, max(day) AS last FROM counts'),
      requests: reader.db.prepare(`SELECT requests FROM counts ${where}`),
      counts: reader.db.prepare(`SELECT counts FROM counts ${where}`),
    };
  }

  async record(batch: UsageBatch): Promise<void> {
    const text = await this.#textOf(batch);
    await this.#checkpoints.idle();
    const { appended, isFolding } = await transaction(this.#writer, () => this.#append(batch, text));
    this.#checkpoints.wrote(text.length);
    if (appended !== null) this.#journal.keep(appended);
    if (!isFolding) return;
    await setImmediate();
    this.#cache.forget(await this.#fold.step());
  }

  async read(keyIds: readonly string[]): Promise<KeyUse[]> {
    const uses = new Map<string, KeyUse>();
    await this.#eachShard(keyIds, (shard, ids, pending) => {
      const unfolded = usesIn(pending, ids);
      for (const keyId of ids) {
        const row = this.#read.use.get(shard, keyId);
        const last = timeOf(row?.['last_used_at']);
        const use = { keyId, lastUsedAt: last, previousLastUsedAt: timeOf(row?.['previous_last_used_at']) };
        uses.set(keyId, laterUse(use, unfolded.get(keyId) ?? use));
      }
    });
    return keyIds.map((keyId) => uses.get(keyId) ?? { keyId, lastUsedAt: null, previousLastUsedAt: null });
  }

  async requests(keyIds: readonly string[], from: number, to: number): Promise<ReadonlyMap<number, number>[]> {
    const requests = new Map<string, Map<number, number>>();
    await this.#eachShard(keyIds, (shard, ids, pending) => {
      const unfolded = requestsIn(pending, ids);
      const span = this.#spanWithin(from, to);
      for (const keyId of ids) {
        const days = new Map<number, number>();
        for (let day = span.first; day <= span.last; day++) {
          const row = this.#read.requests.get(day, shard, `key:${keyId}`);
          if (row !== undefined) days.set(day, Number(row['requests']));
        }
        for (const [day, more] of unfolded.get(keyId) ?? []) {
          if (day >= from && day <= to) days.set(day, (days.get(day) ?? 0) + more);
        }
        requests.set(keyId, days);
      }
    });
    return keyIds.map((keyId) => requests.get(keyId) ?? new Map());
  }

  async days(scope: UsageScope, from: number, to: number): Promise<UsageDay[]> {
    return this.#snapshot((pending) => {
      const span = this.#spanWithin(from, to);
      const shard = shardOf(scope);
      const days = new Map<number, Counts>();
      for (let day = span.first; day <= span.last; day++) {
        const row = this.#read.counts.get(day, shard, scope);
        if (row !== undefined) days.set(day, decodeCounts(String(row['counts'])));
      }
      for (const [day, counts] of pendingOf(scope, pending(shard))) {
        const known = days.get(day);
        if (known !== undefined) addCounts(known, counts);
        else if (day >= from && day <= to) days.set(day, counts);
      }
      return [...days].sort(([a], [b]) => a - b).map(([day, counts]) => dayWith(day, counts));
    });
  }

  async prune(keepFrom: number): Promise<number> {
    const { db } = this.#writer;
    return transaction(this.#writer, () => {
      db.prepare('DELETE FROM writers WHERE at < unixepoch() - ?').run(WRITER_SECONDS);
      const removed = Number(db.prepare(PRUNE).run(keepFrom, MAX_PRUNE).changes);
      return removed + this.#pruneUses(startOf(keepFrom), MAX_PRUNE - removed);
    });
  }

  /** Looks at the next shard, and at it again when there is more in it than one call removes. */
  #pruneUses(before: number, limit: number): number {
    const { changes } = this.#writer.db.prepare(PRUNE_USES).run(this.#pruned, before, limit);
    if (changes < limit) this.#pruned = (this.#pruned + 1) % SHARDS;
    return Number(changes);
  }

  /** Requests get their turn while it is made. */
  async #textOf({ deltas, uses }: UsageBatch): Promise<string> {
    const maker = new LineMaker(this.#lineMemory);
    let made = 0;
    for (const delta of deltas) {
      maker.add(delta);
      if (++made % TURN_LINES === 0) await setImmediate();
    }
    for (const use of uses) {
      maker.addUse(use);
      if (++made % TURN_LINES === 0) await setImmediate();
    }
    const text = rowText(maker.shards());
    await setImmediate();
    return text;
  }

  /** @returns what was appended, null when it was there already; and whether a step of the fold is to be taken */
  #append(batch: UsageBatch, text: string): { appended: Appended | null; isFolding: boolean } {
    const last = this.#write.lastNumber.get(batch.writer)?.['number'];
    if (last !== undefined && batch.number <= Number(last)) return { appended: null, isFolding: false };
    this.#write.setNumber.run(batch.writer, batch.number);
    const appended = this.#journal.append(text);
    return { appended, isFolding: this.#fold.claim(appended.number) };
  }

  /** The days of a range that there can be counts of. */
  #spanWithin(from: number, to: number): { first: number; last: number } {
    const row = this.#read.span.get();
    if (typeof row?.['first'] !== 'number' || typeof row['last'] !== 'number') return { first: from, last: from - 1 };
    return { first: Math.max(from, row['first']), last: Math.min(to, row['last']) };
  }

  /**
   * Reads about many keys, one shard after the other, so that the journal is gone through once for all of a shard.
   * Requests get their turn in between; each shard is read in one snapshot.
   */
  async #eachShard(keyIds: readonly string[], read: ReadShard): Promise<void> {
    const shards = [...Map.groupBy(new Set(keyIds), (keyId) => shardOf(`key:${keyId}`))];
    let done = 0;
    while (done < shards.length) {
      if (done > 0) await setImmediate();
      done += this.#snapshot((pending) => {
        let [count, keys, length] = [0, 0, 0];
        for (const [shard, ids] of shards.slice(done)) {
          const lines = pending(shard);
          read(shard, ids, lines);
          count++;
          keys += ids.length;
          for (const { length: more } of lines) length += more;
          if (keys >= TURN_KEYS || length >= TURN_LENGTH) break;
        }
        return count;
      });
    }
  }

  /**
   * Reads in one snapshot of the file: a fold between two reads would show something twice, or not at all.
   *
   * @param body is given a way to the lines of a shard that are not in the counts yet
   */
  #snapshot<T>(body: (pending: Pending) => T): T {
    const { db, file } = this.#reader;
    const journal = this.#readJournal;
    try {
      db.exec('BEGIN');
      const rows = journal.numbers();
      const { upto, shard: next } = journal.folding;
      const rest = rows.filter((number) => number > upto);
      return body((shard) => journal.lines(shard < next ? rest : rows, shard));
    } catch (error) {
      throw storeError(error, file);
    } finally {
      if (db.isTransaction) db.exec('COMMIT');
    }
  }
}

type Pending = (shard: number) => readonly string[];
type ReadShard = (shard: number, keyIds: readonly string[], pending: readonly string[]) => void;

function pendingOf(scope: UsageScope, pending: readonly string[]): ReadonlyMap<number, Counts> {
  const folded = new Folded();
  for (const lines of pending) folded.addScope(lines, scope);
  return folded.counts.get(scope) ?? new Map();
}

function timeOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
