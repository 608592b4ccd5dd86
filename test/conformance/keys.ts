import type { Test } from 'tap';
import type { Along } from '../../src/core/along.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import type { Store } from '../../src/core/ports.ts';
import { newClaim } from './claims.ts';
import { type Harness, newEvent, newId, newRecord, storeError } from './harness.ts';

function digest(name: string): { digest: string; hint: string } {
  return { digest: `sha256:${name}`, hint: 'lk_…wxyz' };
}

export async function checkKeys(t: Test, harness: Harness): Promise<void> {
  const store = await harness.open();
  const other = await harness.open();
  const { keys } = store;
  await checkCreate(t, store, other);
  await checkReplace(t, store, other);
  await checkDelete(t, store, other);
  await checkAlong(t, store);

  await t.test('a record that cannot be understood is an error that names the key, never a key', async (t) => {
    const whole = newRecord();
    await keys.create(whole);
    const texts = {
      'not JSON': '{"id":',
      'a field of a newer version': JSON.stringify({ ...whole, devices: ['phone'] }),
      'a field missing': JSON.stringify({ ...whole, restrictions: undefined }),
      'another status': JSON.stringify({ ...whole, status: 'paused' }),
      "another key's record": JSON.stringify({ ...whole, id: newId() }),
    };
    for (const [name, text] of Object.entries(texts)) {
      await harness.damage(whole.id, text);
      const expected = { ...storeError('STORE_CORRUPT'), message: new RegExp(whole.id) };
      await t.rejects(keys.get(whole.id), expected, name);
      await t.rejects(async () => keys.findByDigest(whole.secret.digest), expected, name);
    }
  });

  await t.test('a restriction that is not known is kept as it is', async (t) => {
    const { restrictions } = newRecord();
    const record = newRecord({ restrictions: { ...restrictions, block_vpn: true, ip_restrictions: [7] } });
    await keys.create(record);
    t.strictSame(await other.keys.get(record.id), record);
  });

  await t.test('a record that could not be read again is not stored', async (t) => {
    const record = newRecord({ limits: { perHour: 0 } });
    await t.rejects(keys.create(record), storeError('STORE_CORRUPT'));
    t.equal(await keys.get(record.id), null);
  });
}

async function checkCreate(t: Test, { keys }: Store, other: Store): Promise<void> {
  await t.test('a created key is found by its id and its digests, from everywhere', async (t) => {
    const previous = { ...digest(newId()), expiresAt: 1_800_000_000_000 };
    const record = newRecord({ previous });
    await keys.create(record);
    t.strictSame(await keys.get(record.id), record);
    t.strictSame(await keys.findByDigest(record.secret.digest), record);
    t.strictSame(await keys.findByDigest(previous.digest), record);
    t.strictSame(await other.keys.findByDigest(record.secret.digest), record, 'by another instance, at once');
  });

  await t.test('what is not there is null', async (t) => {
    t.equal(await keys.get('key_unknown'), null);
    t.equal(await keys.findByDigest('sha256:unknown'), null);
  });

  await t.test('an id is taken once; the second create writes nothing', async (t) => {
    const first = newRecord();
    await keys.create(first);
    const second = newRecord({ id: first.id, name: 'second', secret: digest(newId()) });
    await t.rejects(keys.create(second), storeError('STORE_CONFLICT'));
    t.strictSame(await keys.get(first.id), first);
    t.equal(await keys.findByDigest(second.secret.digest), null);
    await t.resolves(keys.create(newRecord({ secret: second.secret })), 'its digest is still free');
  });

  await t.test('a digest is taken once, as current or as previous; the second create writes nothing', async (t) => {
    const replaced = digest(newId());
    const first = newRecord({ previous: { ...replaced, expiresAt: 1 } });
    await keys.create(first);
    const owner = newId();
    const free = digest(newId());
    for (const taken of [first.secret, replaced]) {
      const asCurrent = newRecord({ owner, secret: taken, previous: { ...free, expiresAt: 1 } });
      const asPrevious = newRecord({ owner, secret: free, previous: { ...taken, expiresAt: 1 } });
      for (const clash of [asCurrent, asPrevious]) {
        await t.rejects(keys.create(clash), storeError('STORE_CONFLICT'));
        t.equal(await keys.get(clash.id), null);
      }
      t.strictSame(await keys.findByDigest(taken.digest), first);
    }
    t.equal(await keys.findByDigest(free.digest), null);
    t.strictSame((await keys.list({ limit: 10, owner })).keys, []);
  });

  await t.test('of creates at the same time with one digest, one wins', async (t) => {
    const secret = digest(newId());
    const rivals = Array.from({ length: 8 }, () => newRecord({ secret }));
    const outcomes = await Promise.allSettled(
      rivals.map((record, i) => (i % 2 === 0 ? keys : other.keys).create(record)),
    );
    t.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 1);
    const winner = rivals[outcomes.findIndex((outcome) => outcome.status === 'fulfilled')];
    t.strictSame(await keys.findByDigest(secret.digest), winner);
    const stored = await Promise.all(rivals.map((record) => keys.get(record.id)));
    t.equal(stored.filter((record) => record !== null).length, 1);
  });
}

