import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { AuditEntry, AuditPage } from '../../src/core/audit.ts';
import type { Store } from '../../src/core/ports.ts';
import { AuditTable } from '../../src/stores/sqlite/audit-table.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import { newEvent, newRecord } from '../conformance/harness.ts';

interface Fixture {
  readonly store: Store;
  readonly clock: { time: number; now(): number };
  /** The main file, as another process has it. */
  readonly db: DatabaseSync;
}

async function setUp(t: Test): Promise<Fixture> {
  const path = join(t.testdir(), 'keys.db');
  const clock = { time: 1_000_000, now: () => clock.time };
  const store = await openSqliteStore({ path, timeoutMs: 10_000, clock });
  const db = new DatabaseSync(path, { timeout: 10_000 });
  t.teardown(async () => {
    db.close();
    await store.close();
  });
  return { store, clock, db };
}

/** Entries from 1 on, of ten actors in turn, each a millisecond after the one before. */
function fill(db: DatabaseSync, count: number): AuditEntry[] {
  const table = new AuditTable(db);
  db.exec('BEGIN');
  const made = Array.from({ length: count }, (_, at) => table.append(newEvent({ at, actor: `actor_${at % 10}` })));
  db.exec('COMMIT');
  return made;
}

t.test('whoever and whatever is asked for in a long audit log, the first page is a full one', async (t) => {
  const { store, db } = await setUp(t);
  const made = fill(db, 12_000);
  const numbers = async (query: object): Promise<number[]> =>
    (await store.audit.read({ limit: 3, ...query })).entries.map((entry) => entry.seq);
  t.strictSame(await numbers({}), [12_000, 11_999, 11_998]);
  t.strictSame(await numbers({ after: '5000' }), [4_999, 4_998, 4_997]);
  t.strictSame(await numbers({ from: 11_000, to: 11_500 }), [11_500, 11_499, 11_498]);
  t.strictSame(await numbers({ actor: 'actor_7' }), [11_998, 11_988, 11_978]);
  t.strictSame(await numbers({ actor: 'actor_7', to: 5_000 }), [4_998, 4_988, 4_978]);
  const { target } = JSON.parse(made[41]?.json ?? '') as { target: string };
  t.strictSame(await numbers({ target, actor: 'actor_1' }), [42]);
});

t.test('a time looks at a bounded number of audit entries for each page, and finds all', async (t) => {
  const { store, db } = await setUp(t);
  fill(db, 4_100);
  const pages: number[][] = [];
  for (let after: string | null = '4101'; after !== null; ) {
    const page: AuditPage = await store.audit.read({ limit: 2, to: 3, after });
    pages.push(page.entries.map(({ seq }) => seq));
    after = page.next;
  }
  t.strictSame(pages, [[], [], [3, 2], [1]]);
});

t.test('a look-up in the audit log is one in an index that has its order', async (t) => {
  const { db } = await setUp(t);
  for (const filter of ['', 'actor = ? AND', 'action = ? AND', 'target = ? AND']) {
    const sql = `EXPLAIN QUERY PLAN SELECT json FROM audit WHERE ${filter} seq < ? ORDER BY seq DESC LIMIT ?`;
    const values = filter === '' ? [9, 9] : ['x', 9, 9];
    const plan = db
      .prepare(sql)
      .all(...values)
      .map((step) => String(step['detail']));
    t.match(plan, filter === '' ? [/^SEARCH audit USING INTEGER PRIMARY KEY/] : [/^SEARCH audit USING INDEX/]);
    t.equal(plan.length, 1, 'and sorts nothing');
  }
});

t.test('an audit entry that was made unreadable is still seen, and is not removed as an old one', async (t) => {
  const { store, db } = await setUp(t);
  fill(db, 5);
  db.exec(`UPDATE audit SET json = '{"at":' WHERE seq = 3`);
  const { entries } = await store.audit.read({ limit: 10 });
  t.strictSame(
    entries.map((entry) => entry.seq).toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5],
  );
  t.equal(await store.audit.prune(1_000, 10), 2, 'those before it');
});

t.test('an audit log that goes on after its head is damaged, which is no conflict', async (t) => {
  const { store, db } = await setUp(t);
  fill(db, 5);
  db.exec(`UPDATE audit_ends SET seq = 4 WHERE name = 'head'`);
  const record = newRecord();
  await t.rejects(store.keys.create(record, { event: newEvent() }), { code: 'STORE_CORRUPT' });
  t.equal(await store.keys.get(record.id), null);
});

t.test('claims that have ended go as new ones come, some at a time', async (t) => {
  const { store, clock, db } = await setUp(t);
  const claim = { fingerprint: 'f', answer: '{}', sealedSecret: 's' };
  const count = (): number => Number(db.prepare('SELECT count(*) AS n FROM claims').get()?.['n']);
  const create = (id: string): Promise<void> =>
    store.keys.create(newRecord(), { claim: { ...claim, id, expiresAt: clock.time + 1_000 } });
  for (let i = 0; i < 50; i++) await create(`early_${i}`);
  clock.time += 999;
  await create('later_1');
  t.equal(count(), 51, 'none before its time');
  clock.time += 1;
  await create('later_2');
  t.ok(count() > 2 && count() < 52, `${count()} are left`);
  for (let i = 3; i < 6; i++) await create(`later_${i}`);
  t.equal(count(), 5);
  t.not(await store.keys.findClaim('later_1', clock.time), null);
});

t.test('claims that have ended go without new ones too, a bounded number at a time', async (t) => {
  const { store, clock, db } = await setUp(t);
  db.exec('BEGIN');
  const insert = db.prepare('INSERT INTO claims VALUES (?, ?, ?, ?, ?)');
  for (let i = 1; i <= 1_300; i++) insert.run(`claim_${i}`, 'f', '{}', 's', clock.time + i);
  db.exec('COMMIT');
  const removed: number[] = [];
  for (let n = -1; n !== 0; removed.push(n)) n = await store.keys.pruneClaims(clock.time + 1_200);
  t.strictSame(removed, [500, 500, 200, 0]);
  t.equal(Number(db.prepare('SELECT count(*) AS n FROM claims').get()?.['n']), 100);
});
