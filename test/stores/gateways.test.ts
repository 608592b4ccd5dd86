/** How adapters compare the cursors that gateways report; the rest is in the conformance suite. */
import t from 'tap';
import type { Store } from '../../src/core/ports.ts';
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
