import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t from 'tap';
import { StoreError } from '../../src/core/ports.ts';
import { KeyDirectory } from '../../src/keys/directory.ts';
import { createSecretHasher } from '../../src/keys/hasher.ts';
import { loadKey } from '../../src/keys/loader.ts';
import { newSecret } from '../../src/keys/secret.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import { ManualClock } from '../support/clock.ts';
import { CATALOGUE, HASHER, issuedKey } from '../support/keys.ts';
import { changed, type DirectoryFixture, look, OPTIONS, setUp } from './fixture.ts';

const UNAVAILABLE = { code: 'STORE_UNAVAILABLE' };

/** Time passes, and the gateway keeps asking for changes. */
async function pass({ clock, directory }: DirectoryFixture, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 250) {
    clock.advance(Math.min(250, left));
    await directory.poll();
  }
}

t.test('a cached key works until its grace ends, counted from the last confirmation', async (t) => {
  const fixture = await setUp(t, { maxStaleMs: 10_000, ttlMs: 2_000 });
  const { clock, directory, issue, store } = fixture;
  const { record, secret } = await issue();
  await look(directory, secret);
  await pass(fixture, 1_000);
  store.down = true;
  await pass(fixture, 9_750);
  t.match(await look(directory, secret), { key: { record } });
  t.equal(directory.stats.storeUp, false);
  clock.advance(249);
  t.match(await look(directory, secret), { key: { record } });
  clock.advance(1);
  await t.rejects(look(directory, secret), UNAVAILABLE);
});

t.test('a key that is not cached is "cannot say" at once, never "unknown"', async (t) => {
  const fixture = await setUp(t);
  const { clock, directory, issue, store } = fixture;
  const { secret } = await issue();
  store.down = true;
  await directory.poll();
  const { finds } = store;
  for (const each of [secret, newSecret('lk')]) {
    t.equal(directory.peek(each), undefined);
    t.throws(() => directory.find(each), UNAVAILABLE);
  }
  t.equal(store.finds, finds, 'without asking: the store did not answer a moment ago');
  clock.advance(500);
  await t.rejects(look(directory, secret), UNAVAILABLE);
  t.equal(store.finds, finds + 1, 'one request tries again');
  await t.rejects(look(directory, secret), UNAVAILABLE);
  t.equal(store.finds, finds + 1);
});

t.test('a secret that was unknown a moment ago is not called unknown while the store is down', async (t) => {
  const fixture = await setUp(t, { unknownTtlMs: 3_600_000 });
  const { directory, store } = fixture;
  const secret = newSecret('lk');
  t.equal(await look(directory, secret), null);
  store.down = true;
  await pass(fixture, 2_000);
  await t.rejects(look(directory, secret), UNAVAILABLE);
});

t.test('the first failure is found by a request, and its cached key serves it all the same', async (t) => {
  const { clock, directory, issue, store } = await setUp(t);
  const { record, secret } = await issue();
  await look(directory, secret);
  clock.advance(2_000);
  store.down = true;
  t.equal(directory.peek(secret), undefined, 'not confirmed');
  t.match(await directory.find(secret), { key: { record } });
  t.match(directory.peek(secret), { key: { record } }, 'from here on without asking');
});

t.test('a key under an older pepper serves all the same too', async (t) => {
  const hasher = createSecretHasher([{ version: 1, secret: 'pepper' }]);
  const { clock, directory, real, store } = await setUp(t, {}, hasher);
  const { record, secret } = issuedKey({}, HASHER);
  await real.create(record);
  await look(directory, secret);
  clock.advance(2_000);
  store.down = true;
  t.match(await look(directory, secret), { key: { record } });
});

t.test('a key in memory never waits to find out whether the store is back', async (t) => {
  const fixture = await setUp(t);
  const { clock, directory, issue, store } = fixture;
  const { record, secret } = await issue();
  await look(directory, secret);
  store.down = true;
  await pass(fixture, 1_000);
  const { finds } = store;
  for (const ms of [0, 499, 1, 60_000]) {
    clock.advance(ms);
    t.match(directory.peek(secret), { key: { record } });
  }
  t.equal(store.finds, finds);
});

t.test('a store that takes a while is asked for the digests of all peppers at once', async (t) => {
  const [one, two] = [1, 2].map((version) => ({ version, secret: `pepper ${version}` }));
  if (one === undefined || two === undefined) throw new Error('there are two');
  const { directory, real, store } = await setUp(t, {}, createSecretHasher([two, one]));
  const [old, older] = [issuedKey({}, createSecretHasher([one])), issuedKey({}, HASHER)];
  for (const { record } of [old, older]) await real.create(record);
  await directory.poll();
  store.holding = true;
  const found = [old, older].map(async ({ secret }) => directory.find(secret));
  const unknown = directory.find(newSecret('lk'));
  t.equal(store.finds, 9);
  store.letThrough('find');
  t.match(await Promise.all(found), [{ key: { record: old.record } }, { key: { record: older.record } }]);
  t.equal(await unknown, null);

  const newest = issuedKey({}, createSecretHasher([two]));
  await real.create(newest.record);
  const late = [directory.find(newest.secret), directory.find(newSecret('lk'))];
  store.holding = false;
  store.letThrough('find');
  t.match(await late[0], { key: { record: newest.record } });
  t.equal(await late[1], null);
});