async function checkReplace(t: Test, { keys }: Store, other: Store): Promise<void> {
  const create = async (change: Partial<KeyRecord> = {}): Promise<KeyRecord> => {
    const record = newRecord(change);
    await keys.create(record);
    return record;
  };

  await t.test('a replaced key is the new one, for everyone', async (t) => {
    const first = await create();
    const second: KeyRecord = { ...first, status: 'disabled', limits: {}, preset: null, version: 2 };
    await keys.replace(second);
    t.strictSame(await keys.get(first.id), second);
    t.strictSame(await other.keys.findByDigest(first.secret.digest), second);
  });

  await t.test('only the version that was seen is replaced', async (t) => {
    const first = await create();
    for (const version of [1, 3, 4]) {
      await t.rejects(keys.replace({ ...first, name: 'x', version }), storeError('STORE_CONFLICT'), `to ${version}`);
    }
    await t.rejects(keys.replace(newRecord({ version: 2 })), storeError('STORE_CONFLICT'), 'a key that is not there');
    t.strictSame(await keys.get(first.id), first);
  });

  await t.test('a rotation keeps the old digest until the record drops it', async (t) => {
    const first = await create();
    const rotated: KeyRecord = {
      ...first,
      secret: digest(newId()),
      previous: { ...first.secret, expiresAt: 1_800_000_000_000 },
      version: 2,
    };
    await keys.replace(rotated);
    t.strictSame(await keys.findByDigest(first.secret.digest), rotated);
    t.strictSame(await keys.findByDigest(rotated.secret.digest), rotated);
    await keys.replace({ ...rotated, previous: null, version: 3 });
    t.equal(await keys.findByDigest(first.secret.digest), null);
    t.match(await keys.findByDigest(rotated.secret.digest), { version: 3 });
    await t.resolves(keys.create(newRecord({ secret: first.secret })), 'the dropped digest is free again');
  });

  await t.test('a replacement whose digest is taken changes nothing', async (t) => {
    const mine = await create();
    const theirs = await create();
    const free = digest(newId());
    const clash: KeyRecord = { ...mine, secret: free, previous: { ...theirs.secret, expiresAt: 1 }, version: 2 };
    await t.rejects(keys.replace(clash), storeError('STORE_CONFLICT'));
    t.strictSame(await keys.get(mine.id), mine);
    t.strictSame(await keys.findByDigest(mine.secret.digest), mine);
    t.strictSame(await keys.findByDigest(theirs.secret.digest), theirs);
    t.equal(await keys.findByDigest(free.digest), null);
  });

  await t.test('of replacements at the same time, one wins', async (t) => {
    const first = await create();
    const rivals = Array.from({ length: 8 }, (_, i): KeyRecord => ({ ...first, name: `rival ${i}`, version: 2 }));
    const outcomes = await Promise.allSettled(
      rivals.map((record, i) => (i % 2 === 0 ? keys : other.keys).replace(record)),
    );
    t.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 1);
    const winner = rivals[outcomes.findIndex((outcome) => outcome.status === 'fulfilled')];
    t.strictSame(await keys.get(first.id), winner);
  });
}

