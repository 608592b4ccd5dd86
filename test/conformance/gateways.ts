import type { Test } from 'tap';
import { type GatewayProgress, LIVE_MS } from '../../src/core/gateways.ts';
import type { Store } from '../../src/core/ports.ts';
import { type Harness, newRecord } from './harness.ts';

/** Who has applied the changes up to a cursor, by name. */
function whoIsThere(found: readonly GatewayProgress[]): Record<string, boolean> {
  return Object.fromEntries(found.map(({ name, isThere }) => [name, isThere]));
}

async function changed(store: Store): Promise<string> {
  await store.keys.create(newRecord());
  return (await store.keys.changesSince(null)).cursor;
}

export async function checkGateways(t: Test, harness: Harness): Promise<void> {
  const store = await harness.open();
  const other = await harness.open();
  const { gateways } = store;

  await t.test('each is there once it reports the change or a later one, whoever asks', async (t) => {
    const before = await changed(store);
    t.strictSame(await gateways.progress(before), [], 'there is none yet');
    await gateways.report({ id: 'b', name: 'gw b "ü":8080', cursor: before });
    await other.gateways.report({ id: 'a', name: 'gw a', cursor: before });
    t.strictSame(whoIsThere(await gateways.progress(before)), { 'gw a': true, 'gw b "ü":8080': true });

    const [first, second] = [await changed(store), await changed(other)];
    await gateways.report({ id: 'a', name: 'gw a', cursor: first });
    const found = await other.gateways.progress(first);
    t.match(found, [
      { id: 'a', name: 'gw a', isThere: true },
      { id: 'b', name: 'gw b "ü":8080', isThere: false },
    ]);
    t.ok(
      found.every(({ heardMsAgo }) => Number.isInteger(heardMsAgo) && heardMsAgo >= 0 && heardMsAgo <= LIVE_MS),
      'and was heard of a moment ago',
    );
    await gateways.report({ id: 'b', name: 'gw b', cursor: second });
    t.strictSame(whoIsThere(await gateways.progress(first)), { 'gw a': true, 'gw b': true }, 'under its new name');
    t.strictSame(whoIsThere(await gateways.progress(second)), { 'gw a': false, 'gw b': true });
  });

  await t.test('one that leaves is gone at once, and may leave twice', async (t) => {
    const cursor = await changed(store);
    await gateways.report({ id: 'a', name: 'a', cursor });
    await other.gateways.leave('a');
    await gateways.leave('a');
    await gateways.leave('nobody');
    t.strictSame(Object.keys(whoIsThere(await gateways.progress(cursor))), ['gw b']);
  });

  await t.test('one that says nothing is missing, then counts no more, and is back when it speaks', async (t) => {
    const cursor = await changed(store);
    await gateways.report({ id: 'b', name: 'b', cursor: '0' });
    await harness.ageGateways(LIVE_MS - 2_000);
    const [silent] = await gateways.progress(cursor);
    t.match(silent, { id: 'b', isThere: false });
    t.ok((silent?.heardMsAgo ?? 0) >= LIVE_MS - 2_000, 'and it is known since when');
    await harness.ageGateways(2_100);
    t.strictSame(await gateways.progress(cursor), []);
    await gateways.report({ id: 'b', name: 'b', cursor });
    t.strictSame(whoIsThere(await gateways.progress(cursor)), { b: true });
  });

  await t.test('those that died are forgotten as others come', async (t) => {
    const cursor = await changed(store);
    for (let i = 0; i < 20; i++) {
      await harness.ageGateways(LIVE_MS + 100);
      await gateways.report({ id: `crashing-${i}`, name: 'c', cursor });
    }
    t.equal(await harness.gatewaysHeld(), 1);
  });

  await t.test('a hundred report at a time, and all of them are listed', async (t) => {
    const cursor = await changed(store);
    const ids = Array.from({ length: 100 }, (_, i) => `many-${String(i).padStart(3, '0')}`);
    await Promise.all(ids.map((id, i) => (i % 2 === 0 ? store : other).gateways.report({ id, name: id, cursor })));
    const found = (await gateways.progress(cursor)).filter(({ isThere, id }) => isThere && id.startsWith('many-'));
    t.strictSame(
      found.map(({ id }) => id),
      ids,
    );
    t.ok((await harness.gatewaysHeld()) <= 101);
    await Promise.all(ids.map((id) => gateways.leave(id)));
  });
}
