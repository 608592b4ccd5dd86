import type { StatementSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import type { KeyUse, UsageBatch, UsageDay, UsageScope, UsageStore } from '../../core/usage.ts';
import { storeError } from './errors.ts';
import { type Connection, transaction } from './transaction.ts';
import { addCounts, type Counts, dayWith, decodeCounts, requestsIn } from './usage-counts.ts';
import { UsageFold } from './usage-fold.ts';
import { type Appended, RowCache, UsageJournal } from './usage-journal.ts';
import { Folded, laterUse, shardOf } from './usage-lines.ts';

/** Rows that one call of `prune` removes. */
const MAX_PRUNE = 500;
/** How long the last batch of a process is remembered, in seconds; it sends one again within seconds, or never. */
const WRITER_SECONDS = 2 * 86_400;

const PRUNE = `DELETE FROM counts WHERE (day, shard, scope) IN (
  SELECT day, shard, scope FROM counts WHERE day < ? ORDER BY day, shard, scope LIMIT ?)`;

/** Usage in SQLite: what is read is always the counts and what of the journal is not in them yet. */
export class SqliteUsageStore implements UsageStore {
  readonly #writer: Connection;
  readonly #reader: Connection;
  readonly #cache = new RowCache();
  readonly #journal: UsageJournal;
  readonly #fold: UsageFold;
  readonly #write: Readonly<Record<'lastNumber' | 'setNumber', StatementSync>>;
  readonly #readJournal: UsageJournal;
  readonly #read: Readonly<Record<'use' | 'span' | 'requests' | 'counts', StatementSync>>;

  /**
   * @param writer one without a busy timeout
   * @param reader one that waits for as long as a call may
   */
  constructor(writer: Connection, reader: Connection) {
    this.#writer = writer;
    this.#reader = reader;
    this.#journal = new UsageJournal(writer.db, this.#cache);
    this.#fold = new UsageFold(writer.db, this.#journal);
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
    const appended = await transaction(this.#writer, () => this.#append(batch));
    if (appended !== null) this.#journal.keep(appended);
    // A step takes as long as some requests, which get their turn in between.
    await setImmediate();
    this.#cache.forget(await transaction(this.#writer, () => this.#fold.step()));
  }

  async read(keyIds: readonly string[]): Promise<KeyUse[]> {
    return this.#snapshot((pending) =>
      keyIds.map((keyId) => {
        const shard = shardOf(`key:${keyId}`);
        const row = this.#read.use.get(shard, keyId);
        const last = timeOf(row?.['last_used_at']);
        const use = { keyId, lastUsedAt: last, previousLastUsedAt: timeOf(row?.['previous_last_used_at']) };
        const folded = new Folded();
        for (const lines of pending(shard)) folded.addUse(lines, keyId);
        return laterUse(use, folded.uses.get(keyId) ?? use);
      }),
    );
  }

  async requests(keyIds: readonly string[], from: number, to: number): Promise<ReadonlyMap<number, number>[]> {
    return this.#snapshot((pending) => {
      const span = this.#spanWithin(from, to);
      return keyIds.map((keyId) => {
        const scope: UsageScope = `key:${keyId}`;
        const shard = shardOf(scope);
        const requests = new Map<number, number>();
        for (let day = span.first; day <= span.last; day++) {
          const row = this.#read.requests.get(day, shard, scope);
          if (row !== undefined) requests.set(day, Number(row['requests']));
        }
        for (const [day, counts] of pendingOf(scope, pending(shard))) {
          if (day >= from && day <= to) requests.set(day, (requests.get(day) ?? 0) + requestsIn(counts));
        }
        return requests;
      });
    });
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
      return Number(db.prepare(PRUNE).run(keepFrom, MAX_PRUNE).changes);
    });
  }

  /** @returns null when it was there already */
  #append(batch: UsageBatch): Appended | null {
    const last = this.#write.lastNumber.get(batch.writer)?.['number'];
    if (last !== undefined && batch.number <= Number(last)) return null;
    this.#write.setNumber.run(batch.writer, batch.number);
    return this.#journal.append(batch);
  }

  /** The days of a range that there can be counts of. */
  #spanWithin(from: number, to: number): { first: number; last: number } {
    const row = this.#read.span.get();
    if (typeof row?.['first'] !== 'number' || typeof row['last'] !== 'number') return { first: from, last: from - 1 };
    return { first: Math.max(from, row['first']), last: Math.min(to, row['last']) };
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

function pendingOf(scope: UsageScope, pending: readonly string[]): ReadonlyMap<number, Counts> {
  const folded = new Folded();
  for (const lines of pending) folded.addScope(lines, scope);
  return folded.counts.get(scope) ?? new Map();
}

function timeOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
