/** A store that has lost changes which the directory had seen, as after a failover to a replica that never had them. */
import t, { type Test } from 'tap';
import type { KeyRecord, KeyStatus } from '../../src/core/key.ts';
import type { OlderRecord } from '../../src/keys/changed-keys.ts';
import type { DirectoryOptions } from '../../src/keys/directory-options.ts';
import { newSecret } from '../../src/keys/secret.ts';
import { CHANGE_HOLDS_MS } from '../../src/keys/seen-keys.ts';
import { HASHER, keyRecord } from '../support/keys.ts';
import { changed, type DirectoryFixture, look, setUp } from './fixture.ts';

interface Past extends DirectoryFixture {
  /** What the store was found to have gone back by. */
  readonly older: OlderRecord[];
  /** Puts another store in the place of this one, with a log of its own and these keys. */
  goBack(...records: readonly KeyRecord[]): Promise<DirectoryFixture>;
}

async function start(t: Test, options: Partial<DirectoryOptions> = {}): Promise<Past> {
  const older: OlderRecord[] = [];
  const fixture = await setUp(t, { onOlder: (each) => void older.push(each), ...options });
  const goBack = async (...records: readonly KeyRecord[]): Promise<DirectoryFixture> => {
    const past = await setUp(t);
    for (const record of records) await past.real.create(record);
    const { store } = fixture;
    store.findByDigest = (digest) => past.real.findByDigest(digest);
    store.get = (id) => past.real.get(id);
    store.changesSince = (cursor) => past.real.changesSince(cursor);
    await fixture.directory.poll();
    return past;
  };
  return { ...fixture, older, goBack };
}

/** What a secret opens now, read from the store. */
async function status(t: Test, { directory }: DirectoryFixture, secret: string): Promise<KeyStatus | null> {
  t.not(directory.peek(secret)?.key.record.status, 'active');
  return (await look(directory, secret))?.key.record.status ?? null;
}

for (const isUsed of [true, false]) {
  t.test(`a key that was ${isUsed ? '' : 'never '}used here stays revoked`, async (t) => {
    const past = await start(t);
    const { directory, issue, older, real } = past;
    const { record, secret } = await issue();
    if (isUsed) await look(directory, secret);
    await real.replace(changed(record, { status: 'revoked', revokedAt: 1 }));
    await directory.poll();
    await past.goBack(record);
    t.equal(await status(t, past, secret), 'revoked');
    t.strictSame(older, [{ id: record.id, seen: 2, found: 1 }]);
    t.match(directory.peek(secret), { key: { record: { status: 'revoked' } } }, 'and is so in memory');
    t.match(directory.stats, { olderRecords: 1, storeUp: true });
  });
}

t.test('so does one that was only found to be revoked', async (t) => {
  const past = await start(t);
  // It comes after more changes than are read in a second.
  for (let i = 0; i < 100; i++) await past.real.create(keyRecord());
  const { record, secret } = await past.issue({ status: 'revoked', revokedAt: 1, version: 2 });
  t.equal(await status(t, past, secret), 'revoked');
  await past.goBack({ ...record, status: 'active', revokedAt: null, version: 1 });
  t.equal(await status(t, past, secret), 'revoked');
});

t.test('a key that was deleted opens nothing', async (t) => {
  const past = await start(t);
  const { directory, issue, older, real } = past;
  const { record, secret } = await issue();
  await look(directory, secret);
  await real.delete(record.id, 1);
  await directory.poll();
  await past.goBack(record);
  t.equal(await status(t, past, secret), null);
  t.strictSame(older, [{ id: record.id, seen: null, found: 1 }]);
});

t.test('a secret that was rotated out opens nothing', async (t) => {
  const past = await start(t);
  const { directory, issue, real } = past;
  const { record, secret: old } = await issue();
  const secret = newSecret('lk');
  const graced = await issue();
  await look(directory, old);
  await real.replace(changed(record, { secret: { digest: HASHER.digest(secret), hint: '' } }));
  const previous = { ...graced.record.secret, expiresAt: 5 };
  const rotated = changed(graced.record, { secret: { digest: HASHER.digest(newSecret('lk')), hint: '' }, previous });
  await real.replace(rotated);
  await directory.poll();
  await past.goBack(record, graced.record);
  t.equal(await look(directory, old), null);
  t.match(await look(directory, graced.secret), { previousSecret: true, key: { record: rotated } }, 'with its grace');
});

t.test('whatever else was changed holds too, and the key works on', async (t) => {
  const past = await start(t);
  const { directory, issue, real } = past;
  const { record, secret } = await issue({ permissions: ['domains:read', 'domains:write'] });
  await look(directory, secret);
  await real.replace(changed(record, { permissions: ['domains:read'] }));
  await directory.poll();
  await past.goBack(record);
  t.match(await look(directory, secret), { key: { permissionsHeader: 'domains:read' } });
});

