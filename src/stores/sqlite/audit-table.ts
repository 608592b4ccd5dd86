import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { type AuditEntry, type AuditEvent, type AuditHead, GENESIS, sealEvent } from '../../core/audit.ts';
import { StoreError } from '../../core/ports.ts';

/** The chain of audit entries and its two ends, as they are written: inside a transaction of the caller's. */
export class AuditTable {
  readonly #insert: StatementSync;
  readonly #oldest: StatementSync;
  readonly #drop: StatementSync;
  readonly #readEnd: StatementSync;
  readonly #writeEnd: StatementSync;

  constructor(writer: DatabaseSync) {
    this.#insert = writer.prepare(
      'INSERT INTO audit (seq, json, previous_hash, hash) VALUES (?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING',
    );
    this.#oldest = writer.prepare('SELECT seq, at, hash FROM audit ORDER BY seq LIMIT ?');
    this.#drop = writer.prepare('DELETE FROM audit WHERE seq <= ?');
    this.#readEnd = writer.prepare('SELECT seq, hash FROM audit_ends WHERE name = ?');
    this.#writeEnd = writer.prepare('REPLACE INTO audit_ends VALUES (?, ?, ?)');
  }

  /** @throws StoreError STORE_CORRUPT when there are entries after the last one */
  append(event: AuditEvent): AuditEntry {
    const entry = sealEvent(event, endOf(this.#readEnd.get('head')));
    const { seq, json, previousHash, hash } = entry;
    const { changes } = this.#insert.run(seq, json, previousHash, hash);
    if (changes !== 1) {
      throw new StoreError('STORE_CORRUPT', `The audit log has an entry ${seq}, and says that its last is ${seq - 1}`);
    }
    this.#writeEnd.run('head', seq, hash);
    return entry;
  }

  /** As AuditLog.prune. */
  prune(before: number, limit: number): number {
    const rows = this.#oldest.all(limit);
    const kept = rows.findIndex((row) => Number(row['at']) >= before);
    const gone = kept < 0 ? rows : rows.slice(0, kept);
    const last = gone.at(-1);
    if (last === undefined) return 0;
    const { seq, hash } = endOf(last);
    this.#drop.run(seq);
    this.#writeEnd.run('anchor', seq, hash);
    return gone.length;
  }
}

/** An end of the chain from its row; where there is none, the chain has not begun. */
export function endOf(row: Record<string, SQLOutputValue> | undefined): AuditHead {
  return row === undefined ? GENESIS : { seq: Number(row['seq']), hash: String(row['hash']) };
}
