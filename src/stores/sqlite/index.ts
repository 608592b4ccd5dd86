import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../core/clock.ts';
import type { Store } from '../../core/ports.ts';
import { AlongWriter } from './along.ts';
import { SqliteAuditLog } from './audit.ts';
import { AuditTable } from './audit-table.ts';
import { SqliteChangeLog } from './change-log.ts';
import { ClaimTable } from './claims.ts';
import { connect, prepareFile } from './connection.ts';
import { storeError } from './errors.ts';
import { moveFirstUses } from './first-uses.ts';
import { prepareGateways, SqliteGatewayRegistry } from './gateways.ts';
import { KEYS_SCHEMA } from './key-schema.ts';
import { SqliteKeyStore } from './keys.ts';
import { SqliteLimitLedger } from './ledger.ts';
import { LimitTable } from './limit-table.ts';
import { OwnedLedger } from './owned-ledger.ts';
import { Ownership } from './ownership.ts';
import { SqliteRoleStore } from './roles.ts';
import { LIMITS_SCHEMA, migrate } from './schema.ts';
import { SharedLedger } from './shared-ledger.ts';
import type { Connection } from './transaction.ts';
import { openUsageFiles, type UsageFiles } from './usage-files.ts';

export interface SqliteStoreOptions {
  /** The main file: keys, roles, claims and the audit log. What is counted and logged lives beside it. */
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
 * Several files, so that counting never waits for a key change to reach the disk. The main one is written with
 * synchronous=FULL: durable before it is acknowledged. Usage and the request log (`<path>-usage`, `<path>-requests`;
 * synchronous=NORMAL) and limits (`<path>-limits`; OFF) survive the death of any process; the last of them may be lost
 * with the machine. `<path>-gateways` says which gateways run, and is worth nothing when none does.
 *
 * @throws StoreError when a file cannot be created, is not ours, or was written by a newer version
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { path, timeoutMs, clock } = options;
  const main = prepareFile(path);
  const opened: Connection[] = [];
  let files: UsageFiles | null = null;
  let unwatch = (): void => undefined;
  const closeAll = (): void => {
    unwatch();
    for (const { db } of opened) db.close();
    files?.close();
  };
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
    const writer = await open(main, 0, (db) => prepareMain(db, main));
    const reader = await open(main, timeoutMs, (db) => prepareMain(db, main));
    // Only now that the main file is known to be ours: nothing is put beside one of another program.
    const counters = prepareFile(`${path}-limits`);
    const limits = await open(counters, 0, (db) => prepareLimits(db, counters));
    const lock = await open(prepareFile(`${path}-limits-lock`), 0, () => undefined);
    const presence = prepareFile(`${path}-gateways`);
    const reports = await open(presence, 0, (db) => prepareGateways(db, presence));
    const reported = await open(presence, timeoutMs, (db) => prepareGateways(db, presence));
    files = await openUsageFiles(path, timeoutMs);
    await moveFirstUses(writer, files.usage);
    const table = new LimitTable(limits);
    const ledger = new SqliteLimitLedger({
      owned: new OwnedLedger(limits, table, clock),
      shared: new SharedLedger(limits, table, clock),
      ownership: new Ownership(lock, limits),
      timeoutMs,
    });
    const changes = new SqliteChangeLog(reader.db, writer.db, main);
    unwatch = () => changes.close();
    return {
      ...openMain(reader, writer, changes, clock),
      limits: ledger,
      usage: files.usage,
      requests: files.requests,
      gateways: new SqliteGatewayRegistry(reported, reports, clock),
      ping: async () => ping(reader),
      close: () => ledger.close().finally(closeAll),
    };
  } catch (error) {
    closeAll();
    throw storeError(error, main);
  }
}

/** What lives in the main file, and is written together. */
function openMain(
  reader: Connection,
  writer: Connection,
  changes: SqliteChangeLog,
  clock: Clock,
): Pick<Store, 'keys' | 'roles' | 'audit'> {
  const claims = new ClaimTable(reader.db, writer.db, clock);
  const table = new AuditTable(writer.db);
  const along = new AlongWriter(table, claims);
  return {
    keys: new SqliteKeyStore({ reader, writer, changes, claims, along }),
    roles: new SqliteRoleStore(reader, writer, changes, along),
    audit: new SqliteAuditLog(reader, writer, table),
  };
}

function prepareMain(db: DatabaseSync, file: string): void {
  migrate(db, file, KEYS_SCHEMA, 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
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
