import t from 'tap';
import { createSecretHasher } from '../../src/keys/hasher.ts';
import { loadKey } from '../../src/keys/loader.ts';
import { newSecret } from '../../src/keys/secret.ts';
import { CATALOGUE, HASHER, LIMITS } from '../support/keys.ts';
import { changed, look, setUp } from './fixture.ts';

t.test('a key is read once and then found in memory', async (t) => {
  const { directory, issue, store } = await setUp(t);
  const { record, secret } = await issue();
  t.equal(directory.peek(secret), undefined);
  t.match(await directory.find(secret), { key: { record }, previousSecret: false });
  t.match(directory.peek(secret), { key: { record } });
  t.match(directory.peek(secret), { key: { record } });
  t.equal(store.finds, 1);
  t.match(directory.stats, { hits: 2, misses: 1, entries: 1, storeErrors: 0, storeUp: true });
});

t.test('what cannot be a secret is refused without asking the store', async (t) => {
  const { directory, issue, store } = await setUp(t);
  const { secret } = await issue();
  const almost = secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A');
  for (const text of ['', 'x', almost, `${secret}x`]) t.equal(directory.peek(text), null, text);
  t.equal(store.finds, 0);
});

t.test('a secret of another form is looked for once there are imported ones', async (t) => {
  const { directory, issue, store } = await setUp(t);
  const { secret } = await issue();
  const legacy = 'legacy-key-of-a-caller-2019';
  t.equal(directory.peek(legacy), null);
  const digest = { digest: HASHER.digest(legacy), hint: '…2019' };
  const { record } = await issue({ imported: true, secret: digest });
  t.equal(directory.peek(legacy), undefined);
  t.match(await directory.find(legacy), { key: { record } });
  const almost = secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A');
  t.equal(directory.peek(almost), null, 'our own form with a wrong checksum is still no secret');
  t.equal(store.finds, 1);
});

t.test('a change that was made while the store was being asked is known after a refresh', async (t) => {
  const { directory, issue, real, store } = await setUp(t);
  const { record, secret } = await issue();
  await directory.find(secret);
  store.holding = true;
  const polling = directory.poll();
  await real.replace(changed(record, { status: 'revoked' }));
  const refreshed = directory.refresh();
  store.holding = false;
  store.letThrough('changes');
  await polling;
  t.ok(directory.peek(secret), 'what was answered before the change does not tell of it');
  await refreshed;
  t.equal(directory.peek(secret), undefined);
  t.match(await directory.find(secret), { key: { record: { status: 'revoked' } } });
});

t.test('an unknown secret is remembered for a while, and forgotten', async (t) => {
  const { clock, directory, store } = await setUp(t, { unknownTtlMs: 800 });
  const secret = newSecret('lk');
  t.equal(directory.peek(secret), undefined);
  t.equal(await directory.find(secret), null);
  t.equal(directory.peek(secret), null);
  clock.advance(799);
  t.equal(directory.peek(secret), null);
  clock.advance(1);
  t.equal(directory.peek(secret), undefined);
  t.equal(store.finds, 1);
});

t.test('a key that is made after it was asked for is found with the next poll', async (t) => {
  const { directory, real } = await setUp(t, { unknownTtlMs: 3_600_000 });
  const other = await setUp(t);
  const { record, secret } = await other.issue();
  t.equal(await look(directory, secret), null);
  await real.create(record);
  await directory.poll();
  t.match(await look(directory, secret), { key: { record } });
});

t.test('a change is seen with the next poll', async (t) => {
  const { directory, issue, real, store } = await setUp(t);
  const { record, secret } = await issue();
  const untouched = await issue();
  await look(directory, secret);
  await look(directory, untouched.secret);
  const revoked = changed(record, { status: 'revoked', revokedAt: 1 });
  await real.replace(revoked);
  t.match(await look(directory, secret), { key: { record: { status: 'active' } } }, 'not yet');
  await directory.poll();
  t.match(await look(directory, secret), { key: { record: { status: 'revoked' } } });
  t.match(await look(directory, untouched.secret), { key: { record: untouched.record } });
  t.equal(store.finds, 3, 'only what changed is read again');
});

