import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import type { KeyRecord } from '../../core/key.ts';
import { type KeyChanges, type KeyPage, type KeyQuery, type KeyStore, StoreError } from '../../core/ports.ts';
import { collectPage, type ListChunk, type ListEntry, type ListIndex, positionOf } from '../listing.ts';
import { decodeRecord, digestsOf, encodeRecord } from '../record.ts';
import { SqliteChangeLog } from './change-log.ts';
import { storeError } from './errors.ts';
import { type Connection, transaction } from './transaction.ts';

/** Keys in SQLite. Reads never wait for writes; a write is on the disk when it resolves. */
export class SqliteKeyStore implements KeyStore {
  readonly #reader: Connection;
  readonly #writer: Connection;
  readonly #byDigest: StatementSync;
  readonly #byId: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #insertDigest: StatementSync;
  readonly #dropDigests: StatementSync;
  readonly #changes: SqliteChangeLog;
  readonly #walks: Readonly<Record<ListIndex['name'], StatementSync>>;

  /**
   * @param reader may wait for a lock in SQLite, which other connections hold for an instant at most
   * @param writer must not: see `transaction`
   */
  constructor(reader: Connection, writer: Connection) {
    this.#reader = reader;
    this.#writer = writer;
    this.#byDigest = reader.db.prepare(
      'SELECT keys.id, keys.record FROM digests JOIN keys ON keys.id = digests.key_id WHERE digests.digest = ?',
    );
    this.#byId = reader.db.prepare('SELECT id, record FROM keys WHERE id = ?');
    this.#insert = writer.db.prepare(
      `INSERT INTO keys (position, type, owner, status, version, record, id) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#update = writer.db.prepare(
      `UPDATE keys SET position = ?, type = ?, owner = ?, status = ?, version = ?, record = ?
       WHERE id = ? AND version = ?`,
    );
    this.#insertDigest = writer.db.prepare('INSERT INTO digests (digest, key_id) VALUES (?, ?)');
    this.#dropDigests = writer.db.prepare('DELETE FROM digests WHERE key_id = ?');
    this.#changes = new SqliteChangeLog(reader.db, writer.db);
    const walk = (filter: string): StatementSync =>
      reader.db.prepare(
        `SELECT position, id, type, owner, status, record FROM keys WHERE position > ?${filter} ORDER BY position LIMIT ?`,
      );
    this.#walks = {
      all: walk(''),
      type: walk(' AND type = ?'),
      owner: walk(' AND owner = ?'),
      status: walk(' AND status = ?'),
    };
  }

  findByDigest(digest: string): KeyRecord | null {
    const found = this.#read(this.#byDigest, digest);
    // The record is the authority: a digest that it does not name opens nothing.
    return found !== null && digestsOf(found).includes(digest) ? found : null;
  }

  async get(id: string): Promise<KeyRecord | null> {
    return this.#read(this.#byId, id);
  }

  list(query: KeyQuery): Promise<KeyPage> {
    return collectPage(query, (index, after, count) => this.#walk(index, after, count));
  }

  async create(record: KeyRecord): Promise<void> {
    await transaction(this.#writer, () => {
      this.#insert.run(...columns(record));
      this.#claim(record);
      this.#changes.add(record.id);
    });
  }

  async replace(record: KeyRecord): Promise<void> {
    await transaction(this.#writer, () => {
      const { changes } = this.#update.run(...columns(record), record.version - 1);
      if (changes !== 1) {
        const what = `${record.id} is not at version ${record.version - 1}: it was changed meanwhile, or is gone`;
        throw new StoreError('STORE_CONFLICT', what);
      }
      this.#dropDigests.run(record.id);
      this.#claim(record);
      this.#changes.add(record.id);
    });
  }

  changesSince(cursor: string | null): KeyChanges {
    return this.#guard(() => this.#changes.since(cursor));
  }

  #claim(record: KeyRecord): void {
    for (const digest of digestsOf(record)) this.#insertDigest.run(digest, record.id);
  }

  #read(statement: StatementSync, by: string): KeyRecord | null {
    const row = this.#guard(() => statement.get(by));
    return row === undefined ? null : decodeRecord(String(row['id']), String(row['record']));
  }

  #walk(index: ListIndex, after: string, count: number): ListChunk {
    const values = index.name === 'all' ? [after, count] : [after, index.value, count];
    const entries = this.#guard(() => this.#walks[index.name].all(...values)).map(entryOf);
    return { entries, next: entries.length < count ? null : (entries.at(-1)?.position ?? null) };
  }

  #guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw storeError(error, this.#reader.file);
    }
  }
}

function columns(record: KeyRecord): [string, string, string, string, number, string, string] {
  const { type, owner, status, version, id } = record;
  return [positionOf(record), type, owner, status, version, encodeRecord(record), id];
}

function entryOf(row: Record<string, SQLOutputValue>): ListEntry {
  return {
    position: String(row['position']),
    id: String(row['id']),
    type: String(row['type']),
    owner: String(row['owner']),
    status: String(row['status']),
    json: String(row['record']),
  };
}
