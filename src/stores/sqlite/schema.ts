import type { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../../core/ports.ts';

/** "LKEY": tells our files from any other SQLite database. */
const APPLICATION_ID = 0x4c4b4559;

/**
 * Steps that each bring a file one version further, as SQL or as what runs it; `PRAGMA user_version` says how many it
 * has taken.
 */
export type Schema = readonly (string | ((db: DatabaseSync) => void))[];

/** A LimitState for each key that was used; and a row while a process waits for the owner of the file to share it. */
export const LIMITS_SCHEMA: readonly string[] = [
  `CREATE TABLE limits (
     key_id TEXT PRIMARY KEY,
     hour INTEGER NOT NULL,
     hour_used INTEGER NOT NULL,
     day INTEGER NOT NULL,
     day_used INTEGER NOT NULL,
     units INTEGER NOT NULL,
     at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE sharing (wanted INTEGER PRIMARY KEY CHECK (wanted = 1)) STRICT;`,
];

/**
 * Brings a file to the newest version that is known here.
 *
 * @param pragmas how this connection works; run before anything is written, and not at all on a file that is not ours
 * @throws StoreError STORE_CORRUPT when it is another program's database or a newer version's: writing to either would
 *   damage it
 */
export function migrate(db: DatabaseSync, file: string, schema: Schema, pragmas: string): void {
  const version = versionOf(db, schema, file);
  db.exec(pragmas);
  if (version === schema.length) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    // Once more under the lock: another process may have done it in between.
    for (const step of schema.slice(versionOf(db, schema, file))) {
      if (typeof step === 'string') db.exec(step);
      else step(db);
    }
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${schema.length}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(db: DatabaseSync, schema: Schema, file: string): number {
  const version = readNumber(db, 'SELECT user_version AS n FROM pragma_user_version');
  const application = readNumber(db, 'SELECT application_id AS n FROM pragma_application_id');
  const tables = readNumber(db, 'SELECT count(*) AS n FROM sqlite_schema');
  const isNew = version === 0 && application === 0 && tables === 0;
  if (!isNew && application !== APPLICATION_ID) {
    throw new StoreError('STORE_CORRUPT', `The store ${file} is the database of another program`);
  }
  if (version > schema.length) {
    const known = `its format is ${version}, this version knows ${schema.length}`;
    throw new StoreError('STORE_CORRUPT', `The store ${file} was written by a newer version: ${known}`);
  }
  return version;
}

function readNumber(db: DatabaseSync, sql: string): number {
  return Number(db.prepare(sql).get()?.['n']);
}
