import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { KeyRecord } from '../../core/key.ts';
import { positionsOf } from '../positions.ts';
import { digestsOf, encodeRecord } from '../record.ts';

/** Set once a key whose secret was imported is stored, and never taken back. */
export const HAS_IMPORTED = 'imported';

/** The rows of keys and of their digests. Every method runs inside a transaction of its caller's. */
export class KeyTable {
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;
  readonly #insertDigest: StatementSync;
  readonly #dropDigests: StatementSync;
  readonly #flag: StatementSync;

  /** @param db has KEYS_SCHEMA */
  constructor(db: DatabaseSync) {
    this.#insert = db.prepare(
      `INSERT INTO keys (position, name_position, expiry_position, type, owner, status, version, record, id)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#update = db.prepare(
      `UPDATE keys SET position = ?, name_position = ?, expiry_position = ?, type = ?, owner = ?, status = ?, version = ?,
       record = ? WHERE id = ? AND version = ?`,
    );
    this.#delete = db.prepare('DELETE FROM keys WHERE id = ? AND version = ?');
    this.#insertDigest = db.prepare('INSERT INTO digests (digest, key_id) VALUES (?, ?)');
    this.#dropDigests = db.prepare('DELETE FROM digests WHERE key_id = ?');
    this.#flag = db.prepare('INSERT OR IGNORE INTO flags VALUES (?)');
  }

  /** Fails with a violated constraint when its id or a digest is taken. */
  insert(record: KeyRecord): void {
    this.#insert.run(...columns(record));
    this.#writeBeside(record);
  }

  /**
   * Fails with a violated constraint when a new digest is taken.
   * @returns false when what is stored is not the version before
   */
  update(record: KeyRecord): boolean {
    const { changes } = this.#update.run(...columns(record), record.version - 1);
    if (changes !== 1) return false;
    this.#dropDigests.run(record.id);
    this.#writeBeside(record);
    return true;
  }

  /** @returns false when what is stored is not this version */
  delete(id: string, version: number): boolean {
    const { changes } = this.#delete.run(id, version);
    if (changes !== 1) return false;
    this.#dropDigests.run(id);
    return true;
  }

  #writeBeside(record: KeyRecord): void {
    for (const digest of digestsOf(record)) this.#insertDigest.run(digest, record.id);
    if (record.imported) this.#flag.run(HAS_IMPORTED);
  }
}

function columns(record: KeyRecord): [string, string, string, string, string, string, number, string, string] {
  const { type, owner, status, version, id } = record;
  const { created, name, expires } = positionsOf(record);
  return [created, name, expires, type, owner, status, version, encodeRecord(record), id];
}