t.test('a change is seen whichever secret of the key is cached', async (t) => {
  const { clock, directory, issue, real } = await setUp(t);
  const { record: first, secret: old } = await issue();
  const { record: donor, secret: recent } = await issue();
  await real.replace(changed(donor, { secret: { digest: 'sha256:elsewhere', hint: '' } }));
  const rotated = changed(first, {
    secret: donor.secret,
    previous: { ...first.secret, expiresAt: clock.now() + 1_000 },
  });
  await real.replace(rotated);
  await directory.poll();
  t.match(await look(directory, old), { previousSecret: true, key: { record: rotated } });
  t.match(await look(directory, recent), { previousSecret: false, key: { record: rotated } });
  await real.replace(changed(rotated, { status: 'disabled' }));
  await directory.poll();
  for (const secret of [old, recent]) {
    t.match(await look(directory, secret), { key: { record: { status: 'disabled' } } });
  }
  const again = changed(changed(rotated, {}), { previous: null });
  await real.replace(again);
  await directory.poll();
  t.equal(await look(directory, old), null, 'the replaced secret opens nothing');
  t.match(await look(directory, recent), { key: { record: again } });
});

t.test('an answer that was under way when the key changed is not kept', async (t) => {
  const { directory, issue, real, store } = await setUp(t);
  const { record, secret } = await issue();
  store.holding = true;
  const early = directory.find(secret);
  await real.replace(changed(record, { status: 'revoked', revokedAt: 1 }));
  store.holding = false;
  await directory.poll();
  store.letThrough('find');
  t.match(await early, { key: { record: { status: 'revoked' } } }, 'what was learnt since holds');
  t.equal(directory.stats.olderRecords, 0, 'and the store has not gone back: it was asked before');
  t.equal(directory.peek(secret), undefined, 'what the store said is not remembered');
  t.match(await look(directory, secret), { key: { record: { status: 'revoked' } } });
});

t.test('"unknown" that was under way when the key was made is not kept', async (t) => {
  const { directory, real, store } = await setUp(t);
  const other = await setUp(t);
  const { record, secret } = await other.issue();
  store.holding = true;
  const early = directory.find(secret);
  await real.create(record);
  store.holding = false;
  await directory.poll();
  store.letThrough('find');
  t.equal(await early, null);
  t.match(await look(directory, secret), { key: { record } });
});

t.test('without a poll for a second every key is read again before it is used', async (t) => {
  const { clock, directory, issue, real, store } = await setUp(t);
  const { record, secret } = await issue();
  await look(directory, secret);
  clock.advance(900);
  t.ok(directory.peek(secret));
  clock.advance(1);
  t.equal(directory.peek(secret), undefined);
  await real.replace(changed(record, { status: 'disabled' }));
  t.match(await look(directory, secret), { key: { record: { status: 'disabled' } } });
  t.equal(directory.peek(secret), undefined, 'still not confirmed');
  await directory.poll();
  await look(directory, secret);
  t.ok(directory.peek(secret));
  t.equal(store.finds, 3);
});

t.test('a key is read again after its time, changed or not', async (t) => {
  const { clock, directory, issue } = await setUp(t, { ttlMs: 5_000 });
  const { secret } = await issue();
  await look(directory, secret);
  clock.advance(4_999);
  await directory.poll();
  t.ok(directory.peek(secret));
  clock.advance(1);
  t.equal(directory.peek(secret), undefined);
});

t.test('a key that may not be kept at all is read for each request, also within a millisecond', async (t) => {
  const { clock, directory, issue } = await setUp(t, { ttlMs: 0 });
  clock.advance(0.25);
  const { secret } = await issue();
  for (const ms of [0, 0.15, 0.4, 0.2]) {
    t.ok(await look(directory, secret));
    t.equal(directory.peek(secret), undefined);
    clock.advance(ms);
    t.equal(directory.peek(secret), undefined, `${ms} ms later`);
  }
});