t.test('when the store is back everything is as it was', async (t) => {
  const fixture = await setUp(t);
  const { directory, issue, store } = fixture;
  const [cached, fresh] = [await issue(), await issue()];
  await look(directory, cached.secret);
  store.down = true;
  await pass(fixture, 5_000);
  store.down = false;
  await pass(fixture, 250);
  t.equal(directory.stats.storeUp, true);
  t.match(directory.peek(cached.secret), { key: { record: cached.record } });
  t.match(await look(directory, fresh.secret), { key: { record: fresh.record } });
  t.equal(await look(directory, newSecret('lk')), null);
});

t.test('a key that was revoked while the store was out of reach is refused when it is back', async (t) => {
  const fixture = await setUp(t);
  const { directory, issue, real, store } = fixture;
  const { record, secret } = await issue();
  await look(directory, secret);
  store.down = true;
  await pass(fixture, 1_000);
  await real.replace(changed(record, { status: 'revoked', revokedAt: 1 }));
  t.match(await look(directory, secret), { key: { record: { status: 'active' } } }, 'nobody can know yet');
  store.down = false;
  await pass(fixture, 250);
  t.match(await look(directory, secret), { key: { record: { status: 'revoked' } } });
});

t.test('a key that was seen to change never comes back to life during an outage', async (t) => {
  const fixture = await setUp(t);
  const { directory, issue, real, store } = fixture;
  const { record, secret } = await issue();
  await look(directory, secret);
  await real.replace(changed(record, { status: 'revoked', revokedAt: 1 }));
  await directory.poll();
  store.down = true;
  for (const ms of [0, 250, 1_000, 60_000]) {
    await pass(fixture, ms);
    await t.rejects(look(directory, secret), UNAVAILABLE);
  }
});

t.test('an old answer that arrives during the outage brings nothing back to life', async (t) => {
  const fixture = await setUp(t);
  const { directory, issue, real, store } = fixture;
  const { record, secret } = await issue();
  store.holding = true;
  const early = directory.find(secret);
  await real.replace(changed(record, { status: 'revoked', revokedAt: 1 }));
  store.holding = false;
  await directory.poll();
  store.down = true;
  await pass(fixture, 1_000);
  store.letThrough('find');
  await early;
  await t.rejects(look(directory, secret), UNAVAILABLE);
});

t.test('a reload during an outage locks nobody out', async (t) => {
  const fixture = await setUp(t);
  const { directory, issue, store } = fixture;
  const { record, secret } = await issue();
  await look(directory, secret);
  store.down = true;
  await pass(fixture, 1_000);
  directory.reload((each) => loadKey(each, CATALOGUE));
  t.match(await look(directory, secret), { key: { record } });
});

t.test('a store that lost its log of changes makes every key be read again', async (t) => {
  const fixture = await setUp(t);
  const { directory, issue, real, store } = fixture;
  const { secret } = await issue();
  await look(directory, secret);
  await directory.poll();
  const emptied = await setUp(t);
  t.equal((await real.changesSince('0')).changed?.length, 1);
  store.changesSince = (cursor) => emptied.real.changesSince(cursor);
  await directory.poll();
  t.equal(directory.peek(secret), undefined);
});

t.test('one poll at a time: a slow store is not asked again before it answers', async (t) => {
  const { directory, store } = await setUp(t);
  store.holding = true;
  const slow = directory.poll();
  const again = directory.poll();
  store.letThrough('changes');
  // A question of its own would not have been let through.
  await Promise.all([slow, again]);
  t.equal(directory.stats.storeUp, true);
});

t.test("a damaged record is that key's trouble alone; a damaged file is an outage", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'));
  const path = join(folder, 'keys.db');
  const clock = new ManualClock();
  const store = await openSqliteStore({ path, timeoutMs: 10_000, clock });
  const outside = new DatabaseSync(path, { timeout: 10_000 });
  t.teardown(async () => {
    outside.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const directory = new KeyDirectory(store.keys, HASHER, (record) => loadKey(record, CATALOGUE), clock, OPTIONS);
  await directory.poll();
  const [good, bad] = [issuedKey(), issuedKey()];
  for (const { record } of [good, bad]) await store.keys.create(record);
  await directory.poll();
  outside.prepare('UPDATE keys SET record = ? WHERE id = ?').run('{}', bad.record.id);
  await t.rejects(look(directory, bad.secret), { code: 'STORE_CORRUPT' });
  t.match(directory.stats, { storeUp: true, storeErrors: 1 });
  t.match(await look(directory, good.secret), { key: { record: good.record } });
  store.keys.changesSince = () => {
    throw new StoreError('STORE_CORRUPT', 'the file is damaged');
  };
  for (let i = 0; i < 8; i++) {
    clock.advance(250);
    await directory.poll();
  }
  t.match(await look(directory, good.secret), { key: { record: good.record } }, 'from memory');
});
