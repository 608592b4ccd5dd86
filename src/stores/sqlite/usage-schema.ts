import type { Schema } from './schema.ts';

/**
 * `counts` is what was counted for a scope on a day. A batch is not added there at once: it becomes a row of `journal`,
 * and many rows are folded into `counts` and `uses` together, one shard (a part of all scopes) after the other. What a
 * step of that writes stands together, so that it changes few pages. `folding` says how far it is: of the rows up to
 * `upto`, all before `shard` is done. `writers` says which batch of each process was the last.
 */
export const USAGE_SCHEMA: Schema = [
  `CREATE TABLE counts (
     day INTEGER NOT NULL,
     shard INTEGER NOT NULL,
     scope TEXT NOT NULL,
     requests INTEGER NOT NULL,
     counts TEXT NOT NULL,
     PRIMARY KEY (day, shard, scope)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE uses (
     shard INTEGER NOT NULL,
     key_id TEXT NOT NULL,
     last_used_at INTEGER,
     previous_last_used_at INTEGER,
     PRIMARY KEY (shard, key_id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, lines TEXT NOT NULL) STRICT;
   CREATE TABLE folding (upto INTEGER NOT NULL, shard INTEGER NOT NULL) STRICT;
   INSERT INTO folding VALUES (0, 0);
   CREATE TABLE writers (writer TEXT PRIMARY KEY, number INTEGER NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
];

/**
 * The entries of a key stand together in the order of their positions, so that a page is one short scan. The index by
 * expiry has the ids of the requests too, so that one can be searched for in it alone, the newest first: an entry of it is
 * a fifth of one of the table.
 */
export const REQUESTS_SCHEMA: Schema = [
  `CREATE TABLE requests (
     key_id TEXT NOT NULL,
     position TEXT NOT NULL,
     expires_at INTEGER NOT NULL,
     request_id TEXT NOT NULL,
     entry TEXT NOT NULL,
     PRIMARY KEY (key_id, position)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX requests_by_expiry ON requests (expires_at);`,
  `DROP INDEX requests_by_expiry;
   CREATE INDEX requests_by_expiry ON requests (expires_at, request_id);`,
];
