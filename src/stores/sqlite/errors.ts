import { StoreError, type StoreErrorCode } from '../../core/ports.ts';

/** SQLite's primary result codes (https://sqlite.org/rescode.html); extended ones carry more in the higher bits. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CONSTRAINT = 19;
const NOTADB = 26;

const CODES: ReadonlyMap<number, { readonly code: StoreErrorCode; readonly what: string }> = new Map([
  [BUSY, { code: 'STORE_UNAVAILABLE', what: 'is locked by another process' }],
  [LOCKED, { code: 'STORE_UNAVAILABLE', what: 'is locked by another process' }],
  [READONLY, { code: 'STORE_READ_ONLY', what: 'cannot be written: the file or its folder is read-only' }],
  [FULL, { code: 'STORE_READ_ONLY', what: 'cannot be written: the disk is full' }],
  [IOERR, { code: 'STORE_UNAVAILABLE', what: 'cannot be read or written (disk I/O error): is the disk full?' }],
  [CORRUPT, { code: 'STORE_CORRUPT', what: 'is damaged' }],
  [NOTADB, { code: 'STORE_CORRUPT', what: 'is not an SQLite database' }],
  [CONSTRAINT, { code: 'STORE_CONFLICT', what: 'already holds that id or digest' }],
]);

/** The primary result code of an SQLite error; null for any other error. */
export function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & 0xff;
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === BUSY || code === LOCKED;
}

/**
 * What an error means to the caller.
 *
 * @param file named in the message, so that whoever reads it knows where to look
 * @returns a StoreError for what SQLite reported; any other error is a mistake of ours and comes back as it is
 */
export function storeError(error: unknown, file: string): unknown {
  const code = sqliteCode(error);
  if (code === null) return error;
  const known = CODES.get(code);
  if (known !== undefined) return new StoreError(known.code, `The store ${file} ${known.what}`, { cause: error });
  const said = error instanceof Error ? error.message : 'unknown error';
  return new StoreError('STORE_UNAVAILABLE', `The store ${file} cannot be used: ${said}`, { cause: error });
}
