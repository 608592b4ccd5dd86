import type { Test } from 'tap';
import { type Harness, newEvent, newRecord, storeError } from './harness.ts';

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
    await keys.delete(theirs.id, 1);
    const next = await keys.changesSince(begin.cursor);
    t.strictSame(next.changed, [mine.id, theirs.id, mine.id, theirs.id]);
    t.equal(next.rolesChanged, false);
    t.match(await keys.changesSince(next.cursor), { cursor: next.cursor, changed: [], rolesChanged: false });
    t.strictSame(await other.keys.changesSince(begin.cursor), next, 'cursors are good for every instance');
  });

  await t.test('what was refused, counted or used is no change', async (t) => {
    const record = newRecord();
    await keys.create(record);
    const { cursor } = await keys.changesSince(null);
    const store = await harness.open();
    await t.rejects(keys.create(record), storeError('STORE_CONFLICT'));
    await t.rejects(keys.replace({ ...record, version: 7 }), storeError('STORE_CONFLICT'));
    await t.rejects(keys.delete(record.id, 7), storeError('STORE_CONFLICT'));
    await t.rejects(store.roles.delete('nobody', 7), storeError('STORE_CONFLICT'));
    await store.audit.append(newEvent());
    await store.limits.lease(record.id, { perHour: 9, perDay: 9, burst: 9 }, 1);
    const uses = [{ keyId: record.id, lastUsedAt: 1, previousLastUsedAt: null }];
    await store.usage.record({ writer: 'changes', number: 1, uses, deltas: [], keepFrom: 0 });
    t.match(await keys.changesSince(cursor), { changed: [], rolesChanged: false });
  });

  await t.test(
    'a change that the store no longer remembers makes the answer null, and the next one whole',
    async (t) => {
      const { cursor } = await keys.changesSince(null);
      await keys.create(newRecord());
      await harness.forgetChanges();
      const lost = await keys.changesSince(cursor);
      t.match(lost, { changed: null, rolesChanged: true });
      const record = newRecord();
      await keys.create(record);
      t.strictSame((await keys.changesSince(lost.cursor)).changed, [record.id]);
    },
  );

  await t.test('a change of a role is told once, and names no key', async (t) => {
    const { roles } = other;
    const times = { createdAt: 1, updatedAt: 1 };
    const role = { name: 'watched', description: '', permissions: [], ...times, version: 1 };
    let { cursor } = await keys.changesSince(null);
    const changed = async (): Promise<boolean> => {
      const next = await keys.changesSince(cursor);
      cursor = next.cursor;
      t.strictSame(next.changed, []);
      return next.rolesChanged;
    };
    await roles.create(role);
    t.ok(await changed());
    t.notOk(await changed());
    await roles.replace({ ...role, version: 2 });
    t.ok(await changed());
    await roles.delete(role.name, 2);
    t.ok(await changed());
    await keys.create(newRecord());
    await roles.create(role);
    const both = await keys.changesSince(cursor);
    t.match([both.changed?.length, both.rolesChanged], [1, true]);
    await roles.delete(role.name, 1);
  });

  await t.test('once a key was imported that is so for good', async (t) => {
    const { cursor, hasImported } = await keys.changesSince(null);
    t.equal(hasImported, false);
    const record = newRecord();
    await keys.create(record);
    t.equal((await keys.changesSince(cursor)).hasImported, false);
    const replaced = { ...record, imported: true, version: 2 };
    await t.rejects(keys.replace({ ...replaced, version: 3 }), storeError('STORE_CONFLICT'));
    t.equal((await keys.changesSince(cursor)).hasImported, false, 'what was refused says nothing');
    await keys.replace(replaced);
    t.match(await other.keys.changesSince(cursor), { changed: [record.id, record.id], hasImported: true });
    await keys.delete(record.id, 2);
    t.equal((await keys.changesSince(cursor)).hasImported, true);
    t.equal((await keys.changesSince(null)).hasImported, true);
  });
}
