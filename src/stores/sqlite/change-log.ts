import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { KeyChanges } from '../../core/ports.ts';
import { BEGINNING, changesAfter, MAX_CHANGES } from '../change-cursor.ts';

/** The last changes of keys, in the order in which they were committed: SQLite has one writer at a time. */
export class SqliteChangeLog {
  readonly #last: StatementSync;
  readonly #from: StatementSync;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;

  constructor(reader: DatabaseSync, writer: DatabaseSync) {
    this.#last = reader.prepare('SELECT max(seq) AS seq FROM changes');
    this.#from = reader.prepare('SELECT seq, key_id FROM changes WHERE seq >= ? ORDER BY seq LIMIT ?');
    this.#insert = writer.prepare('INSERT INTO changes (key_id) VALUES (?)');
    this.#trim = writer.prepare('DELETE FROM changes WHERE seq <= ?');
  }

  /** Runs inside the transaction that changes the key. */
  add(keyId: string): void {
    const { lastInsertRowid } = this.#insert.run(keyId);
    this.#trim.run(Number(lastInsertRowid) - MAX_CHANGES);
  }

  since(cursor: string | null): KeyChanges {
    if (cursor === null) return { cursor: this.#newest(), changed: null };
    const rows = this.#from.all(Number(cursor), MAX_CHANGES + 1);
    const changes = rows.map((row) => ({ position: String(row['seq']), keyId: String(row['key_id']) }));
    return changesAfter(cursor, changes);
  }

  #newest(): string {
    return String(this.#last.get()?.['seq'] ?? BEGINNING);
  }
}
