import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { KeyChanges } from '../../core/ports.ts';
import { changesAfter, changesFromNow, MAX_CHANGES } from '../change-cursor.ts';
import { ChangeWatch } from './change-watch.ts';
import { HAS_IMPORTED } from './key-table.ts';

/** The last changes of keys and roles, in the order in which they were committed: SQLite has one writer at a time. */
export class SqliteChangeLog {
  readonly #last: StatementSync;
  readonly #from: StatementSync;
  readonly #flag: StatementSync;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;
  readonly #file: string;
  readonly #watches = new Set<ChangeWatch>();

  /** @param file that the reader and the writer have open */
  constructor(reader: DatabaseSync, writer: DatabaseSync, file: string) {
    this.#file = file;
    this.#last = reader.prepare('SELECT max(seq) AS seq FROM changes');
    this.#from = reader.prepare('SELECT seq, key_id FROM changes WHERE seq >= ? ORDER BY seq LIMIT ?');
    this.#flag = reader.prepare('SELECT 1 FROM flags WHERE name = ?');
    this.#insert = writer.prepare('INSERT INTO changes (key_id) VALUES (?)');
    this.#trim = writer.prepare('DELETE FROM changes WHERE seq <= ?');
  }

  /**
   * Runs inside the transaction that makes the change.
   * @param subject id of the key, or what `roleSubject` gives
   */
  add(subject: string): void {
    const { lastInsertRowid } = this.#insert.run(subject);
    this.#trim.run(Number(lastInsertRowid) - MAX_CHANGES);
    for (const watch of this.#watches) watch.stir();
  }

  /** Calls `hint` when there is a new change, of whatever process. @returns ends it */
  watch(hint: () => void): () => void {
    const watch = new ChangeWatch(this.#file, () => this.#newest(), hint);
    this.#watches.add(watch);
    return () => {
      this.#watches.delete(watch);
      watch.end();
    };
  }

  /** Ends what watches; before the connections are closed. */
  close(): void {
    for (const watch of this.#watches) watch.end();
    this.#watches.clear();
  }

  since(cursor: string | null): KeyChanges {
    if (cursor === null) {
      return changesFromNow(this.#newest(), this.#hasImported());
    }
    const rows = this.#from.all(Number(cursor), MAX_CHANGES + 1);
    const changes = rows.map((row) => ({ position: String(row['seq']), subject: String(row['key_id']) }));
    return changesAfter(cursor, changes, this.#hasImported());
  }

  #newest(): string | undefined {
    const newest = this.#last.get()?.['seq'] ?? null;
    return newest === null ? undefined : String(newest);
  }

  #hasImported(): boolean {
    return this.#flag.get(HAS_IMPORTED) !== undefined;
  }
}
