import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Claim } from '../../core/along.ts';
import type { Clock } from '../../core/clock.ts';
import { StoreError } from '../../core/ports.ts';

/** Expired claims that go with each new one: more than come, so that they do not pile up. */
const SWEPT = 20;
/** Expired claims that one call of `prune` removes. */
const MAX_PRUNE = 500;

/** Claims of requests that were carried out. */
export class ClaimTable {
  readonly #clock: Clock;
  readonly #find: StatementSync;
  readonly #drop: StatementSync;
  readonly #sweep: StatementSync;
  readonly #insert: StatementSync;

  constructor(reader: DatabaseSync, writer: DatabaseSync, clock: Clock) {
    this.#clock = clock;
    this.#find = reader.prepare(
      'SELECT fingerprint, answer, sealed_secret, expires_at FROM claims WHERE id = ? AND expires_at > ?',
    );
    this.#drop = writer.prepare('DELETE FROM claims WHERE id = ? AND expires_at <= ?');
    this.#sweep = writer.prepare(
      'DELETE FROM claims WHERE id IN (SELECT id FROM claims WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)',
    );
    this.#insert = writer.prepare('INSERT INTO claims VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING');
  }

  find(id: string, now: number): Claim | null {
    const row = this.#find.get(id, now);
    if (row === undefined) return null;
    return {
      id,
      fingerprint: String(row['fingerprint']),
      answer: String(row['answer']),
      sealedSecret: String(row['sealed_secret']),
      expiresAt: Number(row['expires_at']),
    };
  }

  /** As KeyStore.pruneClaims. Runs inside a transaction. */
  prune(now: number): number {
    return Number(this.#sweep.run(now, MAX_PRUNE).changes);
  }

  /**
   * Runs inside the transaction that does what is claimed.
   * @throws StoreError STORE_CONFLICT when it is taken
   */
  add({ id, fingerprint, answer, sealedSecret, expiresAt }: Claim): void {
    const now = this.#clock.now();
    this.#drop.run(id, now);
    this.#sweep.run(now, SWEPT);
    const { changes } = this.#insert.run(id, fingerprint, answer, sealedSecret, expiresAt);
    if (changes !== 1) throw new StoreError('STORE_CONFLICT', 'Another request with this claim was carried out');
  }
}
