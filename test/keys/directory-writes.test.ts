/** A store that answers and takes no writes; and clocks that are set. */
import t from 'tap';
import { newSecret } from '../../src/keys/secret.ts';
import { type DirectoryFixture, look, setUp } from './fixture.ts';

const UNAVAILABLE = { code: 'STORE_UNAVAILABLE' };

/** Time passes, and the gateway keeps asking for changes. */
async function pass({ clock, directory }: DirectoryFixture, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    clock.advance(Math.min(250, left));
    await directory.poll();
  }
}

t.test('what a store says that takes no writes is used for as long as in an outage', async (t) => {
  let refusals = 0;
  const fixture = await setUp(t, { maxStaleMs: 10_000, refusals: () => refusals });
  const { clock, directory, issue, store } = fixture;
  const [cached, fresh] = [await issue(), await issue()];
  await look(directory, cached.secret);
  const unknown = newSecret('lk');
  await look(directory, unknown);
  await pass(fixture, 1_000);
  refusals = 3;
  await pass(fixture, 2_750);
  t.equal(directory.stats.storeUp, true, 'a store may be busy for a while');
  await pass(fixture, 250);
  t.equal(directory.stats.storeUp, false);
  await pass(fixture, 6_750);
  for (const { record, secret } of [cached, fresh]) t.match(await look(directory, secret), { key: { record } });
  await pass(fixture, 250);
  const { finds } = store;
  for (const secret of [cached.secret, fresh.secret, unknown]) {
    t.equal(directory.peek(secret), undefined);
    await t.rejects(async () => look(directory, secret), UNAVAILABLE);
    clock.advance(500);
  }
  t.equal(store.finds, finds, 'without asking');
  refusals = 0;
  await pass(fixture, 250);
  t.equal(directory.stats.storeUp, true);
  for (const { record, secret } of [cached, fresh]) t.match(await look(directory, secret), { key: { record } });
});

t.test('without a grace it is not used after three refusals in three seconds, and not before', async (t) => {
  let refusals = 0;
  const fixture = await setUp(t, { maxStaleMs: 0, refusals: () => refusals });
  const { clock, directory, issue } = fixture;
  const { record, secret } = await issue();
  refusals = 2;
  await pass(fixture, 60_000);
  t.match(await look(directory, secret), { key: { record } });
  refusals = 3;
  await t.rejects(async () => look(directory, secret), UNAVAILABLE);
  refusals = 0;
  await pass(fixture, 250);
  refusals = 3;
  clock.advance(2_999);
  t.match(await look(directory, secret), { key: { record } });
});

t.test('a gateway that stood still for an hour reads anew, and refuses nothing', async (t) => {
  const { clock, directory, issue } = await setUp(t, { maxStaleMs: 0, refusals: () => 0 });
  const { record, secret } = await issue();
  await look(directory, secret);
  clock.advance(3_600_000);
  t.equal(directory.peek(secret), undefined);
  t.match(await look(directory, secret), { key: { record } });
});

t.test('the grace of an outage goes on from when a store took its last write', async (t) => {
  let refusals = 0;
  const fixture = await setUp(t, { maxStaleMs: 10_000, refusals: () => refusals });
  const { directory, issue, store } = fixture;
  const { record, secret } = await issue();
  await look(directory, secret);
  refusals = 1;
  await pass(fixture, 6_000);
  t.match(await look(directory, secret), { key: { record } });
  store.down = true;
  await pass(fixture, 3_750);
  t.match(await look(directory, secret), { key: { record } });
  await pass(fixture, 250);
  await t.rejects(async () => look(directory, secret), UNAVAILABLE);
});
