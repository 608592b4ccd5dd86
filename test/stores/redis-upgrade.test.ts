import type { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import type { KeySort, Store } from '../../src/core/ports.ts';
import { BY_EXPIRY, BY_NAME, LAYOUT, listName, recordName } from '../../src/stores/redis/layout.ts';
import { newRecord, storeError } from '../conformance/harness.ts';
import { openOther, setUp, until, wireTo } from './redis-fixture.ts';

/** Makes it so that an older version could have stored these: without places by name and by expiry. */
async function makeOld(raw: Redis, records: readonly KeyRecord[]): Promise<void> {
  await raw.del(BY_NAME, BY_EXPIRY, LAYOUT);
  await Promise.all(records.map(({ id }) => raw.hdel(recordName(id), 'by_name', 'by_expiry')));
}

async function fill({ keys }: Store, count: number): Promise<KeyRecord[]> {
  const records = Array.from({ length: count }, (_, i) =>
    newRecord({
      name: `key ${String((i * 7) % count).padStart(5, '0')}`,
      createdAt: i,
      expiresAt: 1_000_000 + ((i * 3) % count),
    }),
  );
  await Promise.all(records.map((record) => keys.create(record)));
  return records;
}

async function allIds({ keys }: Store, sort: KeySort): Promise<string[]> {
  const ids: string[] = [];
  let after: string | null = null;
  do {
    const page = await keys.list(after === null ? { limit: 1_000, sort } : { limit: 1_000, sort, after });
    ids.push(...page.keys.map((key) => key.id), ...page.unreadable);
    after = page.next;
  } while (after !== null);
  return ids;
}

function idsBy(records: readonly KeyRecord[], place: (record: KeyRecord) => string | number): string[] {
  return records.toSorted((a, b) => (place(a) < place(b) ? -1 : 1)).map(({ id }) => id);
}

async function isPlacedOnce(t: Test, raw: Redis): Promise<void> {
  const all = await raw.zcard(listName({ name: 'all' }));
  t.equal(await raw.zcard(BY_NAME), all, 'each has one place by name');
  t.equal(await raw.zcard(BY_EXPIRY), all, 'and one by expiry');
}

t.test('keys of an older version get their places when the store is opened, by several at once too', async (t) => {
  const { server, store, raw } = await setUp(t);
  // More than two steps.
  const records = await fill(store, 1_103);
  await makeOld(raw, records);
  const opened = await Promise.all([openOther(t, server), openOther(t, server), openOther(t, server)]);
  for (const other of opened) {
    t.strictSame(
      await allIds(other, 'name'),
      idsBy(records, ({ name }) => name),
    );
    t.strictSame(
      await allIds(other, 'expires_at'),
      idsBy(records, ({ expiresAt }) => expiresAt ?? 0),
    );
  }
  await isPlacedOnce(t, raw);
  t.equal(await raw.get(LAYOUT), '2');
});

t.test('a key that is replaced or deleted just before it would get its places has those of now, or none', async (t) => {
  const { server, store, raw } = await setUp(t);
  const [replaced, deleted, kept] = await fill(store, 3);
  if (replaced === undefined || deleted === undefined || kept === undefined) throw new Error('three were made');
  await makeOld(raw, [replaced, deleted, kept]);
  const wire = await wireTo(t, server);
  wire.hold('evalsha', 'it too');
  const opening = openOther(t, wire);
  await until(async () => wire.isHolding());
  await store.keys.replace({ ...replaced, name: 'zzz', version: 2 });
  await store.keys.delete(deleted.id, 1);
  wire.release();
  t.strictSame(await allIds(await opening, 'name'), [kept.id, replaced.id]);
  await isPlacedOnce(t, raw);
  t.equal(await raw.exists(recordName(deleted.id)), 0);
});

t.test('a key that gets its places just before it is replaced leaves them', async (t) => {
  const { server, store, raw } = await setUp(t);
  const [first, second] = await fill(store, 2);
  if (first === undefined || second === undefined) throw new Error('two were made');
  const wire = await wireTo(t, server);
  const slow = await openOther(t, wire);
  await makeOld(raw, [first, second]);
  wire.hold('evalsha', 'it too');
  const replaced = slow.keys.replace({ ...first, name: 'zzz', expiresAt: null, version: 2 });
  await until(async () => wire.isHolding());
  const other = await openOther(t, server);
  wire.release();
  await replaced;
  await isPlacedOnce(t, raw);
  t.strictSame(await allIds(other, 'name'), [second.id, first.id]);
  t.strictSame(await allIds(other, '-expires_at'), [first.id, second.id]);
});

t.test('a key of an older version that cannot be understood is listed too', async (t) => {
  const { server, store, raw } = await setUp(t);
  const records = await fill(store, 3);
  await makeOld(raw, records);
  await raw.hset(recordName(records[1]?.id ?? ''), 'json', '{"version": 99}');
  const other = await openOther(t, server);
  const page = await other.keys.list({ limit: 10, sort: 'name' });
  t.strictSame(page.unreadable, [records[1]?.id]);
  t.equal(page.keys.length, 2);
});

t.test('a server that takes no writes can be opened, and is brought up to date once it takes them', async (t) => {
  const { server, store, raw } = await setUp(t);
  const records = await fill(store, 5);
  await makeOld(raw, records);
  await raw.replicaof('127.0.0.1', 1);
  const other = await openOther(t, server);
  t.match(await other.keys.findByDigest(records[0]?.secret.digest ?? ''), records[0]);
  t.equal((await other.keys.list({ limit: 10 })).keys.length, 5);
  await t.rejects(
    other.keys.list({ limit: 10, sort: 'name' }),
    storeError('STORE_READ_ONLY'),
    'rather than without them',
  );
  await raw.replicaof('NO', 'ONE');
  t.equal((await other.keys.list({ limit: 10, sort: 'name' })).keys.length, 5);
});
