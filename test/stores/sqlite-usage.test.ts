import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { startOf, type UsageBatch, type UsageScope, type UsageStore } from '../../src/core/usage.ts';
import { openUsageFiles, type UsageFiles } from '../../src/stores/sqlite/usage-files.ts';

const DAY = 20_780;
const HOURS = { 4: { requests: 2, errors: 1, timeUs: 30 } };

async function open(t: Test, path: string): Promise<UsageFiles> {
  const files = await openUsageFiles(path, 10_000);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) files.close();
    isOpen = false;
  };
  t.teardown(close);
  return { ...files, close };
}

/** The number-th batch of a writer: two requests for each key, one of them failed. */
function batch(writer: string, number: number, ids: readonly string[], day = DAY): UsageBatch {
  const deltas = ids.map((id) => ({
    scope: `key:${id}` as UsageScope,
    day,
    hours: HOURS,
    endpoints: { '/x': 2 },
    methods: { GET: 2 },
    denials: {},
  }));
  const uses = ids.map((keyId) => ({ keyId, lastUsedAt: startOf(day) + number, previousLastUsedAt: null }));
  return { writer, number, uses, deltas, keepFrom: 0 };
}

function rows(path: string, table: string): number {
  const db = new DatabaseSync(`${path}-usage`, { readOnly: true });
  try {
    return Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']);
  } finally {
    db.close();
  }
}

async function check(t: Test, stores: readonly UsageStore[], ids: readonly string[], batches: number) {
  for (const store of stores) {
    const requests = await store.requests(ids, DAY, DAY);
    const wrong = requests.filter((days) => days.get(DAY) !== 2 * batches);
    if (wrong.length > 0) t.fail(`${wrong.length} keys do not have ${2 * batches} requests`);
  }
}

t.test(
  'counts are the same before, during and after the journal is folded, for all who have the file open',
  async (t) => {
    const path = join(t.testdir(), 'store.db');
    const [one, two, reader] = [await open(t, path), await open(t, path), await open(t, path)];
    const ids = Array.from({ length: 300 }, (_, i) => `key_${i}`);
    const stores = [one.usage, two.usage, reader.usage];
    let longest = 0;
    let wasFoldedInPart = false;
    for (let i = 1; i <= 150; i++) {
      await one.usage.record(batch('one', i, ids));
      await two.usage.record(batch('two', i, ids));
      longest = Math.max(longest, rows(path, 'journal'));
      const folded = rows(path, 'counts');
      wasFoldedInPart ||= folded > 0 && folded < ids.length;
      if (i % 40 === 0 || (i > 63 && i < 69)) await check(t, stores, ids, 2 * i);
    }
    t.ok(wasFoldedInPart, 'it was read in the middle of a fold');
    t.ok(longest < 200, `${longest} batches wait at most`);
    t.equal(rows(path, 'counts'), ids.length);
    const [day] = await reader.usage.days('key:key_9', DAY - 1, DAY + 1);
    t.strictSame(day, {
      day: DAY,
      hours: { 4: { requests: 600, errors: 300, timeUs: 9_000 } },
      endpoints: { '/x': 600 },
      methods: { GET: 600 },
      denials: {},
    });
    const uses = await reader.usage.read(ids);
    t.ok(uses.every(({ lastUsedAt }) => lastUsedAt === startOf(DAY) + 150));
  },
);

t.test('what a process wrote is there after it died, and its last batch is still known', async (t) => {
  const path = join(t.testdir(), 'store.db');
  const first = await open(t, path);
  const ids = Array.from({ length: 300 }, (_, i) => `key_${i}`);
  // It dies in the middle of a fold.
  for (let i = 1; i <= 130; i++) await first.usage.record(batch('dead', i, ids));
  first.close();
  t.ok(rows(path, 'counts') > 0 && rows(path, 'counts') < ids.length);
  const second = await open(t, path);
  await check(t, [second.usage], ids, 130);
  await second.usage.record(batch('dead', 130, ids));
  await check(t, [second.usage], ids, 130);
  for (let i = 1; i <= 10; i++) await second.usage.record(batch('next', i, ids));
  t.equal(rows(path, 'counts'), ids.length, 'the next process goes on with the fold');
  await check(t, [second.usage], ids, 140);
});

