import type { StatementSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { type LoggedRequest, MAX_FOUND } from '../../core/request-log.ts';
import { decodeEntry } from '../log-pages.ts';
import { storeError } from './errors.ts';
import type { Connection } from './transaction.ts';

/** Entries that are looked at between two turns of the event loop: less than a millisecond in the index by expiry. */
const SLICE = 5_000;
/** In the log of one key, where whole entries are read: some 2 ms. */
const LOG_SLICE = 2_000;
/** Entries that one search looks at: those that expire last. A million take some 0.1 s. */
const MAX_SEARCHED = 5_000_000;

/** Where a slice that ends before `below` begins; more entries only where many expire in the same millisecond. */
const BEGIN = `SELECT expires_at FROM requests INDEXED BY requests_by_expiry
  WHERE expires_at < ? ORDER BY expires_at DESC LIMIT 1 OFFSET ${SLICE - 1}`;
const LATEST = `SELECT key_id, MAX(position) AS position FROM requests INDEXED BY requests_by_expiry
  WHERE expires_at >= ? AND expires_at < ? AND request_id = ? GROUP BY key_id ORDER BY position DESC LIMIT ${MAX_FOUND}`;
const LOG_BEGIN = `SELECT position FROM requests
  WHERE key_id = ? AND position < ? ORDER BY position DESC LIMIT 1 OFFSET ${LOG_SLICE - 1}`;
const LOG_LATEST = `SELECT MAX(position) AS position FROM requests
  WHERE key_id = ? AND position >= ? AND position < ? AND request_id = ?`;

/** Comes after every position: they begin with digits. */
const END = ':';

/**
 * Finds requests by their ids. There is no index by id: ids are random, so that each entry would be one more page to
 * write. The index by expiry, which is written in order, is read from its end instead, a slice at a time; or the logs of
 * some keys are.
 */
export class RequestSearch {
  readonly #file: string;
  readonly #begin: StatementSync;
  readonly #latest: StatementSync;
  readonly #logBegin: StatementSync;
  readonly #logLatest: StatementSync;
  readonly #entry: StatementSync;

  constructor({ db, file }: Connection) {
    this.#file = file;
    this.#begin = db.prepare(BEGIN);
    this.#latest = db.prepare(LATEST);
    this.#logBegin = db.prepare(LOG_BEGIN);
    this.#logLatest = db.prepare(LOG_LATEST);
    this.#entry = db.prepare('SELECT entry FROM requests WHERE key_id = ? AND position = ?');
  }

  /** To the end, also when one is found: another key may have sent the same id later, or before. */
  async findInAll(requestId: string): Promise<LoggedRequest[]> {
    let found: [keyId: string, position: string][] = [];
    let below: number | null = Number.MAX_SAFE_INTEGER;
    for (let searched = 0; below !== null && searched < MAX_SEARCHED; searched += SLICE) {
      const begin = this.#ask(() => this.#begin.get(below))?.['expires_at'] ?? null;
      const rows = this.#ask(() => this.#latest.all(begin ?? Number.MIN_SAFE_INTEGER, below, requestId));
      found = latest([
        ...found,
        ...rows.map((row): [string, string] => [String(row['key_id']), String(row['position'])]),
      ]);
      below = begin === null ? null : Number(begin);
      await setImmediate();
    }
    return this.#read(found);
  }

  /** In the logs of these keys alone. */
  async findIn(keyIds: readonly string[], requestId: string): Promise<LoggedRequest[]> {
    const found: [keyId: string, position: string][] = [];
    let searched = 0;
    for (const keyId of new Set(keyIds)) {
      let below: string | null = END;
      for (; below !== null && searched < MAX_SEARCHED; searched += LOG_SLICE) {
        const begin = this.#ask(() => this.#logBegin.get(keyId, below))?.['position'] ?? null;
        const position =
          this.#ask(() => this.#logLatest.get(keyId, begin ?? '', below, requestId))?.['position'] ?? null;
        if (position !== null) found.push([keyId, String(position)]);
        below = begin === null || position !== null ? null : String(begin);
        await setImmediate();
      }
    }
    return this.#read(latest(found));
  }

  #read(found: readonly (readonly [keyId: string, position: string])[]): LoggedRequest[] {
    return found.flatMap(([keyId, position]) => {
      const row = this.#ask(() => this.#entry.get(keyId, position));
      const entry = row === undefined ? null : decodeEntry(keyId, String(row['entry']));
      return entry ?? [];
    });
  }

  #ask<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }
}

/** The latest of each key, the latest first. */
function latest(found: readonly [keyId: string, position: string][]): [keyId: string, position: string][] {
  const sorted = [...found].sort(([, a], [, b]) => (a < b ? 1 : -1));
  // Of entries with one key a map keeps the last that it is given.
  const byKey = new Map(sorted.toReversed());
  return sorted.filter(([keyId, position]) => byKey.get(keyId) === position).slice(0, MAX_FOUND);
}
