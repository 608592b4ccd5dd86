import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { RequestLog } from '../../src/core/request-log.ts';
import { encodeEntry } from '../../src/stores/log-pages.ts';
import { openUsageFiles } from '../../src/stores/sqlite/usage-files.ts';
import { batch, entry } from '../conformance/request-log.ts';
import { turnsUntil } from '../conformance/turns.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2027, 0, 15);
/** Entries that a search looks at in one turn. */
const SLICE = 5_000;

/** The first format, as it was released. */
const FIRST = `
  CREATE TABLE requests (
    key_id TEXT NOT NULL, position TEXT NOT NULL, expires_at INTEGER NOT NULL, request_id TEXT NOT NULL,
    entry TEXT NOT NULL, PRIMARY KEY (key_id, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX requests_by_expiry ON requests (expires_at);
  PRAGMA application_id = 0x4c4b4559; PRAGMA user_version = 1; PRAGMA journal_mode = WAL`;

async function open(t: Test, path: string): Promise<RequestLog> {
  const files = await openUsageFiles(path, 10_000);
  t.teardown(() => files.close());
  return files.requests;
}

/** The columns of the index that searches go through. */
function indexed(path: string): unknown[] {
  const db = new DatabaseSync(`${path}-requests`, { readOnly: true });
  try {
    const rows = db.prepare("SELECT name FROM pragma_index_info('requests_by_expiry')").all();
    return rows.map(({ name }) => name);
  } finally {
    db.close();
  }
}

t.test('a log of the first format is brought up to date, and what is in it is found', async (t) => {
  const path = join(t.testdir(), 'store.db');
  const db = new DatabaseSync(`${path}-requests`);
  db.exec(FIRST);
  const insert = db.prepare('INSERT INTO requests VALUES (?, ?, ?, ?, ?)');
  const old = Array.from({ length: 50 }, (_, i) => entry('key_a', { requestId: `old-${i}`, at: NOW + i }));
  for (const [i, one] of old.entries()) {
    const position = `${String(one.at).padStart(16, '0')}:${String(i).padStart(15, '0')}`;
    insert.run('key_a', position, one.at + DAY_MS, one.requestId, encodeEntry(one));
  }
  db.close();
  const [log, other] = await Promise.all([open(t, path), open(t, path)]);
  t.strictSame(await log.find('old-7', null), [old[7]]);
  t.strictSame(indexed(path), ['expires_at', 'request_id'], 'by the index alone: the log has five times as many pages');
  await log.append([batch('key_b', [entry('key_b', { requestId: 'new', at: NOW })], { retentionMs: DAY_MS })]);
  t.equal((await other.find('new', null))[0]?.keyId, 'key_b');
  t.equal((await log.read({ keyId: 'key_a', limit: 100, order: 'oldest' })).entries.length, 50);
  t.equal(await log.prune(NOW + DAY_MS + 9), 11, 'and expires as it would have');
  t.strictSame(await other.find('old-7', null), []);
});

t.test('a search goes through all slices, also where more expire at once than a slice has', async (t) => {
  const log = await open(t, join(t.testdir(), 'store.db'));
  const at = (keyId: string, time: number, count: number) =>
    batch(
      keyId,
      Array.from({ length: count }, (_, i) => entry(keyId, { requestId: `${keyId}-${i}`, at: time })),
      { maxEntries: 100_000 },
    );
  await log.append([at('oldest', NOW - 3, 3), at('same', NOW - 2, 2 * SLICE + 7), at('newest', NOW - 1, SLICE - 1)]);
  for (const id of ['newest-0', 'same-0', `same-${2 * SLICE + 6}`, 'oldest-0', 'oldest-2']) {
    t.equal((await log.find(id, null))[0]?.requestId, id);
  }
  t.strictSame(await log.find('oldest-3', null), []);
});

t.test('the latest is found behind many that are kept longer', async (t) => {
  const log = await open(t, join(t.testdir(), 'store.db'));
  const many = Array.from({ length: 2 * SLICE }, (_, i) => entry('many', { requestId: `r${i}`, at: NOW }));
  await log.append([
    batch('long', [entry('long', { requestId: 'x', at: NOW - 50 })], { retentionMs: 9 * DAY_MS }),
    batch('many', many, { maxEntries: 100_000, retentionMs: 5 * DAY_MS }),
    batch('short', [entry('short', { requestId: 'x', at: NOW - 40 })], { retentionMs: DAY_MS }),
    batch('shortest', [entry('shortest', { requestId: 'x', at: NOW - 60 })], { retentionMs: 1 }),
  ]);
  t.equal((await log.find('x', null))[0]?.keyId, 'short');
});

t.test('a search takes a turn for each slice, also behind one that it found', async (t) => {
  const log = await open(t, join(t.testdir(), 'store.db'));
  const many = Array.from({ length: 4 * SLICE }, (_, i) => entry('many', { requestId: `r${i}`, at: NOW - i }));
  await log.append([
    batch('early', [entry('early', { requestId: 'r10', at: NOW - DAY_MS })], { retentionMs: 1 }),
    batch('many', many, { maxEntries: 100_000, retentionMs: 1 }),
  ]);
  const found = log.find('r10', null);
  const turns = await turnsUntil(found);
  t.ok(turns >= 4, `${turns} turns`);
  t.strictSame(
    (await found).map(({ keyId }) => keyId),
    ['many', 'early'],
  );
});