async function checkDelete(t: Test, { keys }: Store, other: Store): Promise<void> {
  await t.test('a deleted key is gone for everyone, and its digests are free', async (t) => {
    const previous = { ...digest(newId()), expiresAt: 1_800_000_000_000 };
    const record = newRecord({ owner: newId(), previous });
    await keys.create(record);
    await other.keys.delete(record.id, 1);
    t.equal(await keys.get(record.id), null);
    t.equal(await keys.findByDigest(record.secret.digest), null);
    t.equal(await keys.findByDigest(previous.digest), null);
    const { owner } = record;
    for (const query of [{ owner }, { owner, sort: 'name' }, { owner, status: 'active' }] as const) {
      t.match(await keys.list({ limit: 10, ...query }), { keys: [], total: 0 });
    }
    const all = (await keys.list({ limit: 1_000 })).keys;
    t.notOk(all.some((key) => key.id === record.id));
    await t.rejects(keys.delete(record.id, 1), storeError('STORE_CONFLICT'), 'only once');
    await t.rejects(keys.replace({ ...record, version: 2 }), storeError('STORE_CONFLICT'), 'nor replaced after');
    await t.resolves(keys.create(newRecord({ secret: record.secret, previous })));
    await t.resolves(keys.create({ ...record, secret: digest(newId()), previous: null }), 'even its id');
  });

  await t.test('only the version that was seen is deleted', async (t) => {
    const record = newRecord();
    await keys.create(record);
    await keys.replace({ ...record, version: 2 });
    for (const version of [0, 1, 3]) await t.rejects(keys.delete(record.id, version), storeError('STORE_CONFLICT'));
    t.match(await keys.findByDigest(record.secret.digest), { version: 2 });
    await keys.delete(record.id, 2);
    t.equal(await keys.get(record.id), null);
  });
}

async function checkAlong(t: Test, { keys, audit }: Store): Promise<void> {
  /** What the log says of a change after it was tried. */
  const toldOf = async (change: (along: Along) => Promise<void>, isRefused: boolean): Promise<string[]> => {
    const [event, claim] = [newEvent(), newClaim()];
    const { seq } = await audit.head();
    if (isRefused) await t.rejects(change({ event, claim }), storeError('STORE_CONFLICT'));
    else await change({ event, claim });
    t.strictSame(await keys.findClaim(claim.id, 0), isRefused ? null : claim);
    const told = await audit.walk(seq, 10);
    return told.map((entry) => (entry.json === JSON.stringify(event) ? 'it' : entry.json));
  };

  await t.test('a change and what comes along are all there or none', async (t) => {
    const record = newRecord();
    const { id } = record;
    t.strictSame(await toldOf((along) => keys.create(record, along), false), ['it']);
    t.strictSame(await toldOf((along) => keys.create(record, along), true), []);
    const clash = newRecord({ secret: record.secret });
    t.strictSame(await toldOf((along) => keys.create(clash, along), true), []);
    t.strictSame(await toldOf((along) => keys.replace({ ...record, version: 2 }, along), false), ['it']);
    t.strictSame(await toldOf((along) => keys.replace({ ...record, version: 2 }, along), true), []);
    t.strictSame(await toldOf((along) => keys.delete(id, 1, along), true), []);
    t.strictSame(await toldOf((along) => keys.delete(id, 2, along), false), ['it']);
    t.strictSame(await toldOf((along) => keys.delete(id, 2, along), true), []);
  });

  await t.test('what cannot be stored leaves nothing behind either', async (t) => {
    const record = newRecord({ limits: { perHour: 0 } });
    const event = newEvent();
    const head = await audit.head();
    await t.rejects(keys.create(record, { event }), storeError('STORE_CORRUPT'));
    t.strictSame(await audit.head(), head);
  });
}
