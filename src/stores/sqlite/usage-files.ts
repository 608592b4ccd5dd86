import type { DatabaseSync } from 'node:sqlite';
import type { RequestLog } from '../../core/request-log.ts';
import type { UsageStore } from '../../core/usage.ts';
import { connect, prepareFile } from './connection.ts';
import { storeError } from './errors.ts';
import { SqliteRequestLog } from './request-log.ts';
import { migrate, type Schema } from './schema.ts';
import type { Connection } from './transaction.ts';
import { SqliteUsageStore } from './usage.ts';
import { REQUESTS_SCHEMA, USAGE_SCHEMA } from './usage-schema.ts';

/** Pages of WAL between two checkpoints, about 4 MB: with four times as many, one took 40 ms, in which no request is served. */
const CHECKPOINT_PAGES = 1_000;
/** KiB of each file that a connection keeps in memory at most: room for what a fold goes through. */
const CACHE_KIB = 16_000;
const PRAGMAS = `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${CACHE_KIB};
  PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`;

export interface UsageFiles {
  readonly usage: UsageStore;
  readonly requests: RequestLog;
  close(): void;
}

/**
 * Opens what is counted and logged of requests, in two files beside the main one, `<path>-usage` and `<path>-requests`:
 * written every second, they keep neither key changes nor each other waiting.
 *
 * They are written with synchronous=NORMAL: nothing is lost when a process dies, and the files stay whole when the
 * machine does, though the last seconds may be gone. With OFF they might be damaged then, and they hold months.
 *
 * @param timeoutMs the longest that a call waits for other processes
 * @throws StoreError when a file cannot be created, is not ours, or was written by a newer version
 */
export async function openUsageFiles(path: string, timeoutMs: number): Promise<UsageFiles> {
  const opened: Connection[] = [];
  const open = async (file: string, schema: Schema, busyTimeoutMs: number): Promise<Connection> => {
    const prepare = (db: DatabaseSync): void => migrate(db, file, schema, PRAGMAS);
    const connection = await connect(file, { timeoutMs, busyTimeoutMs }, prepare);
    opened.push(connection);
    return connection;
  };
  const close = (): void => {
    for (const { db } of opened) db.close();
  };
  try {
    const usage = prepareFile(`${path}-usage`);
    const requests = prepareFile(`${path}-requests`);
    const usageStore = new SqliteUsageStore(
      await open(usage, USAGE_SCHEMA, 0),
      await open(usage, USAGE_SCHEMA, timeoutMs),
    );
    const requestLog = new SqliteRequestLog(
      await open(requests, REQUESTS_SCHEMA, 0),
      await open(requests, REQUESTS_SCHEMA, timeoutMs),
    );
    return { usage: usageStore, requests: requestLog, close };
  } catch (error) {
    close();
    throw storeError(error, path);
  }
}
