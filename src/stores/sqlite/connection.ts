import { closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { StoreError } from '../../core/ports.ts';
import { isBusy, storeError } from './errors.ts';
import type { Connection } from './transaction.ts';

/** Several workers open the same files at once when a gateway starts: the longest that one waits for the others. */
const OPEN_TIMEOUT_MS = 5_000;
const OPEN_PAUSE_MS = 5;

/** Errors that say that nothing can be written there, by their system code. */
const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT']);

/**
 * Makes the file, and its folder when missing, for its owner's eyes only. SQLite would make it readable for everyone;
 * the files that it puts beside it take over this one's mode.
 *
 * @returns the absolute path, which SQLite can take for nothing but a path
 * @throws StoreError that names the path
 */
export function prepareFile(path: string): string {
  const file = resolve(path);
  const folder = dirname(file);
  try {
    makeFolder(folder);
  } catch (error) {
    throw cannotCreate(folder, error);
  }
  try {
    // Only ever opened when it is new: closing a file ends all POSIX locks that this process holds on it.
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw cannotCreate(file, error);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
      throw new StoreError('STORE_UNAVAILABLE', `The store ${file} cannot be opened: it is not a file`);
    }
  }
  return file;
}

/**
 * Opens one connection. It is tried again while another process holds the file, as during that one's own start.
 *
 * @param prepare run on the new connection: pragmas and schema
 */
export async function connect(
  file: string,
  options: { readonly timeoutMs: number; readonly busyTimeoutMs: number },
  prepare: (db: DatabaseSync) => void,
): Promise<Connection> {
  const deadline = AbortSignal.timeout(OPEN_TIMEOUT_MS);
  for (;;) {
    const db = open(file, options.busyTimeoutMs);
    try {
      prepare(db);
      return { db, file, timeoutMs: options.timeoutMs };
    } catch (error) {
      db.close();
      if (!isBusy(error) || deadline.aborted) throw storeError(error, file);
    }
    await delay(OPEN_PAUSE_MS);
  }
}

function open(file: string, timeout: number): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout });
  } catch (error) {
    throw storeError(error, file);
  }
}

/**
 * Not mkdirSync's `recursive`: where a folder's own parent is there and the folder still cannot be, as under /proc, that
 * one tries for ever.
 */
function makeFolder(folder: string): void {
  if (isFolder(folder)) return;
  if (!existsSync(dirname(folder))) makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it in between.
    if (!isFolder(folder)) throw error;
  }
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

function cannotCreate(path: string, cause: unknown): StoreError {
  const code = systemCode(cause);
  const kind = NOT_WRITABLE.has(code) ? 'STORE_READ_ONLY' : 'STORE_UNAVAILABLE';
  return new StoreError(kind, `The store needs ${path}, which cannot be created: ${code}`, { cause });
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}