t.test('a key that is read again keeps what was last seen of it', async (t) => {
  const { clock, directory, issue, real } = await setUp(t, { ttlMs: 5_000 });
  const { record, secret } = await issue();
  t.equal(directory.lastAddress(secret), null);
  const found = await look(directory, secret);
  t.equal(directory.lastAddress(secret), null, 'known, but nobody was let in with it');
  const lease = {
    granted: 1,
    refusedBy: null,
    retryAfterMs: 0,
    hourRemaining: 9,
    dayRemaining: 9,
    burstRemaining: 9,
    burstFullInMs: 0,
    now: 0,
  };
  Object.assign(found?.key.recent ?? {}, { address: '203.0.113.7', lease });
  clock.advance(5_000);
  await directory.poll();
  t.equal(directory.peek(secret), undefined);
  t.equal(directory.lastAddress(secret), '203.0.113.7', 'also while it must be read again');
  t.match((await look(directory, secret))?.key.recent, { address: '203.0.113.7', lease });
  await real.replace(changed(record, { limits: { perHour: 5 } }));
  await directory.poll();
  t.equal(directory.lastAddress(secret), '203.0.113.7');
  const other = await look(directory, secret);
  t.match(other?.key.limits, { perHour: 5 });
  t.match(other?.key.recent, { address: '203.0.113.7', lease: null }, 'figures under other limits say nothing');
});

t.test('a reload parses every key again, without reading it', async (t) => {
  const { directory, issue, store } = await setUp(t);
  const { secret } = await issue({ preset: 'read_only' });
  t.match((await look(directory, secret))?.key, { limits: LIMITS, permissionsHeader: 'devices:read domains:read' });
  const tiers = { personal: { perHour: 1, perDay: 2, burst: 3 } };
  directory.reload((record) => loadKey(record, { ...CATALOGUE, tiers, presets: { read_only: ['reports:read'] } }));
  store.down = true;
  t.match(directory.peek(secret)?.key, { limits: tiers.personal, permissionsHeader: 'reports:read' });
  t.equal(directory.peek(secret)?.key, directory.peek(secret)?.key, 'parsed once');
});

t.test('memory is bounded: the key used longest ago is forgotten', async (t) => {
  const { directory, issue } = await setUp(t, { maxKeys: 2, maxUnknown: 2 });
  const [one, two, three] = [await issue(), await issue(), await issue()];
  await look(directory, one.secret);
  await look(directory, two.secret);
  await look(directory, one.secret);
  await look(directory, three.secret);
  t.equal(directory.stats.entries, 2);
  t.equal(directory.peek(two.secret), undefined);
  t.ok(directory.peek(one.secret));
  const unknown = [newSecret('lk'), newSecret('lk'), newSecret('lk')];
  for (const secret of unknown) await look(directory, secret);
  t.strictSame(
    unknown.map((secret) => directory.peek(secret)),
    [undefined, null, null],
  );
});

t.test('a secret under an older pepper is found, and is not taken for a replaced one', async (t) => {
  const [old, recent] = [
    { version: 1, secret: 'old' },
    { version: 2, secret: 'new' },
  ];
  const { directory, real, store } = await setUp(t, {}, createSecretHasher([recent, old]));
  for (const hasher of [createSecretHasher([old]), createSecretHasher([])]) {
    const issued = await setUp(t, {}, hasher);
    const { record, secret } = await issued.issue();
    await real.create(record);
    t.match(await look(directory, secret), { key: { record }, previousSecret: false });
    const { finds } = store;
    t.match(directory.peek(secret), { key: { record } });
    t.equal(store.finds, finds);
  }
});

t.test('polling begins with start and ends with stop', async (t) => {
  const { directory, issue, real } = await setUp(t);
  const { record, secret } = await issue();
  await directory.start();
  t.teardown(() => directory.stop());
  await look(directory, secret);
  await real.replace(changed(record, { status: 'disabled' }));
  const deadline = AbortSignal.timeout(20_000);
  while (!deadline.aborted && directory.peek(secret) !== undefined) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.equal(directory.peek(secret), undefined);
});
