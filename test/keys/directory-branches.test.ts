/** A store whose log of changes broke off, and what is changed in it from then on: versions alone do not tell what it lost. */
import t, { type Test } from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import type { OlderRecord } from '../../src/keys/changed-keys.ts';
import type { DirectoryOptions } from '../../src/keys/directory-options.ts';
import { newSecret } from '../../src/keys/secret.ts';
import { HASHER } from '../support/keys.ts';
import { changed, look, setUp } from './fixture.ts';

async function start(t: Test, options: Partial<DirectoryOptions> = {}) {
  const older: OlderRecord[] = [];
  const fixture = await setUp(t, { onOlder: (each) => void older.push(each), ...options });
  const { directory, issue, real, store } = fixture;
  /** Another store takes the place of this one, with these keys. */
  const goBack = async (...records: readonly KeyRecord[]) => {
    const past = await setUp(t);
    for (const record of records) await past.real.create(record);
    store.findByDigest = (digest) => past.real.findByDigest(digest);
    store.get = (id) => past.real.get(id);
    store.changesSince = (cursor) => past.real.changesSince(cursor);
    await directory.poll();
    return async (record: KeyRecord): Promise<KeyRecord> => {
      await past.real.replace(record);
      await directory.poll();
      return record;
    };
  };
  const status = async (secret: string) => (await look(directory, secret))?.key.record.status ?? null;
  const change = async (record: KeyRecord): Promise<KeyRecord> => {
    await real.replace(record);
    await directory.poll();
    return record;
  };
  return { ...fixture, issue, older, goBack, status, change };
}

const rotation = (rotatedAt: number) => ({
  secret: { digest: HASHER.digest(newSecret('lk')), hint: '' },
  previous: null,
  rotatedAt,
});

t.test('a rotation that was lost holds, however often the key is renamed there', async (t) => {
  const { change, goBack, issue, status } = await start(t);
  const { record, secret } = await issue();
  await change(changed(record, rotation(5)));
  const there = await goBack(record);
  t.equal(await status(secret), null);
  let renamed = record;
  for (const name of ['a', 'b', 'c']) {
    renamed = await there(changed(renamed, { name }));
    t.equal(await status(secret), null, `at version ${renamed.version}`);
  }
});

t.test('a disabling that was lost holds until the key is disabled there as well', async (t) => {
  const { change, goBack, issue, status } = await start(t);
  const { record, secret } = await issue();
  await change(changed(record, { status: 'disabled', disabledBy: 'root' }));
  const there = await goBack(record);
  let renamed = record;
  for (const name of ['a', 'b', 'c']) {
    renamed = await there(changed(renamed, { name }));
    t.equal(await status(secret), 'disabled', `at version ${renamed.version}`);
  }
  const disabled = await there(changed(renamed, { status: 'disabled', disabledBy: 'root' }));
  await there(changed(disabled, { status: 'active', disabledBy: null }));
  t.equal(await status(secret), 'active');
});

t.test('another change that was lost holds against one of the same version', async (t) => {
  const { change, directory, goBack, issue } = await start(t);
  const { record, secret } = await issue({ permissions: ['domains:read', 'domains:write'] });
  await change(changed(record, { permissions: ['domains:read'] }));
  const there = await goBack(record);
  await there(changed(record, { name: 'a' }));
  t.equal((await look(directory, secret))?.key.permissionsHeader, 'domains:read');
});

t.test('a key that the store has as it was seen may be enabled and renamed there, and used', async (t) => {
  const { change, goBack, issue, older, status } = await start(t);
  const { record, secret } = await issue();
  const disabled = await change(changed(record, { status: 'disabled' }));
  const there = await goBack(disabled);
  await there(changed(disabled, { status: 'active' }));
  t.equal(await status(secret), 'active', 'though nobody used it in between');
  t.strictSame(older, []);
});

t.test('to revoke, to disable and to rotate a key there is believed at whatever version', async (t) => {
  const { change, goBack, issue, status } = await start(t);
  const [revoked, rotated] = [await issue(), await issue()];
  await change(changed(revoked.record, { name: 'a' }));
  await change(changed(await change(changed(rotated.record, rotation(5))), { name: 'a' }));
  const there = await goBack(revoked.record, rotated.record);
  await there(changed(revoked.record, { status: 'revoked', revokedAt: 1 }));
  t.equal(await status(revoked.secret), 'revoked');
  const secret = newSecret('lk');
  await there(changed(rotated.record, { ...rotation(9), secret: { digest: HASHER.digest(secret), hint: '' } }));
  t.equal(await status(secret), 'active');
  t.equal(await status(rotated.secret), null);
});

for (const hasForgotten of [true, false]) {
  const name = hasForgotten ? 'is believed' : 'is refused';
  t.test(`what was restored while the log ${hasForgotten ? 'forgot' : 'lost'} too much ${name}`, async (t) => {
    const { change, goBack, issue, status } = await start(t, { hasForgotten: async () => hasForgotten });
    const { record, secret } = await issue();
    await change(changed(record, { status: 'revoked', revokedAt: 1 }));
    t.equal(await status(secret), 'revoked');
    await goBack(record);
    t.equal(await status(secret), hasForgotten ? 'active' : 'revoked');
  });
}
