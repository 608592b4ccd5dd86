import t from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import { KEY_SORTS, type KeyQuery } from '../../src/core/ports.ts';
import {
  collectPage,
  type ListEntry,
  type ListIndex,
  type ListRead,
  type ListReader,
} from '../../src/stores/listing.ts';
import { positionsOf } from '../../src/stores/positions.ts';
import { newRecord, storeError } from '../conformance/harness.ts';
import { checkWalks, expectedIds, someKeys } from '../conformance/listing-oracle.ts';

/** An adapter over a list in memory, and what it was asked. */
function readerOf(records: readonly KeyRecord[]): ListReader & { readonly reads: ListRead[] } {
  const entries: ListEntry[] = records.map((record) => ({
    ...record,
    positions: positionsOf(record),
    json: JSON.stringify(record),
  }));
  const members = (index: ListIndex): ListEntry[] =>
    index.name === 'all' ? entries : entries.filter((entry) => entry[index.name] === index.value);
  const sorted = new Map<string, { entry: ListEntry; place: Buffer }[]>();
  const walkOf = ({ index, order, descending }: ListRead): { entry: ListEntry; place: Buffer }[] => {
    const name = JSON.stringify([index, order, descending]);
    const known = sorted.get(name);
    if (known !== undefined) return known;
    const sign = descending ? -1 : 1;
    const placed = members(index).map((entry) => ({ entry, place: Buffer.from(entry.positions[order]) }));
    placed.sort((a, b) => sign * Buffer.compare(a.place, b.place));
    sorted.set(name, placed);
    return placed;
  };
  const reads: ListRead[] = [];
  return {
    reads,
    read: (what) => {
      reads.push(what);
      if (what.order !== 'created' && what.index.name !== 'all') throw new Error('there is no such index');
      const sign = what.descending ? -1 : 1;
      const from = Buffer.from(what.after);
      const walk = walkOf(what);
      const start = walk.findIndex(({ place }) => what.after === '' || sign * Buffer.compare(place, from) > 0);
      const found = start < 0 ? [] : walk.slice(start + what.skip, start + what.skip + what.count);
      const next = found.length < what.count ? null : (found.at(-1)?.entry.positions[what.order] ?? null);
      return { entries: found.map(({ entry }) => entry), next };
    },
    count: (index) => members(index).length,
  };
}

function examined(reads: readonly ListRead[]): number {
  return reads.reduce((sum, read) => sum + read.count, 0);
}

/** More than are ever loaded whole, of nearly every kind. */
const many = someKeys(4_000, 1);

t.test('every sort with every filter gives what it should, by pages and by offsets', async (t) => {
  const reader = readerOf(many);
  const filters: Omit<KeyQuery, 'limit'>[] = [
    {},
    { type: 'personal' },
    { owner: 'user_3' },
    { status: 'active', type: 'personal' },
    { status: 'disabled', type: 'service' },
    { type: 'personal', expiresBefore: 1_800_000_000_040, aliveAt: 1_800_000_000_010 },
    { expiresBefore: 1_800_000_000_003 },
    { expiresBefore: 1_800_000_000_050 },
    { aliveAt: 1_800_000_000_030 },
    { where: (record) => record.name === 'ab' },
    { type: 'nobody' },
  ];
  for (const sort of [...KEY_SORTS, undefined]) {
    for (const filter of filters) {
      const query = { ...filter, ...(sort === undefined ? {} : { sort }), limit: 400 };
      await checkWalks(t, (asked) => collectPage(asked, reader), query, expectedIds(many, query));
    }
  }
});

t.test('a filter that few keys match ends a page early rather than walking through all of them', async (t) => {
  const rare = Array.from({ length: 10_000 }, (_, i) => newRecord({ name: i % 3_000 === 2_999 ? 'rare' : 'common' }));
  const reader = readerOf(rare);
  const query: KeyQuery = { limit: 50, where: (record) => record.name === 'rare', offset: 1 };
  const found: string[] = [];
  let pages = 0;
  let page = await collectPage(query, reader);
  for (;;) {
    t.ok(examined(reader.reads.splice(0)) <= 2_200, 'bounded work');
    t.equal(page.total, null, 'which does not tell how many there are');
    found.push(...page.keys.map((key) => key.id));
    pages++;
    if (page.next === null) break;
    const { offset: _, ...rest } = query;
    page = await collectPage({ ...rest, after: page.next }, reader);
  }
  t.strictSame(found, expectedIds(rare, query).slice(1), 'and the offset is kept over the empty pages');
  t.ok(pages > 3, 'some pages were empty, with a next');
});

