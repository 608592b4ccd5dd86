import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Test } from 'tap';
import { DAY_MS, HOUR_MS } from '../../src/core/limits.ts';
import { LimitTable } from '../../src/stores/sqlite/limit-table.ts';
import { LIMITS_SCHEMA } from '../../src/stores/sqlite/schema.ts';
import type { Connection } from '../../src/stores/sqlite/transaction.ts';
import { ManualClock } from './clock.ts';

/** An hour after a day began. */
export const START = 20_000 * DAY_MS + HOUR_MS;

export interface LimitsFile {
  readonly connection: Connection;
  readonly table: LimitTable;
  /** Stands at `START` until the test turns it. */
  readonly clock: ManualClock;
}

/** An empty file of limits, closed when the test ends. */
export function limitsFile(t: Test): LimitsFile {
  const db = new DatabaseSync(join(t.testdir(), 'limits.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
  for (const step of LIMITS_SCHEMA) db.exec(step);
  t.teardown(() => db.close());
  const connection = { db, file: 'limits.db', timeoutMs: 100 };
  return { connection, table: new LimitTable(connection), clock: new ManualClock(START) };
}
