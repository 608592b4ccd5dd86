/** How adapters compare the cursors that gateways report; the rest is in the conformance suite. */
import t from 'tap';
import { LIVE_MS } from '../../src/core/gateways.ts';
import type { Store } from '../../src/core/ports.ts';
import { MAX_CHANGES } from '../../src/stores/change-cursor.ts';
import { CHANGES, GATEWAYS } from '../../src/stores/redis/layout.ts';
import { newRecord } from '../conformance/harness.ts';
import { ManualClock } from '../support/clock.ts';
import { sqliteStore } from '../support/keys.ts';
import { setUp } from './redis-fixture.ts';

/** Whether a gateway that reported one cursor counts for a change with another. */
async function isThere({ gateways }: Store, reported: string, asked: string): Promise<boolean | undefined> {
  await gateways.report({ id: 'gw', name: 'gw', cursor: reported });
  return (await gateways.progress(asked))[0]?.isThere;
}

t.test('SQLite: by number, not as text', async (t) => {
  const store = await sqliteStore(t, new ManualClock());
  const cursors: string[] = [];
  for (let i = 0; i < 10; i++) {
    await store.keys.create(newRecord());
    cursors.push((await store.keys.changesSince(null)).cursor);
  }
  const [nine = '', ten = ''] = cursors.slice(-2);
  t.strictSame([nine.length, ten.length], [1, 2], 'there is a digit more');
  t.equal(await isThere(store, nine, ten), false);
  t.equal(await isThere(store, ten, nine), true);
  t.equal(await isThere(store, ten, ten), true);
  t.equal(await isThere(store, '0', nine), false, 'the beginning is before all');
});

t.test('Redis: by time, and by number within a millisecond', async (t) => {
  const { store, raw } = await setUp(t);
  t.equal(await isThere(store, '0', '0'), true, 'before the first change');
  t.equal(await isThere(store, '7-1', '0'), false, 'of a log that there is no more');
  for (const id of ['9-9', '9-10', '10-2']) await raw.xadd(CHANGES, id, 'id', 'key_x');
  t.equal(await isThere(store, '9-9', '9-10'), false);
  t.equal(await isThere(store, '9-10', '9-9'), true);
  t.equal(await isThere(store, '9-10', '10-2'), false);
  t.equal(await isThere(store, '10-2', '9-10'), true);
  t.equal(await isThere(store, '0', '9-9'), false);
  t.equal(await isThere(store, '10-3', '10-2'), false, 'later than any change: the server lost what it is of');
});

t.test(
  'Redis: an entry that is written in another way is passed over, and all is forgotten after a while',
  async (t) => {
    const { store, raw } = await setUp(t);
    await store.gateways.report({ id: 'gw', name: 'gw', cursor: '0' });
    await raw.hset(GATEWAYS, 'newer', '{"name":"of a later version"}');
    t.match(await store.gateways.progress('0'), [{ id: 'gw' }]);
    t.equal((await store.gateways.progress('0')).length, 1);
    t.ok((await raw.pttl(GATEWAYS)) > 0, 'the hash ends when nobody reports');
  },
);

t.test('Redis: a position of a log that was lost confirms nothing, also when there are later ones', async (t) => {
  const { store, raw } = await setUp(t);
  await raw.xadd(CHANGES, '10-0', 'id', 'key_revoked');
  t.equal(await isThere(store, '15-0', '10-0'), false);
  await raw.xadd(CHANGES, '20-0', 'id', 'key_other');
  t.match(await store.gateways.progress('10-0'), [{ isThere: false }]);
  t.equal(await isThere(store, '15-0', '10-0'), false);
  t.equal(await isThere(store, '20-0', '10-0'), true);
});

t.test('Redis: its own absence is no silence of gateways', async (t) => {
  const { store, raw } = await setUp(t);
  const { gateways } = store;
  for (const id of ['a', 'b']) await gateways.report({ id, name: id, cursor: '0' });
  /** Takes the server back to a time, as if it had been away since. */
  const away = async (ms: number): Promise<void> => {
    for (const [id, entry] of Object.entries(await raw.hgetall(GATEWAYS))) {
      await raw.hset(
        GATEWAYS,
        id,
        entry.replace(/^(at )?(\d+)/, (_, at = '', time) => `${at}${Number(time) - ms}`),
      );
    }
  };
  await raw.xadd(CHANGES, '1-0', 'id', 'key_x');
  await away(600_000);
  const both = await gateways.progress('1-0');
  t.match(both, [
    { id: 'a', isThere: false },
    { id: 'b', isThere: false },
  ]);
  t.ok((both[0]?.heardMsAgo ?? 0) >= 600_000, 'and it is known since when');
  await gateways.report({ id: 'a', name: 'a', cursor: '1-0' });
  await gateways.report({ id: 'new', name: 'new', cursor: '1-0' });
  const there = async () => (await gateways.progress('1-0')).map(({ id, isThere }) => `${id} ${isThere}`);
  t.strictSame(await there(), ['a true', 'b false', 'new true'], 'the other one may be on its way back');
  // Each time that any is heard of counts for a second at most.
  for (let i = 0; i * 1_000 < LIVE_MS; i++) {
    await away(3_000);
    for (const id of ['a', 'new']) await gateways.report({ id, name: id, cursor: '1-0' });
  }
  t.strictSame(await there(), ['a true', 'new true'], 'it is not');
  t.ok((await raw.pttl(GATEWAYS)) > 600_000);
});

t.test('Redis: what a full log forgot is told from what it lost', async (t) => {
  const { store, raw } = await setUp(t);
  const fill = raw.pipeline();
  for (let i = 1; i < MAX_CHANGES; i++) fill.xadd(CHANGES, `${10 * i}-0`, 'id', 'key_x');
  await fill.exec();
  t.equal(await store.gateways.hasForgotten('5-0'), false, 'it is not full: it began anew');
  await raw.xadd(CHANGES, `${10 * MAX_CHANGES}-0`, 'id', 'key_x');
  t.equal(await store.gateways.hasForgotten('5-0'), true);
  t.equal(await store.gateways.hasForgotten('15-0'), false, 'missing among others');
  t.equal(await store.gateways.hasForgotten(`${10 * MAX_CHANGES + 1}-0`), false, 'after the newest');
});

t.test('Redis: reports that are refused as read-only are counted until one is taken', async (t) => {
  const { store, raw } = await setUp(t);
  const { gateways } = store;
  const report = () => gateways.report({ id: 'a', name: 'a', cursor: '0' });
  await raw.config('SET', 'min-replicas-to-write', '1');
  for (const count of [1, 2]) {
    await t.rejects(report(), { code: 'STORE_READ_ONLY' });
    t.equal(gateways.refusals, count);
  }
  await raw.config('SET', 'min-replicas-to-write', '0');
  await report();
  t.equal(gateways.refusals, 0);
});
