import type { Test } from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import type { KeyQuery, KeyStore } from '../../src/core/ports.ts';
import { type Harness, newId, newRecord, storeError } from './harness.ts';

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
  });
}
