import type { StatementSync } from 'node:sqlite';
import type { Along, Claim } from '../../core/along.ts';
import type { KeyRecord } from '../../core/key.ts';
import { type KeyChanges, type KeyPage, type KeyQuery, type KeyStore, StoreError } from '../../core/ports.ts';
import { collectPage } from '../listing.ts';
import { decodeRecord, digestsOf } from '../record.ts';
import type { AlongWriter } from './along.ts';
import type { SqliteChangeLog } from './change-log.ts';
import type { ClaimTable } from './claims.ts';
import { storeError } from './errors.ts';
import { KeyTable } from './key-table.ts';
import { SqliteListReader } from './list-reader.ts';
import { type Connection, transaction } from './transaction.ts';

/** What keys share with the other parts of the main file. */
export interface KeyStoreParts {
  /** May wait for a lock in SQLite, which other connections hold for an instant at most. */
  readonly reader: Connection;
  /** Must not: see `transaction`. */
  readonly writer: Connection;
  readonly changes: SqliteChangeLog;
  readonly claims: ClaimTable;
  readonly along: AlongWriter;
}

/** Keys in SQLite. Reads never wait for writes; a write is on the disk when it resolves. */
export class SqliteKeyStore implements KeyStore {
  readonly #parts: KeyStoreParts;
  readonly #byDigest: StatementSync;
  readonly #byId: StatementSync;
  readonly #table: KeyTable;
  readonly #lists: SqliteListReader;

  constructor(parts: KeyStoreParts) {
    this.#parts = parts;
    const { db } = parts.reader;
    this.#byDigest = db.prepare(
      'SELECT keys.id, keys.record FROM digests JOIN keys ON keys.id = digests.key_id WHERE digests.digest = ?',
    );
    this.#byId = db.prepare('SELECT id, record FROM keys WHERE id = ?');
    this.#table = new KeyTable(parts.writer.db);
    this.#lists = new SqliteListReader(parts.reader);
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
    return collectPage(query, this.#lists);
  }

  create(record: KeyRecord, along?: Along): Promise<void> {
    return this.#change(record.id, along, () => this.#table.insert(record));
  }

  replace(record: KeyRecord, along?: Along): Promise<void> {
    return this.#change(record.id, along, () => {
      if (!this.#table.update(record)) throw moved(record.id, record.version - 1);
    });
  }

  delete(id: string, version: number, along?: Along): Promise<void> {
    return this.#change(id, along, () => {
      if (!this.#table.delete(id, version)) throw moved(id, version);
    });
  }

  async findClaim(id: string, now: number): Promise<Claim | null> {
    return this.#guard(() => this.#parts.claims.find(id, now));
  }

  pruneClaims(now: number): Promise<number> {
    return transaction(this.#parts.writer, () => this.#parts.claims.prune(now));
  }

  changesSince(cursor: string | null): KeyChanges {
    return this.#guard(() => this.#parts.changes.since(cursor));
  }

  watch(hint: () => void): () => void {
    return this.#parts.changes.watch(hint);
  }

  #change(id: string, along: Along | undefined, change: () => void): Promise<void> {
    return transaction(this.#parts.writer, () => {
      change();
      this.#parts.along.write(along ?? {});
      this.#parts.changes.add(id);
    });
  }

  #read(statement: StatementSync, by: string): KeyRecord | null {
    const row = this.#guard(() => statement.get(by));
    return row === undefined ? null : decodeRecord(String(row['id']), String(row['record']));
  }

  #guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw storeError(error, this.#parts.reader.file);
    }
  }
}

function moved(id: string, version: number): StoreError {
  const what = `${id} is not at version ${version}: it was changed meanwhile, or is gone`;
  return new StoreError('STORE_CONFLICT', what);
}
