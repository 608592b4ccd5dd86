import type { Test } from 'tap';
import type { KeySort } from '../../src/core/ports.ts';
import { type Harness, newEvent, newId, newRecord } from './harness.ts';

/** Characters that a page may have, and the last entry on it. */
const MAX_PAGE_LENGTH = 1024 * 1024;
const COUNT = 8;
const ADDRESSES = Array.from({ length: 10_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);

/** Large keys and events make short pages: nobody fills the memory by making many of them and asking for all at once. */
export async function checkLarge(t: Test, harness: Harness): Promise<void> {
  const { audit, keys } = await harness.open();

  await t.test('a page of large keys is short, and the next goes on after it', async (t) => {
    const owner = newId();
    const ids: string[] = [];
    for (let i = 0; i < COUNT; i++) {
      const { restrictions, ...record } = newRecord({ owner, name: `large ${i}`, createdAt: 9_000 - i });
      await keys.create({ ...record, restrictions: { ...restrictions, ip_restrictions: ADDRESSES } });
      ids.push(record.id);
    }
    const sorts: readonly KeySort[] = ['-created_at', 'name'];
    for (const sort of sorts) {
      const found: string[] = [];
      for (let after: string | null | undefined; after !== null; ) {
        const page = await keys.list({ limit: 100, owner, sort, ...(after === undefined ? {} : { after }) });
        t.ok(JSON.stringify(page).length < MAX_PAGE_LENGTH, 'bounded');
        t.ok(page.keys.length > 0, 'and never empty');
        found.push(...page.keys.map(({ id }) => id));
        after = page.next;
      }
      t.strictSame(found, ids, sort);
    }
    const rest = await keys.list({ limit: 100, owner, offset: COUNT - 1 });
    t.strictSame([rest.keys.map(({ id }) => id), rest.next], [[ids.at(-1)], null], 'what is skipped does not count');
  });

  await t.test('a page of large audit entries is short, and the next goes on after it', async (t) => {
    const target = newId();
    const made: number[] = [];
    for (let i = 0; i < COUNT; i++) {
      made.push((await audit.append(newEvent({ target, after: { addresses: ADDRESSES } }))).seq);
    }
    for (const filter of [{ target }, {}]) {
      const found: number[] = [];
      for (let after: string | null | undefined; after !== null && found.length < COUNT; ) {
        const page = await audit.read({ limit: 100, ...filter, ...(after === undefined ? {} : { after }) });
        t.ok(JSON.stringify(page).length < MAX_PAGE_LENGTH, 'bounded');
        found.push(...page.entries.map(({ seq }) => seq));
        after = page.next;
      }
      t.strictSame(found.slice(0, COUNT), made.toReversed());
    }
  });
}
