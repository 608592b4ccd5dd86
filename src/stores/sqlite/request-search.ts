import type { StatementSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import type { LoggedRequest } from '../../core/request-log.ts';
import { beginOf, decodeEntry } from '../log-pages.ts';
import { storeError } from './errors.ts';
import type { Connection } from './transaction.ts';

/** Entries that are looked at between two turns of the event loop: less than a millisecond. */
const SLICE = 5_000;
/** Entries that one search looks at: those that expire last. A million take some 0.1 s. */
const MAX_SEARCHED = 5_000_000;

/** Where a slice that ends before `below` begins; more entries only where many expire in the same millisecond. */
const BEGIN = `SELECT expires_at FROM requests INDEXED BY requests_by_expiry
  WHERE expires_at < ? ORDER BY expires_at DESC LIMIT 1 OFFSET ${SLICE - 1}`;
const LATEST = `SELECT key_id, position FROM requests INDEXED BY requests_by_expiry
  WHERE expires_at >= ? AND expires_at < ? AND request_id = ? ORDER BY position DESC LIMIT 1`;

interface Place {
  readonly keyId: string;
  readonly position: string;
}

/**
 * Finds requests by their ids. There is no index by id: ids are random, so that each entry would be one more page to
 * write. The index by expiry, which is written in order, is read from its end instead, a slice at a time.
 */
export class RequestSearch {
  readonly #file: string;
  readonly #begin: StatementSync;
  readonly #latest: StatementSync;
  readonly #entry: StatementSync;

  constructor({ db, file }: Connection) {
    this.#file = file;
    this.#begin = db.prepare(BEGIN);
    this.#latest = db.prepare(LATEST);
    this.#entry = db.prepare('SELECT entry FROM requests WHERE key_id = ? AND position = ?');
  }

  /** The latest of the entries with this id; those that expire last are looked at. */
  async find(requestId: string): Promise<LoggedRequest | null> {
    let found: Place | null = null;
    let below: number | null = Number.MAX_SAFE_INTEGER;
    for (let searched = 0; below !== null && searched < MAX_SEARCHED; searched += SLICE) {
      const begin = this.#beginOf(below);
      found = later(found, this.#latestIn(begin ?? Number.MIN_SAFE_INTEGER, below, requestId));
      // Types of keys keep their entries for different times, but none expires before it is made.
      below = begin !== null && found !== null && beginOf(begin) < found.position ? null : begin;
      await setImmediate();
    }
    return found === null ? null : this.#read(found);
  }

  #beginOf(below: number): number | null {
    const row = this.#guard(() => this.#begin.get(below));
    return row === undefined ? null : Number(row['expires_at']);
  }

  #latestIn(begin: number, below: number, requestId: string): Place | null {
    const row = this.#guard(() => this.#latest.get(begin, below, requestId));
    return row === undefined ? null : { keyId: String(row['key_id']), position: String(row['position']) };
  }

  #read({ keyId, position }: Place): LoggedRequest | null {
    const row = this.#guard(() => this.#entry.get(keyId, position));
    return row === undefined ? null : decodeEntry(keyId, String(row['entry']));
  }

  #guard<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }
}

function later(a: Place | null, b: Place | null): Place | null {
  if (a === null || b === null) return a ?? b;
  return a.position > b.position ? a : b;
}
