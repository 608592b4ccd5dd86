import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import type { KeyUse, UsageStore } from '../../core/ports.ts';
import { storeError } from './errors.ts';
import { type Connection, transaction } from './transaction.ts';

/** Keys merged under the write lock at a time, so that a large batch does not keep others from it. */
const MAX_BATCH = 500;

/** SQLite's max() of two values is null when either is, hence the coalesce. */
const MERGE = `
  INSERT INTO usage (key_id, last_used_at, previous_last_used_at) VALUES (?, ?, ?)
  ON CONFLICT (key_id) DO UPDATE SET
    last_used_at = max(coalesce(last_used_at, excluded.last_used_at),
                       coalesce(excluded.last_used_at, last_used_at)),
    previous_last_used_at = max(coalesce(previous_last_used_at, excluded.previous_last_used_at),
                                coalesce(excluded.previous_last_used_at, previous_last_used_at))`;

/** Last-used times in SQLite. */
export class SqliteUsageStore implements UsageStore {
  readonly #connection: Connection;
  readonly #merge: StatementSync;
  readonly #read: StatementSync;

  /** @param connection one that does not wait for the disk: a batch comes every second and may be lost with the machine */
  constructor(connection: Connection) {
    this.#connection = connection;
    this.#merge = connection.db.prepare(MERGE);
    this.#read = connection.db.prepare('SELECT last_used_at, previous_last_used_at FROM usage WHERE key_id = ?');
  }

  async record(uses: readonly KeyUse[]): Promise<void> {
    for (let start = 0; start < uses.length; start += MAX_BATCH) {
      await transaction(this.#connection, () => {
        for (const use of uses.slice(start, start + MAX_BATCH)) {
          this.#merge.run(use.keyId, use.lastUsedAt, use.previousLastUsedAt);
        }
      });
    }
  }

  async read(keyIds: readonly string[]): Promise<KeyUse[]> {
    try {
      return keyIds.map((keyId) => {
        const row = this.#read.get(keyId);
        return {
          keyId,
          lastUsedAt: timeOf(row?.['last_used_at']),
          previousLastUsedAt: timeOf(row?.['previous_last_used_at']),
        };
      });
    } catch (error) {
      throw storeError(error, this.#connection.file);
    }
  }
}

function timeOf(value: SQLOutputValue | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