t.test('a key that nothing was lost of is taken as it is, and newer changes are', async (t) => {
  const past = await start(t);
  const { directory, issue, older, real } = past;
  const [same, later] = [await issue(), await issue()];
  const disabled = changed(later.record, { status: 'disabled' });
  await real.replace(disabled);
  await directory.poll();
  const other = await past.goBack(same.record, disabled);
  t.equal((await look(directory, same.secret))?.key.record.status, 'active');
  t.equal(await status(t, past, later.secret), 'disabled');
  await other.real.replace(changed(disabled, { status: 'active' }));
  await directory.poll();
  t.equal((await look(directory, later.secret))?.key.record.status, 'active');
  t.strictSame(older, []);
});

t.test('a revoked key stays so when others go on to change what the store has of it', async (t) => {
  const past = await start(t);
  const { directory, issue, real } = past;
  const [revoked, deleted] = [await issue(), await issue()];
  await real.replace(changed(revoked.record, { status: 'revoked', revokedAt: 1 }));
  await real.delete(deleted.record.id, 1);
  await directory.poll();
  const other = await past.goBack(revoked.record, deleted.record);
  for (const { record, secret } of [revoked, deleted]) {
    const renamed = changed(changed(record, { name: 'x' }), {});
    await other.real.replace({ ...renamed, version: 2 });
    await other.real.replace(renamed);
    await directory.poll();
    t.not(await status(t, past, secret), 'active');
  }
  await other.real.replace({ ...revoked.record, status: 'revoked', version: 4 });
  await directory.poll();
  t.match(await look(directory, revoked.secret), { key: { record: { version: 4 } } });
});

t.test('a key that was restored after its deletion works, whatever its version', async (t) => {
  const past = await start(t);
  const { directory, issue, older, real } = past;
  for (const version of [1, 2]) {
    const { record, secret } = await issue({ version });
    const revoked = changed(changed(record, {}), { status: 'revoked', revokedAt: 1 });
    await real.replace({ ...revoked, version: version + 1 });
    await directory.poll();
    await real.delete(record.id, version + 1);
    await directory.poll();
    t.equal(await look(directory, secret), null);
    await real.create(record);
    await directory.poll();
    t.match(await look(directory, secret), { key: { record } });
  }
  t.strictSame(older, []);
});

t.test('what was restored long after is believed', async (t) => {
  const past = await start(t);
  const { clock, directory, issue, real } = past;
  const { record, secret } = await issue();
  await real.replace(changed(record, { status: 'revoked', revokedAt: 1 }));
  await directory.poll();
  await past.goBack(record);
  clock.advance(CHANGE_HOLDS_MS - 1);
  await directory.poll();
  t.equal(await status(t, past, secret), 'revoked');
  clock.advance(60_000);
  await directory.poll();
  t.match(await look(directory, secret), { key: { record } });
});

t.test('a change counts as applied when it is known what it was', async (t) => {
  const applied: string[] = [];
  const past = await start(t, { onApplied: (cursor) => void applied.push(cursor) });
  const { directory, issue, real, store } = past;
  const { record, secret } = await issue();
  await look(directory, secret);
  const { length } = applied;
  await real.replace(changed(record, { status: 'revoked', revokedAt: 1 }));
  const { get } = store;
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  store.get = async (id) => {
    asked.resolve();
    await held.promise;
    return get.call(store, id);
  };
  const polling = directory.poll();
  await asked.promise;
  t.equal(directory.peek(secret), undefined, 'what was before it is not used meanwhile');
  t.equal(applied.length, length);
  held.resolve();
  await polling;
  t.equal(applied.length, length + 1);
});

t.test('a damaged record holds up no change', async (t) => {
  const past = await start(t);
  const { damage, directory, issue, real } = past;
  const [bad, good] = [await issue(), await issue()];
  await real.replace(changed(bad.record, {}));
  damage(bad.record.id, '{}');
  await real.replace(changed(good.record, { status: 'disabled' }));
  await directory.poll();
  t.match(directory.stats, { storeUp: true, storeErrors: 0 });
  t.equal(await status(t, past, good.secret), 'disabled');
});

t.test('a flood of changes of keys that are not in memory is not read', async (t) => {
  const { clock, directory, real, store } = await start(t);
  let reads = 0;
  const { get } = store;
  store.get = (id) => {
    reads++;
    return get.call(store, id);
  };
  const change = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await real.create(keyRecord());
    await directory.poll();
  };
  await change(150);
  t.equal(reads, 100);
  clock.advance(1_000);
  await change(50);
  t.equal(reads, 150);
});
