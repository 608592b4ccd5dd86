import t from 'tap';
import type { KeyQuery } from '../../src/core/ports.ts';
import { collectPage, type ListChunk, type ListEntry, type ListIndex, positionOf } from '../../src/stores/listing.ts';
import { newRecord } from '../conformance/harness.ts';

/** 10,000 entries of one owner, of which few are disabled; newest first. */
const entries: ListEntry[] = Array.from({ length: 10_000 }, (_, i) => {
  const status = i % 3_000 === 2_999 ? 'disabled' : 'active';
  const record = newRecord({ id: `key_${i}`, createdAt: 1_000_000 - i, status });
  return { ...record, position: positionOf(record), json: JSON.stringify(record) };
});

function reader(walked: ListIndex[], sizes: number[]): (index: ListIndex, after: string, count: number) => ListChunk {
  return (index, after, count) => {
    walked.push(index);
    sizes.push(count);
    const start = entries.findIndex((entry) => entry.position > after);
    const found = start < 0 ? [] : entries.slice(start, start + count);
    return { entries: found, next: found.length < count ? null : (found.at(-1)?.position ?? null) };
  };
}

t.test('a filter that few keys match ends a page early rather than walking through all of them', async (t) => {
  const query: KeyQuery = { limit: 50, owner: 'user_1', status: 'disabled' };
  const found: string[] = [];
  let pages = 0;
  let after: string | null = '';
  while (after !== null) {
    const sizes: number[] = [];
    const page = await collectPage(after === '' ? query : { ...query, after }, reader([], sizes));
    t.ok(sizes.reduce((sum, size) => sum + size, 0) <= 2_200, 'bounded work');
    found.push(...page.keys.map((key) => key.id));
    after = page.next;
    pages++;
  }
  t.strictSame(found, ['key_2999', 'key_5999', 'key_8999']);
  t.ok(pages > 3, 'some pages were empty, with a next');
});

t.test('the most selective filter chooses the index', async (t) => {
  const chosen = async (filter: Omit<KeyQuery, 'limit'>): Promise<string | undefined> => {
    const walked: ListIndex[] = [];
    await collectPage({ limit: 1, ...filter }, reader(walked, []));
    return walked[0]?.name;
  };
  t.equal(await chosen({}), 'all');
  t.equal(await chosen({ type: 'personal' }), 'type');
  t.equal(await chosen({ type: 'personal', status: 'active' }), 'status');
  t.equal(await chosen({ type: 'personal', status: 'active', owner: 'user_1' }), 'owner');
});

t.test('without a filter besides the index, no more is read than the page and one', async (t) => {
  const sizes: number[] = [];
  await collectPage({ limit: 7, owner: 'user_1' }, reader([], sizes));
  t.strictSame(sizes, [8]);
});
