import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../core/clock.ts';
import type { Store } from '../../core/ports.ts';
import { connect, prepareFile } from './connection.ts';
import { storeError } from './errors.ts';
import { SqliteKeyStore } from './keys.ts';
import { SqliteLimitLedger } from './ledger.ts';
import { LimitTable } from './limit-table.ts';
import { OwnedLedger } from './owned-ledger.ts';
import { Ownership } from './ownership.ts';
import { KEYS_SCHEMA, LIMITS_SCHEMA, migrate } from './schema.ts';
import { SharedLedger } from './shared-ledger.ts';
import type { Connection } from './transaction.ts';
import { SqliteUsageStore } from './usage.ts';

export interface SqliteStoreOptions {
  /** The main file: keys and usage. Limits live beside it, in `<path>-limits`. */
  readonly path: string;
  /** The longest that a call waits for other processes, in milliseconds. */
  readonly timeoutMs: number;
  /** The machine's clock: a file belongs to one machine, so that is the store's clock too. */
  readonly clock: Clock;
}

/** Pages of WAL between two checkpoints of the limits: about 4 MB. */
const LIMITS_CHECKPOINT_PAGES = 4_000;
/** A lease changes one small row on one page, and the log takes whole pages: at 1 KB they cost the least. */
const LIMITS_PAGE_SIZE = 1_024;

/**
 * Opens the embedded store; the workers of one machine share it by opening the same path.
 *
 * Two files, so that counting never waits for a key change to reach the disk. Keys are written with synchronous=FULL:
 * durable before they are acknowledged. Usage (same file, own connection, synchronous=NORMAL) and limits
 * (synchronous=OFF) survive the death of any process; the last of them may be lost with the machine.
 *
 * @throws StoreError when a file cannot be created, is not ours, or was written by a newer version
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { path, timeoutMs, clock } = options;
  const main = prepareFile(path);
  const counters = prepareFile(`${path}-limits`);
  const opened: Connection[] = [];
  const open = async (
    file: string,
    busyTimeoutMs: number,
    prepare: (db: DatabaseSync) => void,
  ): Promise<Connection> => {
    const connection = await connect(file, { timeoutMs, busyTimeoutMs }, prepare);
    opened.push(connection);
    return connection;
  };
  try {
    const writer = await open(main, 0, (db) => prepareMain(db, main, 'FULL'));
    const usage = await open(main, 0, (db) => prepareMain(db, main, 'NORMAL'));
    const reader = await open(main, timeoutMs, (db) => prepareMain(db, main, 'FULL'));
    const limits = await open(counters, 0, (db) => prepareLimits(db, counters));
    const lock = await open(prepareFile(`${path}-limits-lock`), 0, () => undefined);
    const table = new LimitTable(limits.db);
    const ledger = new SqliteLimitLedger({
      owned: new OwnedLedger(limits, table, clock),
      shared: new SharedLedger(limits, table, clock),
      ownership: new Ownership(lock, limits),
      timeoutMs,
    });
    return {
      keys: new SqliteKeyStore(reader, writer),
      limits: ledger,
      usage: new SqliteUsageStore(usage),
      ping: async () => ping(reader),
      close: async () => {
        await ledger.close();
        closeAll(opened);
      },
    };
  } catch (error) {
    closeAll(opened);
    throw storeError(error, main);
  }
}

function prepareMain(db: DatabaseSync, file: string, synchronous: 'FULL' | 'NORMAL'): void {
  migrate(db, file, KEYS_SCHEMA, `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
}

function prepareLimits(db: DatabaseSync, file: string): void {
  const pragmas = `PRAGMA page_size = ${LIMITS_PAGE_SIZE}; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
    PRAGMA wal_autocheckpoint = ${LIMITS_CHECKPOINT_PAGES}`;
  migrate(db, file, LIMITS_SCHEMA, pragmas);
}

function ping(reader: Connection): void {
  try {
    reader.db.prepare('SELECT count(*) FROM sqlite_schema').get();
  } catch (error) {
    throw storeError(error, reader.file);
  }
}

function closeAll(connections: readonly Connection[]): void {
  for (const { db } of connections) db.close();
}
