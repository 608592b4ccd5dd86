import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { StoreError } from '../../core/ports.ts';
import { isBusy, storeError } from './errors.ts';
import { type Connection, transaction } from './transaction.ts';

/** Between two attempts to share a file that somebody owns. */
const SHARE_PAUSE_MS = 5;
/** Before the second attempt to own it: one who only reads how things stand keeps it for less. */
const OWN_PAUSE_MS = 2;
/** How long the owner gets to write what it has and let others in. */
const SHARE_TIMEOUT_MS = 2_000;

const OWN = 'BEGIN EXCLUSIVE';
const SHARE = 'BEGIN; SELECT count(*) FROM sqlite_schema';

/**
 * Who counts in a file of limits: one process that owns it, or several that share it. It is a lock of the operating
 * system on a file beside it, so it ends with the process that holds it, however that dies. Whoever finds the file owned
 * leaves a row in it, which the owner looks for; once the owner has written what it knows, it shares too.
 */
export class Ownership {
  readonly #lock: Connection;
  readonly #limits: Connection;
  readonly #isWanted: StatementSync;

  /**
   * @param lock   a connection to an empty database whose lock stands for the ownership
   * @param limits the file of limits
   */
  constructor(lock: Connection, limits: Connection) {
    this.#lock = lock;
    this.#limits = limits;
    this.#isWanted = limits.db.prepare('SELECT 1 FROM sharing');
  }

  /** Makes this process the owner; false when another owns the file or several share it. */
  async own(): Promise<boolean> {
    if (!this.#begin(OWN)) {
      await delay(OWN_PAUSE_MS);
      if (!this.#begin(OWN)) return false;
    }
    // Left by one that died while it waited.
    try {
      await transaction(this.#limits, () => this.#limits.db.exec('DELETE FROM sharing'));
    } catch (error) {
      this.release();
      throw error;
    }
    return true;
  }

  /**
   * Makes this process one of those that share the file.
   * @throws StoreError when the owner does not let it in
   */
  async share(): Promise<void> {
    const deadline = AbortSignal.timeout(SHARE_TIMEOUT_MS);
    while (!this.#begin(SHARE)) {
      if (deadline.aborted) {
        const owner = `the process that counts in ${this.#limits.file} did not share it`;
        throw new StoreError('STORE_UNAVAILABLE', `${owner} within ${SHARE_TIMEOUT_MS} ms`);
      }
      if (!this.isSharingWanted()) {
        await transaction(this.#limits, () => this.#limits.db.exec('INSERT OR IGNORE INTO sharing VALUES (1)'));
      }
      await delay(SHARE_PAUSE_MS);
    }
  }

  /**
   * Reads what the file says, at once. Only for one that neither owns the file nor shares it.
   *
   * @param read is told whether no other process owns the file, which none does then until it is done
   */
  whileNobodyOwns<T>(read: (isFree: boolean) => T): T {
    const isFree = this.#begin(SHARE);
    try {
      return read(isFree);
    } finally {
      this.release();
    }
  }

  /** Whether another process waits for this one, which owns the file, to share it. */
  isSharingWanted(): boolean {
    return this.#isWanted.get() !== undefined;
  }

  /** Gives up what this process holds. */
  release(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
  }

  get #db(): DatabaseSync {
    return this.#lock.db;
  }

  #begin(statements: string): boolean {
    try {
      this.#db.exec(statements);
      return true;
    } catch (error) {
      this.release();
      if (isBusy(error)) return false;
      throw storeError(error, this.#lock.file);
    }
  }
}
