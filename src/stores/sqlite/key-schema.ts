import type { DatabaseSync } from 'node:sqlite';
import { positionsOf } from '../positions.ts';
import type { Schema } from './schema.ts';

/** Rows that a step reads at a time, so that it needs no more memory for more keys. */
const BATCH = 1_000;

/**
 * The main file. A step that a release had is never changed: files that took it are as it made them.
 *
 * `position` is the place in a listing (newest first, then by id) as sortable text. `digests` holds the current and the
 * previous digest of each key, so that a digest is unique among both. `changes` is a log of the last changes of keys
 * and roles. `usage` is what the first format kept there.
 */
const FIRST = `
  CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    position TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    owner TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX keys_by_type ON keys (type, position);
  CREATE INDEX keys_by_owner ON keys (owner, position);
  CREATE INDEX keys_by_status ON keys (status, position);
  CREATE TABLE digests (digest TEXT PRIMARY KEY, key_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX digests_by_key ON digests (key_id);
  CREATE TABLE changes (seq INTEGER PRIMARY KEY AUTOINCREMENT, key_id TEXT NOT NULL) STRICT;
  CREATE TABLE usage (
    key_id TEXT PRIMARY KEY,
    last_used_at INTEGER,
    previous_last_used_at INTEGER
  ) STRICT, WITHOUT ROWID;`;

const POSITIONS = `
  ALTER TABLE keys ADD COLUMN name_position TEXT NOT NULL DEFAULT '';
  ALTER TABLE keys ADD COLUMN expiry_position TEXT NOT NULL DEFAULT '';`;

/**
 * `key_counts` says how many keys each listing has; triggers keep it, so that no write can forget it. `flags` holds
 * what was ever so. What the audit log is searched by is computed from the text that its hashes cover, so that nothing
 * else can be put there. `audit_ends` holds the last entry of the audit log (`head`) and the last that retention removed
 * (`anchor`).
 */
const MANAGEMENT = `
  CREATE INDEX keys_by_name ON keys (name_position);
  CREATE INDEX keys_by_expiry ON keys (expiry_position);
  CREATE TABLE key_counts (
    list TEXT NOT NULL,
    value TEXT NOT NULL,
    keys INTEGER NOT NULL,
    PRIMARY KEY (list, value)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO key_counts SELECT 'all', '', count(*) FROM keys;
  INSERT INTO key_counts SELECT 'type', type, count(*) FROM keys GROUP BY type;
  INSERT INTO key_counts SELECT 'owner', owner, count(*) FROM keys GROUP BY owner;
  INSERT INTO key_counts SELECT 'status', status, count(*) FROM keys GROUP BY status;
  ${countTriggers()}
  CREATE TABLE flags (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE roles (name TEXT PRIMARY KEY, version INTEGER NOT NULL, record TEXT NOT NULL) STRICT;
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    json TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    ${auditColumn('at', 'INTEGER', String(Number.MAX_SAFE_INTEGER - 1))},
    ${auditColumn('actor', 'TEXT', "''")},
    ${auditColumn('action', 'TEXT', "''")},
    ${auditColumn('target', 'TEXT', 'NULL')}
  ) STRICT;
  CREATE INDEX audit_by_at ON audit (at);
  CREATE INDEX audit_by_actor ON audit (actor, at);
  CREATE INDEX audit_by_action ON audit (action, at);
  CREATE INDEX audit_by_target ON audit (target, at) WHERE target IS NOT NULL;
  CREATE TABLE audit_ends (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE claims (
    id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    sealed_secret TEXT NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX claims_by_expiry ON claims (expires_at);`;

/** The audit log is listed by its numbers, which such an index holds beside what is looked for. */
const AUDIT_BY_NUMBER = `
  DROP INDEX audit_by_at;
  DROP INDEX audit_by_actor;
  DROP INDEX audit_by_action;
  DROP INDEX audit_by_target;
  CREATE INDEX audit_by_actor ON audit (actor);
  CREATE INDEX audit_by_action ON audit (action);
  CREATE INDEX audit_by_target ON audit (target) WHERE target IS NOT NULL;`;

export const KEYS_SCHEMA: Schema = [
  FIRST,
  (db) => {
    db.exec(POSITIONS);
    fillPositions(db);
    db.exec(MANAGEMENT);
  },
  AUDIT_BY_NUMBER,
];

/** @param otherwise when the text does not say: after all times, so that such an entry is seen, and never too old */
function auditColumn(name: string, type: string, otherwise: string): string {
  return `${name} ${type} AS (ifnull(CASE WHEN json_valid(json) THEN json_extract(json, '$.${name}') END, ${otherwise}))`;
}

function countTriggers(): string {
  const listsOf = (row: 'old' | 'new'): [string, string][] => [
    ['all', "''"],
    ['type', `${row}.type`],
    ['owner', `${row}.owner`],
    ['status', `${row}.status`],
  ];
  const join = listsOf('new')
    .map(
      ([list, value]) => `INSERT INTO key_counts VALUES ('${list}', ${value}, 1)
        ON CONFLICT (list, value) DO UPDATE SET keys = keys + 1;`,
    )
    .join('\n');
  const leave = listsOf('old')
    .map(
      ([list, value]) => `UPDATE key_counts SET keys = keys - 1 WHERE list = '${list}' AND value = ${value};
        DELETE FROM key_counts WHERE list = '${list}' AND value = ${value} AND keys = 0;`,
    )
    .join('\n');
  return `
    CREATE TRIGGER keys_join AFTER INSERT ON keys BEGIN ${join} END;
    CREATE TRIGGER keys_leave AFTER DELETE ON keys BEGIN ${leave} END;
    CREATE TRIGGER keys_move AFTER UPDATE OF type, owner, status ON keys
      WHEN old.type <> new.type OR old.owner <> new.owner OR old.status <> new.status
      BEGIN ${leave} ${join} END;`;
}

/** Places the keys of a file that knew no order but that of their making. */
function fillPositions(db: DatabaseSync): void {
  const read = db.prepare('SELECT rowid, id, record FROM keys WHERE rowid > ? ORDER BY rowid LIMIT ?');
  const write = db.prepare('UPDATE keys SET name_position = ?, expiry_position = ? WHERE rowid = ?');
  let last = 0;
  for (;;) {
    const rows = read.all(last, BATCH);
    for (const row of rows) {
      last = Number(row['rowid']);
      const { name, expires } = placeOf(String(row['id']), String(row['record']));
      write.run(name, expires, last);
    }
    if (rows.length < BATCH) return;
  }
}

/** A record that cannot be understood has its place too: a listing names it. */
function placeOf(id: string, text: string): { name: string; expires: string } {
  const record = parse(text);
  const name = typeof record['name'] === 'string' ? record['name'] : '';
  const given = record['expiresAt'];
  const expiresAt = typeof given === 'number' && Number.isSafeInteger(given) && given >= 0 ? given : null;
  return positionsOf({ id, name, createdAt: 0, expiresAt });
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}