t.test('what few keys have is read whole, once; else the sort itself is walked', async (t) => {
  const reader = readerOf(many);
  const walked = async (query: Omit<KeyQuery, 'limit'>): Promise<string> => {
    await collectPage({ limit: 50, ...query }, reader);
    const reads = reader.reads.splice(0).map(({ index, order, count }) => `${index.name}/${order}/${count}`);
    return [...new Set(reads)].join(' ');
  };
  t.equal(await walked({}), 'all/created/51', 'the page and one');
  t.equal(await walked({ sort: 'name', offset: 100 }), 'all/name/51', 'the offset is skipped by the store');
  t.equal(await walked({ type: 'personal' }), 'type/created/51');
  t.equal(await walked({ sort: '-expires_at', aliveAt: 1, expiresBefore: 2e12 }), 'all/expires/51');
  t.equal(await walked({ type: 'personal', sort: 'name' }), 'all/name/100');
  t.equal(await walked({ type: 'personal', status: 'active' }), 'status/created/100', 'which fewer have than the type');
  t.equal(await walked({ owner: 'user_1', sort: 'name' }), 'owner/created/100');
  t.equal(await walked({ type: 'personal', status: 'disabled', owner: 'user_1' }), 'owner/created/100');
  t.equal(await walked({ expiresBefore: 1_800_000_000_002, sort: 'name' }), 'all/expires/100');
});

t.test(
  'an owner’s keys are found through them alone, however many there are, so that no page ends at one of others',
  async (t) => {
    const own = Array.from({ length: 1_500 }, (_, i) => newRecord({ type: i % 5 === 0 ? 'service' : 'personal' }));
    const others = Array.from({ length: 100 }, () => newRecord({ owner: 'somebody else' }));
    const reader = readerOf([...own, ...others]);
    const page = await collectPage({ limit: 50, owner: 'user_1', type: 'personal' }, reader);
    t.equal(page.keys.length, 50);
    t.ok(reader.reads.every(({ index }) => index.name === 'owner'));
  },
);

t.test('keys that end soon are found without walking through the others, whatever the sort', async (t) => {
  const reader = readerOf(many);
  for (const sort of [...KEY_SORTS, undefined]) {
    const query = { limit: 300, expiresBefore: 1_800_000_000_012, aliveAt: 1_800_000_000_008 };
    const page = await collectPage(sort === undefined ? query : { ...query, sort }, reader);
    t.strictSame(
      page.keys.map((key) => key.id),
      expectedIds(many, sort === undefined ? query : { ...query, sort }),
    );
    t.equal(page.next, null);
    t.equal(page.total, page.keys.length);
    t.ok(examined(reader.reads.splice(0)) <= 1_001, `${sort}`);
  }
});

t.test('a total is told where the store knows it, or all was seen', async (t) => {
  const reader = readerOf(many);
  const total = async (query: Omit<KeyQuery, 'limit'>): Promise<number | null> =>
    (await collectPage({ limit: 10, ...query }, reader)).total;
  const count = (query: Omit<KeyQuery, 'limit'>): number => expectedIds(many, query).length;
  for (const query of [{}, { sort: 'name' }, { type: 'personal' }, { owner: 'user_2', status: 'active' }] as const) {
    t.equal(await total(query), count(query), JSON.stringify(query));
    t.equal(await total({ ...query, offset: 20 }), count(query));
  }
  t.equal(await total({ type: 'personal', status: 'active' }), null, 'too many to look at');
  t.equal(await total({ sort: 'expires_at', expiresBefore: 1_800_000_000_040 }), null);
  const few = readerOf(many.slice(0, 100));
  const query = { where: (record: KeyRecord) => record.status === 'active' };
  const all = await collectPage({ limit: 1_000, ...query }, few);
  t.equal(all.total, expectedIds(many.slice(0, 100), query).length, 'all was looked at');
});

t.test('a page token is for its own sort', async (t) => {
  const reader = readerOf(many.slice(0, 100));
  for (const sort of KEY_SORTS) {
    const { next } = await collectPage({ limit: 10, sort }, reader);
    for (const other of KEY_SORTS) {
      const page = collectPage({ limit: 10, sort: other, after: next ?? '' }, reader);
      if (other === sort) await t.resolves(page);
      else await t.rejects(page, storeError('STORE_BAD_QUERY'), `${sort} for ${other}`);
    }
  }
});
