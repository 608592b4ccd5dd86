import type { Test } from 'tap';
import { type Harness, newRecord, storeError } from './harness.ts';

export async function checkChanges(t: Test, harness: Harness): Promise<void> {
  const { keys } = await harness.open();
  const other = await harness.open();

  await t.test('what was created and replaced is listed, oldest first, whoever did it', async (t) => {
    const begin = await keys.changesSince(null);
    t.equal(begin.changed, null, 'the beginning knows nothing of before');
    t.strictSame((await keys.changesSince(begin.cursor)).changed, []);

    const [mine, theirs] = [newRecord(), newRecord()];
    await keys.create(mine);
    await other.keys.create(theirs);
    await other.keys.replace({ ...mine, name: 'changed', version: 2 });
    const next = await keys.changesSince(begin.cursor);
    t.strictSame(next.changed, [mine.id, theirs.id, mine.id]);
    t.strictSame(await keys.changesSince(next.cursor), { cursor: next.cursor, changed: [] });
    t.strictSame(await other.keys.changesSince(begin.cursor), next, 'cursors are good for every instance');
  });

  await t.test('what was refused, counted or used is no change', async (t) => {
    const record = newRecord();
    await keys.create(record);
    const { cursor } = await keys.changesSince(null);
    const store = await harness.open();
    await t.rejects(keys.create(record), storeError('STORE_CONFLICT'));
    await t.rejects(keys.replace({ ...record, version: 7 }), storeError('STORE_CONFLICT'));
    await store.limits.lease(record.id, { perHour: 9, perDay: 9, burst: 9 }, 1);
    await store.usage.record([{ keyId: record.id, lastUsedAt: 1, previousLastUsedAt: null }]);
    t.strictSame((await keys.changesSince(cursor)).changed, []);
  });

  await t.test(
    'a change that the store no longer remembers makes the answer null, and the next one whole',
    async (t) => {
      const { cursor } = await keys.changesSince(null);
      await keys.create(newRecord());
      await harness.forgetChanges();
      const lost = await keys.changesSince(cursor);
      t.equal(lost.changed, null);
      const record = newRecord();
      await keys.create(record);
      t.strictSame((await keys.changesSince(lost.cursor)).changed, [record.id]);
    },
  );
}
