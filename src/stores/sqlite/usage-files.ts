import type { DatabaseSync } from 'node:sqlite';
import type { RequestLog } from '../../core/request-log.ts';
import type { UsageStore } from '../../core/usage.ts';
import { CheckpointThread } from './checkpoints.ts';
import { connect, prepareFile } from './connection.ts';
import { storeError } from './errors.ts';
import { SqliteRequestLog } from './request-log.ts';
import { migrate, type Schema } from './schema.ts';
import type { Connection } from './transaction.ts';
import { SqliteUsageStore } from './usage.ts';
import { REQUESTS_SCHEMA, USAGE_SCHEMA } from './usage-schema.ts';

/** KiB of each file that a connection keeps in memory at most: room for what a fold goes through. */
const CACHE_KIB = 16_000;
const PRAGMAS = `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${CACHE_KIB}`;

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
  const usage = prepareFile(`${path}-usage`);
  const requests = prepareFile(`${path}-requests`);
  const thread = new CheckpointThread([usage, requests]);
  const close = (): void => {
    thread.close();
    for (const { db } of opened) db.close();
  };
  try {
    const counting = await open(usage, USAGE_SCHEMA, 0);
    const counted = await open(usage, USAGE_SCHEMA, timeoutMs);
    const usageStore = new SqliteUsageStore(counting, counted, thread.log(counting.db));
    const logging = await open(requests, REQUESTS_SCHEMA, 0);
    const logged = await open(requests, REQUESTS_SCHEMA, timeoutMs);
    const requestLog = new SqliteRequestLog(logging, logged, thread.log(logging.db));
    return { usage: usageStore, requests: requestLog, close };
  } catch (error) {
    close();
    throw storeError(error, path);
  }
}
