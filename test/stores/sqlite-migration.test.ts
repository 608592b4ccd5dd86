import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import { KEY_SORTS, type Store } from '../../src/core/ports.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import { newRecord } from '../conformance/harness.ts';
import { expectedIds, someKeys } from '../conformance/listing-oracle.ts';

/** The first format, as it was released. */
const FIRST = `
  CREATE TABLE keys (
    id TEXT PRIMARY KEY, position TEXT NOT NULL UNIQUE, type TEXT NOT NULL, owner TEXT NOT NULL, status TEXT NOT NULL,
    version INTEGER NOT NULL, record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX keys_by_type ON keys (type, position);
  CREATE INDEX keys_by_owner ON keys (owner, position);
  CREATE INDEX keys_by_status ON keys (status, position);
  CREATE TABLE digests (digest TEXT PRIMARY KEY, key_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX digests_by_key ON digests (key_id);
  CREATE TABLE changes (seq INTEGER PRIMARY KEY AUTOINCREMENT, key_id TEXT NOT NULL) STRICT;
  CREATE TABLE usage (
    key_id TEXT PRIMARY KEY, last_used_at INTEGER, previous_last_used_at INTEGER
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = 0x4c4b4559; PRAGMA user_version = 1; PRAGMA journal_mode = WAL`;

/** A record as the first format has it: without what came later, and with restrictions that restrict nothing. */
function firstForm(record: KeyRecord): string {
  const { roles: _, sealedSecret: _s, imported: _i, disabledBy: _d, shadow: _w, restrictions, ...rest } = record;
  const { ip_restrictions, time_restrictions } = restrictions;
  return JSON.stringify({ ...rest, restrictions: { ip_restrictions, time_restrictions } });
}

/** A record that was written in the first form, as it is read now. */
function nowOf(record: KeyRecord): KeyRecord {
  const { ip_restrictions, time_restrictions } = record.restrictions;
  return { ...record, roles: [], shadow: [], restrictions: { ip_restrictions, time_restrictions } };
}

function writeFirst(path: string, records: readonly KeyRecord[], change: (db: DatabaseSync) => void = () => {}): void {
  const db = new DatabaseSync(path);
  db.exec(FIRST);
  db.exec('BEGIN');
  const insert = db.prepare('INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?)');
  const claim = db.prepare('INSERT INTO digests VALUES (?, ?)');
  const changed = db.prepare('INSERT INTO changes (key_id) VALUES (?)');
  for (const record of records) {
    const { id, type, owner, status, version, createdAt } = record;
    const position = `${String(Number.MAX_SAFE_INTEGER - createdAt).padStart(16, '0')}:${id}`;
    insert.run(id, position, type, owner, status, version, firstForm(record));
    claim.run(record.secret.digest, id);
    changed.run(id);
  }
  change(db);
  db.exec('COMMIT');
  db.close();
}

async function open(t: Test, path: string): Promise<Store> {
  const store = await openSqliteStore({ path, timeoutMs: 10_000, clock: { now: () => 0 } });
  t.teardown(() => store.close());
  return store;
}

t.test('a store of the first format is brought up to date, and has all that it had', async (t) => {
  const path = join(t.testdir(), 'keys.db');
  // More than are moved at a time.
  const records = someKeys(2_500, 3);
  writeFirst(path, records);
  const [store, other] = await Promise.all([open(t, path), open(t, path)]);
  const { keys } = store;
  const sample = records[1_234] as KeyRecord;
  t.strictSame(await keys.findByDigest(sample.secret.digest), nowOf(sample));
  for (const sort of KEY_SORTS) {
    const found: string[] = [];
    let after: string | null = null;
    do {
      const page = await keys.list({ limit: 1_000, sort, ...(after === null ? {} : { after }) });
      t.equal(page.total, records.length);
      found.push(...page.keys.map((key) => key.id));
      after = page.next;
    } while (after !== null);
    t.strictSame(found, expectedIds(records, { sort }), sort);
  }
  for (const filter of [{ owner: sample.owner }, { status: sample.status }, { type: sample.type }]) {
    t.equal((await keys.list({ limit: 1, ...filter })).total, expectedIds(records, filter).length);
  }
  await keys.replace({ ...sample, owner: 'someone_new', version: 2 });
  t.equal((await other.keys.list({ limit: 1, owner: 'someone_new' })).total, 1);
  const rest = records.filter((record) => record.id !== sample.id);
  t.equal(
    (await other.keys.list({ limit: 1, owner: sample.owner })).total,
    expectedIds(rest, { owner: sample.owner }).length,
  );
  t.equal((await keys.changesSince(String(records.length))).changed?.length, 1, 'cursors stay good');
});

t.test('a record that cannot be understood is moved with the others', async (t) => {
  const path = join(t.testdir(), 'keys.db');
  const records = [newRecord({ name: 'b' }), newRecord({ name: 'a' }), newRecord({ name: 'c' })];
  writeFirst(path, records, (db) => {
    db.prepare('UPDATE keys SET record = ? WHERE id = ?').run('{"name":', records[0]?.id ?? '');
  });
  const { keys } = await open(t, path);
  const page = await keys.list({ limit: 10, sort: 'name' });
  t.strictSame(page.unreadable, [records[0]?.id]);
  t.strictSame(
    page.keys.map((key) => key.name),
    ['a', 'c'],
  );
  t.equal(page.total, 3);
});

t.test('the last uses that the first format kept are there', async (t) => {
  const path = join(t.testdir(), 'keys.db');
  const ids = Array.from({ length: 1_500 }, (_, i) => `key_${i}`);
  writeFirst(path, [], (db) => {
    const insert = db.prepare('INSERT INTO usage VALUES (?, ?, ?)');
    for (const [i, id] of ids.entries()) insert.run(id, i + 1, i % 2 === 0 ? null : i);
  });
  const { usage } = await open(t, path);
  const found = await usage.read(ids);
  const expected = ids.map((keyId, i) => ({
    keyId,
    lastUsedAt: i + 1,
    previousLastUsedAt: i % 2 === 0 ? null : i,
  }));
  t.strictSame(found, expected);
  await usage.record({
    writer: 'a test',
    number: 1,
    uses: [{ keyId: 'key_3', lastUsedAt: 9_000, previousLastUsedAt: null }],
    deltas: [],
    keepFrom: 0,
  });
  const again = await open(t, path);
  t.match(await again.usage.read(['key_3']), [{ lastUsedAt: 9_000, previousLastUsedAt: 3 }], 'and are moved once');
});
