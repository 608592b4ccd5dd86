import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '../../core/clock.ts';
import { type GatewayProgress, type GatewayRegistry, type GatewayReport, LIVE_MS } from '../../core/gateways.ts';
import { byName } from '../gateway-order.ts';
import { storeError } from './errors.ts';
import { migrate, type Schema } from './schema.ts';
import { type Connection, transaction } from './transaction.ts';

const GATEWAYS_SCHEMA: Schema = [
  `CREATE TABLE gateways (
     id TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     cursor TEXT NOT NULL,
     heard_at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
];

/** A report changes one small row: at 1 KB a page the log grows the least. */
const PAGE_SIZE = 1_024;
/** Pages of WAL between two checkpoints, which alone wait for the disk: one in some ten minutes of a gateway. */
const CHECKPOINT_PAGES = 1_000;

/**
 * Prepares a connection to the file that gateways report to. It is one of its own: reports come every second and are worth
 * nothing after a few, so they must keep neither keys nor counters waiting. With synchronous=NORMAL no report waits for the
 * disk, and the file is whole after a power failure.
 */
export function prepareGateways(db: DatabaseSync, file: string): void {
  const pragmas = `PRAGMA page_size = ${PAGE_SIZE}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`;
  migrate(db, file, GATEWAYS_SCHEMA, pragmas);
}

/** Gateways in a table, a row for each; cursors are the numbers of the change log. */
export class SqliteGatewayRegistry implements GatewayRegistry {
  /** A full disk takes no report, and the keys on it are the same that everybody reads. */
  readonly refusals = 0;
  readonly #reader: Connection;
  readonly #writer: Connection;
  readonly #clock: Clock;
  readonly #update: StatementSync;
  readonly #insert: StatementSync;
  readonly #sweep: StatementSync;
  readonly #delete: StatementSync;
  readonly #live: StatementSync;

  /** @param reader may wait for a lock in SQLite, @param writer must not: see `transaction` */
  constructor(reader: Connection, writer: Connection, clock: Clock) {
    this.#reader = reader;
    this.#writer = writer;
    this.#clock = clock;
    this.#update = writer.db.prepare('UPDATE gateways SET name = ?2, cursor = ?3, heard_at = ?4 WHERE id = ?1');
    this.#insert = writer.db.prepare('INSERT INTO gateways VALUES (?1, ?2, ?3, ?4)');
    this.#sweep = writer.db.prepare('DELETE FROM gateways WHERE heard_at < ?');
    this.#delete = writer.db.prepare('DELETE FROM gateways WHERE id = ?');
    this.#live = reader.db.prepare('SELECT id, name, cursor, heard_at FROM gateways WHERE heard_at >= ?');
  }

  /** Whoever comes new takes out the dead: so there are never more of them than gateways that died since somebody came. */
  async report({ id, name, cursor }: GatewayReport): Promise<void> {
    await transaction(this.#writer, () => {
      const now = this.#clock.now();
      if (this.#update.run(id, name, cursor, now).changes !== 0) return;
      this.#insert.run(id, name, cursor, now);
      this.#sweep.run(now - LIVE_MS);
    });
  }

  async leave(id: string): Promise<void> {
    await transaction(this.#writer, () => void this.#delete.run(id));
  }

  async progress(cursor: string): Promise<readonly GatewayProgress[]> {
    const now = this.#clock.now();
    return this.#rows(now)
      .map(
        (row): GatewayProgress => ({
          id: String(row['id']),
          name: String(row['name']),
          isThere: Number(row['cursor']) >= Number(cursor),
          heardMsAgo: Math.max(0, now - Number(row['heard_at'])),
        }),
      )
      .sort(byName);
  }

  /** The log of changes is in another file. */
  async hasForgotten(): Promise<boolean> {
    return false;
  }

  #rows(now: number): Record<string, unknown>[] {
    try {
      return this.#live.all(now - LIVE_MS);
    } catch (error) {
      throw storeError(error, this.#reader.file);
    }
  }
}
