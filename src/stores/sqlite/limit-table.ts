import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import { DAY_MS, giveBack, type Lease, type LimitState, type Limits, type Owed, take } from '../../core/limits.ts';
import { storeError } from './errors.ts';
import type { Connection } from './transaction.ts';

/** Rows that one pruning looks at. */
const PRUNE_ROWS = 500;
/**
 * How long an unused row is kept. By then it says no more than no row would: its windows are past, further than any
 * clock is set back, and its bucket is full, since an hour's window lets out no more than an hour lets in.
 */
const PRUNE_AFTER_MS = 3 * DAY_MS;

/** The rows of limit states. What writes must run inside a transaction. */
export class LimitTable {
  readonly #file: string;
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #pruneEnd: StatementSync;
  readonly #prune: StatementSync;
  /** Where the next pruning goes on. */
  #pruned = '';

  constructor({ db, file }: Connection) {
    this.#file = file;
    this.#get = db.prepare('SELECT hour, hour_used, day, day_used, units, at FROM limits WHERE key_id = ?');
    this.#put = db.prepare(
      `INSERT INTO limits (key_id, hour, hour_used, day, day_used, units, at) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (key_id) DO UPDATE SET hour = excluded.hour, hour_used = excluded.hour_used, day = excluded.day,
         day_used = excluded.day_used, units = excluded.units, at = excluded.at`,
    );
    this.#pruneEnd = db.prepare('SELECT key_id FROM limits WHERE key_id > ? ORDER BY key_id LIMIT 1 OFFSET ?');
    this.#prune = db.prepare('DELETE FROM limits WHERE key_id > ?1 AND (?2 IS NULL OR key_id <= ?2) AND at < ?3');
  }

  take(keyId: string, limits: Limits, want: number, now: number, ahead = 0, owed: Owed | null = null): Lease {
    const { lease, state } = take(this.read(keyId), limits, want, now, ahead, owed);
    // A refusal changes nothing that the next one would not work out again, so it costs no write.
    if (lease.granted > 0 || owed !== null) this.write(keyId, state);
    return lease;
  }

  giveBack(keyId: string, limits: Limits, unused: number, leasedAt: number, now: number): void {
    const state = giveBack(this.read(keyId), limits, unused, leasedAt, now);
    if (state !== null) this.write(keyId, state);
  }

  /** Looks at a bounded number of rows, from where it last stopped, and drops those that were not used for long. */
  prune(now: number): void {
    const last = this.#pruneEnd.get(this.#pruned, PRUNE_ROWS - 1)?.['key_id'];
    const end = typeof last === 'string' ? last : null;
    this.#prune.run(this.#pruned, end, now - PRUNE_AFTER_MS);
    this.#pruned = end ?? '';
  }

  /** What is kept of a key; null when nothing is. */
  read(keyId: string): LimitState | null {
    try {
      const row = this.#get.get(keyId);
      return row === undefined ? null : stateOf(row);
    } catch (error) {
      throw storeError(error, this.#file);
    }
  }

  write(keyId: string, s: LimitState): void {
    this.#put.run(keyId, s.hour, s.hourUsed, s.day, s.dayUsed, s.units, s.at);
  }
}

function stateOf(row: Record<string, SQLOutputValue>): LimitState {
  return {
    hour: row['hour'] as number,
    hourUsed: row['hour_used'] as number,
    day: row['day'] as number,
    dayUsed: row['day_used'] as number,
    units: row['units'] as number,
    at: row['at'] as number,
  };
}
