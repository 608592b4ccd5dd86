import { randomInt } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { StoreError } from '../../core/ports.ts';
import { isBusy, storeError } from './errors.ts';

/** Longest pause between two attempts to take the write lock; other processes hold it for about a millisecond. */
const MAX_PAUSE_MS = 4;

/** A connection and what its callers need to know about it. */
export interface Connection {
  readonly db: DatabaseSync;
  /** For messages. */
  readonly file: string;
  /** The longest that anything waits for a lock. */
  readonly timeoutMs: number;
}

/**
 * Runs `body` under the write lock: all of it is committed or none.
 *
 * SQLite's own busy timeout would put the whole process to sleep while another one writes, so the connection must have
 * none: the lock is tried for, and between two attempts the event loop goes on.
 *
 * @throws StoreError STORE_UNAVAILABLE when the lock was not free within the timeout
 */
export async function transaction<T>(connection: Connection, body: () => T): Promise<T> {
  let deadline: AbortSignal | null = null;
  while (!tryBegin(connection)) {
    deadline ??= AbortSignal.timeout(connection.timeoutMs);
    if (deadline.aborted) {
      const waited = `for more than ${connection.timeoutMs} ms`;
      throw new StoreError('STORE_UNAVAILABLE', `The store ${connection.file} was locked by another process ${waited}`);
    }
    // Random, so that processes that wait for each other do not go on meeting.
    await delay(randomInt(1, MAX_PAUSE_MS + 1));
  }
  return finish(connection, body);
}

/**
 * The same at once, without waiting: nothing is done when another process holds the lock.
 * @returns whether it was done
 */
export function transactionNow(connection: Connection, body: () => void): boolean {
  if (!tryBegin(connection)) return false;
  finish(connection, body);
  return true;
}

/** Takes the write lock when it is free. */
function tryBegin({ db, file }: Connection): boolean {
  try {
    db.exec('BEGIN IMMEDIATE');
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw storeError(error, file);
  }
}

function finish<T>({ db, file }: Connection, body: () => T): T {
  try {
    const result = body();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    rollback(db);
    throw storeError(error, file);
  }
}

function rollback(db: DatabaseSync): void {
  // A full disk or a failed write has already rolled back by itself.
  if (db.isTransaction) db.exec('ROLLBACK');
}
