import type { Test } from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import { KEY_SORTS, type KeyQuery, type KeyStore, MAX_OFFSET } from '../../src/core/ports.ts';
import { type Harness, newId, newRecord, storeError } from './harness.ts';
import { checkWalks, expectedIds, someKeys } from './listing-oracle.ts';

/** Reads page after page, and checks that each is no larger than asked for. */
async function pages(t: Test, keys: KeyStore, query: KeyQuery): Promise<string[][]> {
  const found: string[][] = [];
  let after: string | undefined;
  do {
    const page = await keys.list(after === undefined ? query : { ...query, after });
    t.ok(page.keys.length <= query.limit, 'no more than asked for');
    found.push(page.keys.map((key) => key.id));
    after = page.next ?? undefined;
  } while (after !== undefined);
  return found;
}

export async function checkListing(t: Test, harness: Harness): Promise<void> {
  const { keys } = await harness.open();
  const create = async (change: Partial<KeyRecord>): Promise<KeyRecord> => {
    const record = newRecord(change);
    await keys.create(record);
    return record;
  };

  await t.test('every sort with every filter, by pages and by offsets', (t) => checkEverySort(t, keys));

  await t.test('newest first, ties by id, page after page, nothing twice', async (t) => {
    const owner = newId();
    const times = [5, 1, 9, 5, 5, 1_700_000_000_000, 5, 2];
    const made: KeyRecord[] = [];
    for (const createdAt of times) made.push(await create({ owner, createdAt }));
    const order = [5, 2, 0, 3, 4, 6, 7, 1].map((i) => made[i]?.id);
    for (let limit = 1; limit <= times.length + 1; limit++) {
      const found = await pages(t, keys, { limit, owner });
      t.strictSame(found.flat(), order, `by ${limit}`);
      t.equal(found.length, Math.ceil(times.length / limit), `${limit} a page, and none empty at the end`);
    }
    const all = (await pages(t, keys, { limit: 3 })).flat();
    t.strictSame(
      all.filter((id) => order.includes(id)),
      order,
      'the same order among all keys',
    );
    t.equal(new Set(all).size, all.length, 'none twice');
  });

  await t.test('filters by type, owner and status, together too', async (t) => {
    const owner = newId();
    const type = newId();
    const both = await create({ owner, type, createdAt: 3 });
    const disabled = await create({ owner, type, status: 'disabled', createdAt: 2 });
    const onlyOwner = await create({ owner, createdAt: 1 });
    const onlyType = await create({ type, owner: newId(), createdAt: 0 });
    const ids = async (query: Omit<KeyQuery, 'limit'>): Promise<string[]> =>
      (await pages(t, keys, { limit: 2, ...query })).flat();
    t.strictSame(await ids({ owner }), [both.id, disabled.id, onlyOwner.id]);
    t.strictSame(await ids({ type }), [both.id, disabled.id, onlyType.id]);
    t.strictSame(await ids({ owner, type }), [both.id, disabled.id]);
    t.strictSame(await ids({ type, status: 'disabled' }), [disabled.id]);
    t.strictSame(await ids({ owner, type, status: 'active' }), [both.id]);
    t.strictSame(await ids({ owner, status: 'revoked' }), []);
    t.ok((await ids({ status: 'disabled' })).includes(disabled.id));
    t.strictSame(await ids({ owner: `${owner}%` }), [], 'a filter is not a pattern');
  });

  await t.test('a replaced key moves to where it now belongs', async (t) => {
    const [from, to] = [newId(), newId()];
    const key = await create({ owner: from });
    await keys.replace({ ...key, owner: to, status: 'revoked', createdAt: 7, version: 2 });
    t.strictSame(await pages(t, keys, { limit: 5, owner: from }), [[]]);
    t.strictSame(await pages(t, keys, { limit: 5, owner: from, status: 'active' }), [[]]);
    t.strictSame(await pages(t, keys, { limit: 5, owner: to, status: 'revoked' }), [[key.id]]);
    const all = (await pages(t, keys, { limit: 100 })).flat();
    t.equal(all.filter((id) => id === key.id).length, 1, 'and is listed once');
  });

  await t.test('one bad record is named, and hides no other', async (t) => {
    const owner = newId();
    const [newer, bad, older] = [
      await create({ owner, createdAt: 3 }),
      await create({ owner, createdAt: 2 }),
      await create({ owner, createdAt: 1 }),
    ];
    await harness.damage(bad.id, '{"version": 99}');
    const page = await keys.list({ limit: 10, owner });
    t.strictSame(
      page.keys.map((key) => key.id),
      [newer.id, older.id],
    );
    t.strictSame(page.unreadable, [bad.id]);
    t.strictSame((await pages(t, keys, { limit: 1, owner })).flat(), [newer.id, older.id]);
  });

  await t.test('a page token that no page gave, or a size out of range, is a bad query', async (t) => {
    for (const after of ['', 'x', '0', 'key_1', Buffer.from('123:key_1').toString('base64url')]) {
      await t.rejects(keys.list({ limit: 1, after }), storeError('STORE_BAD_QUERY'), JSON.stringify(after));
    }
    for (const limit of [0, -1, 1.5, 1001, Number.NaN]) {
      await t.rejects(keys.list({ limit }), storeError('STORE_BAD_QUERY'), String(limit));
    }
    await t.resolves(keys.list({ limit: 1000 }));
    for (const offset of [-1, 1.5, MAX_OFFSET + 1, Number.NaN]) {
      await t.rejects(keys.list({ limit: 1, offset }), storeError('STORE_BAD_QUERY'), `from ${offset}`);
    }
    t.strictSame((await keys.list({ limit: 1, offset: MAX_OFFSET })).keys, []);
    const { next } = await keys.list({ limit: 1 });
    await t.rejects(keys.list({ limit: 1, offset: 1, after: next ?? '' }), storeError('STORE_BAD_QUERY'));
    await t.rejects(keys.list({ limit: 1, sort: 'name', after: next ?? '' }), storeError('STORE_BAD_QUERY'));
  });
}