t.test('a step that another process was quicker with is not taken twice', async (t) => {
  const path = join(t.testdir(), 'store.db');
  const [one, two] = [await open(t, path), await open(t, path)];
  const db = new DatabaseSync(`${path}-usage`, { timeout: 10_000 });
  // As if each claim had run out in the middle of its step: both begin with the same one.
  db.exec(`CREATE TRIGGER no_claims AFTER INSERT ON writers WHEN new.writer = 'fold'
    BEGIN DELETE FROM writers WHERE writer = 'fold'; END`);
  db.close();
  const ids = Array.from({ length: 300 }, (_, i) => `key_${i}`);
  for (let i = 1; i <= 127; i++) await one.usage.record(batch('one', i, ids));
  for (let i = 1; i <= 80; i++) {
    await Promise.all([one.usage.record(batch('one', 127 + i, ids)), two.usage.record(batch('two', i, ids))]);
  }
  t.equal(rows(path, 'counts'), ids.length);
  await check(t, [one.usage, two.usage], ids, 287);
});

t.test('old days are forgotten, a bounded number at a time', async (t) => {
  const path = join(t.testdir(), 'store.db');
  const { usage } = await open(t, path);
  const ids = Array.from({ length: 400 }, (_, i) => `key_${i}`);
  for (let i = 1; i <= 160; i++) await usage.record(batch('a', i, ids, DAY - (i % 4)));
  t.equal(rows(path, 'counts'), 1_600);
  const removed: number[] = [];
  for (let n = -1; n !== 0; removed.push(n)) n = await usage.prune(DAY - 1);
  t.strictSame(removed, [500, 300, 0]);
  t.equal(rows(path, `counts WHERE day < ${DAY - 1}`), 0);
  t.equal(rows(path, 'counts'), 800);
});

t.test('last uses are forgotten when they are past their retention, a bounded number at a time', async (t) => {
  const path = join(t.testdir(), 'store.db');
  const { usage } = await open(t, path);
  const db = new DatabaseSync(`${path}-usage`);
  t.teardown(() => db.close());
  const insert = db.prepare('INSERT INTO uses VALUES (?, ?, ?, ?)');
  const [old, recent] = [startOf(DAY) - 1, startOf(DAY)];
  db.exec('BEGIN');
  for (let i = 0; i < 1_200; i++) insert.run(7, `old_${i}`, old, i % 2 === 0 ? null : old - 1);
  for (let shard = 0; shard < 64; shard++) {
    insert.run(shard, 'old', old, null);
    insert.run(shard, 'never', null, null);
    insert.run(shard, 'recent', recent, null);
    insert.run(shard, 'recent_previous', old, recent);
  }
  db.exec('COMMIT');
  const removed: number[] = [];
  for (let call = 0; call < 66; call++) removed.push(await usage.prune(DAY));
  t.strictSame(removed.slice(6, 11), [2, 500, 500, 202, 2]);
  t.equal(rows(path, `uses WHERE key_id IN ('recent', 'recent_previous')`), 128, 'and nothing else is');
  t.equal(rows(path, 'uses'), 128);
});

t.test('while many keys are read, others get their turn, and what they write is seen whole', async (t) => {
  const path = join(t.testdir(), 'store.db');
  const { usage } = await open(t, path);
  const ids = Array.from({ length: 500 }, (_, i) => `key_"\n\t\\\u00e9_${i}`);
  for (let i = 1; i <= 120; i++) await usage.record(batch('a', i, ids));
  let turns = 0;
  const reading = new AbortController();
  const turning = (async () => {
    for (; !reading.signal.aborted; turns++) await nextTurn();
  })();
  let written = 120;
  const writing = (async () => {
    // A fold begins and ends meanwhile.
    while (!reading.signal.aborted || written < 160) await usage.record(batch('a', ++written, ids));
  })();
  let rounds = 0;
  for (; rounds < 10; rounds++) {
    const before = written;
    const [uses, requests] = await Promise.all([usage.read(ids), usage.requests(ids, DAY, DAY)]);
    const counts = requests.map((days) => (days.get(DAY) ?? 0) / 2);
    t.ok(counts.every((count) => Number.isInteger(count) && count >= before - 1 && count <= written));
    const last = uses.map(({ lastUsedAt }) => (lastUsedAt ?? 0) - startOf(DAY));
    t.ok(last.every((time) => time >= before - 1 && time <= written));
  }
  reading.abort();
  await Promise.all([turning, writing]);
  t.ok(turns >= 5 * rounds, `${turns} turns in ${rounds} readings`);
  await check(t, [usage], ids, written);
});
