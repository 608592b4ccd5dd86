import { randomInt } from 'node:crypto';
import type { StatementSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import type { LogBatch, LoggedRequest, LogPage, LogQuery, RequestLog } from '../../core/request-log.ts';
import { collectLogPage, encodeEntry, type LogRange, Positions, type StoredEntry } from '../log-pages.ts';
import type { Checkpoints } from './checkpoints.ts';
import { storeError } from './errors.ts';
import { RequestSearch } from './request-search.ts';
import { type Connection, transaction } from './transaction.ts';

/** Entries in one transaction, so that requests get their turn between two: some 0.5 ms. */
const MAX_CHUNK = 25;
/** Bytes of an entry in the write-ahead log, which takes whole pages; those of other keys are on others. */
const ENTRY_BYTES = 5_000;
/** Between two transactions: one right behind the other leaves requests half of the time. */
const PAUSE_MS = 2;
/** Entries that one call of `prune` removes. */
const MAX_PRUNE = 500;
/** Entries that one trim of a key's log removes, when it has far too many. */
const MAX_TRIM = 2_000;
/** A log is trimmed when so many of what it may hold were added. */
const TRIM_SHARE = 10;
/** Keys of which it is known how much was added since their log was trimmed; beyond that the oldest are forgotten. */
const MAX_COUNTED = 10_000;

/** The oldest of those that come before the newest so many. */
const TRIM = `DELETE FROM requests WHERE (key_id, position) IN (
  SELECT key_id, position FROM requests WHERE key_id = ?1 AND position <= (
    SELECT position FROM requests WHERE key_id = ?1 ORDER BY position DESC LIMIT 1 OFFSET ?2
  ) ORDER BY position LIMIT ?3)`;
const PRUNE = `DELETE FROM requests WHERE (key_id, position) IN (
  SELECT key_id, position FROM requests WHERE expires_at <= ? LIMIT ?)`;

/** Requests of keys in SQLite. */
export class SqliteRequestLog implements RequestLog {
  readonly #writer: Connection;
  readonly #reader: Connection;
  readonly #checkpoints: Checkpoints;
  readonly #positions = new Positions();
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  readonly #oldest: StatementSync;
  readonly #newest: StatementSync;
  readonly #search: RequestSearch;
  /** Entries of each key that were added since its log was trimmed. */
  readonly #added = new Map<string, number>();

  /**
   * @param writer one without a busy timeout
   * @param reader one that waits for as long as a call may
   * @param checkpoints of the log that the writer writes
   */
  constructor(writer: Connection, reader: Connection, checkpoints: Checkpoints) {
    this.#writer = writer;
    this.#checkpoints = checkpoints;
    this.#reader = reader;
    this.#insert = writer.db.prepare('INSERT INTO requests VALUES (?, ?, ?, ?, ?)');
    this.#trim = writer.db.prepare(TRIM);
    const read = 'SELECT position, entry FROM requests WHERE key_id = ? AND position > ? AND position < ?';
    this.#oldest = reader.db.prepare(`${read} ORDER BY position LIMIT ?`);
    this.#newest = reader.db.prepare(`${read} ORDER BY position DESC LIMIT ?`);
    this.#search = new RequestSearch(reader);
  }

  async append(batches: readonly LogBatch[]): Promise<void> {
    for (const chunk of chunks(batches)) {
      await this.#checkpoints.idle();
      await transaction(this.#writer, () => {
        for (const batch of chunk) this.#addAll(batch);
      });
      this.#checkpoints.wrote(chunk.length * ENTRY_BYTES);
      await delay(PAUSE_MS);
    }
  }

  read(query: LogQuery): Promise<LogPage> {
    return collectLogPage(query, (range, count) => this.#entries(query.keyId, range, count));
  }

  find(requestId: string, keyIds: readonly string[] | null): Promise<LoggedRequest[]> {
    return keyIds === null ? this.#search.findInAll(requestId) : this.#search.findIn(keyIds, requestId);
  }

  async prune(now: number): Promise<number> {
    const { db } = this.#writer;
    return transaction(this.#writer, () => Number(db.prepare(PRUNE).run(now, MAX_PRUNE).changes));
  }

  #addAll({ keyId, entries, retentionMs, maxEntries }: LogBatch): void {
    for (const entry of entries) {
      const position = this.#positions.next(entry.at);
      this.#insert.run(keyId, position, entry.at + retentionMs, entry.requestId, encodeEntry(entry));
    }
    const share = Math.max(1, Math.floor(maxEntries / TRIM_SHARE));
    // At random for a key that is new here, or the logs of processes that do not live long would never be trimmed.
    const added = (this.#added.get(keyId) ?? randomInt(share)) + entries.length;
    if (added >= share) this.#trim.run(keyId, maxEntries, MAX_TRIM);
    this.#remember(keyId, added % share);
  }

  #remember(keyId: string, added: number): void {
    this.#added.set(keyId, added);
    if (this.#added.size <= MAX_COUNTED) return;
    for (const oldest of this.#added.keys()) {
      this.#added.delete(oldest);
      return;
    }
  }

  #entries(keyId: string, { above, below, order }: LogRange, count: number): StoredEntry[] {
    const statement = order === 'oldest' ? this.#oldest : this.#newest;
    try {
      const rows = statement.all(keyId, above, below, count);
      return rows.map((row) => ({ position: String(row['position']), text: String(row['entry']) }));
    } catch (error) {
      throw storeError(error, this.#reader.file);
    }
  }
}

/** The same batches, in groups of no more entries than one transaction takes. */
function* chunks(batches: readonly LogBatch[]): Iterable<LogBatch[]> {
  let chunk: LogBatch[] = [];
  let room = MAX_CHUNK;
  for (const batch of batches) {
    for (let start = 0; start < batch.entries.length; ) {
      const entries = batch.entries.slice(start, start + room);
      chunk.push({ ...batch, entries });
      start += entries.length;
      room -= entries.length;
      if (room > 0) continue;
      yield chunk;
      chunk = [];
      room = MAX_CHUNK;
    }
  }
  if (chunk.length > 0) yield chunk;
}