/** On a store without any other key. */
async function checkEverySort(t: Test, keys: KeyStore): Promise<void> {
  t.equal((await keys.list({ limit: 1 })).total, 0, 'an empty store');
  const made = someKeys(300, 7);
  await Promise.all(made.map((record) => keys.create(record)));
  // Keys that changed their places, and keys that are gone.
  const now = made.flatMap((record, i) => {
    if (i % 20 === 1) return [];
    if (i % 20 !== 0) return [record];
    const { name, owner, status, expiresAt } = made[(i + 7) % made.length] as KeyRecord;
    return [{ ...record, name, owner, status, expiresAt, version: 2 }];
  });
  await Promise.all(now.filter((record) => record.version === 2).map((record) => keys.replace(record)));
  await Promise.all(made.filter((_, i) => i % 20 === 1).map((record) => keys.delete(record.id, 1)));
  const filters: Omit<KeyQuery, 'limit'>[] = [
    {},
    { type: 'personal' },
    { owner: 'user_3' },
    { status: 'active', type: 'personal' },
    { owner: 'user_4', aliveAt: 1_800_000_000_030 },
    { expiresBefore: 1_800_000_000_040, aliveAt: 1_800_000_000_010 },
    { where: (record) => record.name.startsWith('key') },
    { type: 'nobody' },
  ];
  for (const sort of [...KEY_SORTS, undefined]) {
    for (const filter of filters) {
      const query = { ...filter, ...(sort === undefined ? {} : { sort }), limit: 60 };
      await checkWalks(t, (asked) => keys.list(asked), query, expectedIds(now, query));
    }
    for (const filter of filters.slice(0, 5)) {
      const { total } = await keys.list({ ...filter, ...(sort === undefined ? {} : { sort }), limit: 1 });
      t.equal(total, expectedIds(now, filter).length, `a total of ${JSON.stringify(filter)}`);
    }
  }
}
