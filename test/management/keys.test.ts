import t from 'tap';
import type { PermissionsInput } from '../../src/management/schemas/key.ts';
import { NOON } from '../support/clock.ts';
import { DAY, keyRecord } from '../support/keys.ts';
import { administer } from '../support/management.ts';

const invalid = { name: 'KeyError', code: 'KEY_INVALID' };

/** The faults that something is refused with: where, and what. */
async function faultsOf(refused: Promise<unknown>): Promise<string[]> {
  const error = (await refused.then(
    () => ({ faults: [] }),
    (reason: unknown) => reason,
  )) as { faults: readonly { field: string; pointer?: string; message: string }[] };
  return error.faults.map(({ field, pointer, message }) => `${pointer ?? field}: ${message}`);
}

t.test('permissions are written in three forms, and answered as one sorted list', async (t) => {
  const { admin } = await administer(t);
  const forms: [PermissionsInput, string[]][] = [
    [{ incidents: ['read', 'write'], domains: ['read'] }, ['domains:read', 'incidents:read', 'incidents:write']],
    [{ domains: { read: true, write: false }, devices: { read: true } }, ['devices:read', 'domains:read']],
    [
      ['reports:read', 'domains:*', 'reports:read'],
      ['domains:*', 'reports:read'],
    ],
    [{ domains: ['*'] }, ['domains:*']],
    [['*'], ['*']],
    [{}, []],
    [[], []],
  ];
  for (const [permissions, expected] of forms) {
    const { id, permissions: answered } = await admin.createKey({ name: 'x', permissions });
    t.strictSame(answered, expected);
    t.strictSame((await admin.getKey(id)).permissions, expected);
  }
  const preset = await admin.createKey({ name: 'x', preset: 'read_only', permissions: ['reports:read'] });
  t.match(preset, {
    permissions: ['devices:read', 'domains:read', 'reports:read'],
    granted_permissions: ['reports:read'],
  });
});

t.test('a permission that is wrong is named where it stands', async (t) => {
  const { admin } = await administer(t);
  const refused = (permissions: PermissionsInput): Promise<string[]> =>
    faultsOf(admin.createKey({ name: 'x', permissions }));
  t.match(await refused(['domains:read', 'domains:fly']), [/^\/permissions\/1: "domains:fly" is not known/]);
  t.match(await refused({ domains: ['read', 'wirte'] }), [
    /^\/permissions\/domains\/1: .*did you mean "domains:write"/,
  ]);
  t.match(await refused({ domains: { fly: false } }), [/^\/permissions\/domains\/fly: /], 'also what is not granted');
  t.match(await refused({ 'a/b': ['read'] }), [/^\/permissions\/a~1b\/0: /]);
  t.strictSame((await admin.listKeys({})).keys, []);
});

t.test('only what is sent changes', async (t) => {
  const { admin } = await administer(t);
  const made = await admin.createKey({
    name: 'x',
    permissions: ['domains:read'],
    ip_restrictions: ['192.168.1.0/24'],
    time_restrictions: { timezone: 'Europe/Amsterdam', allowed_hours: ['09:00-17:00'], allowed_days: ['Monday'] },
    metadata: { team: 'web' },
  });
  const { secret: _, warnings: __, ...before } = made;
  const changed = await admin.updateKey(made.id, { block_tor: true, country_restrictions: ['NL'] });
  t.match(changed, { ...before, block_tor: true, country_restrictions: ['NL'], version: 2 });
  t.strictSame(changed.time_restrictions?.allowed_days, ['monday']);
  t.equal(changed.warnings.length, 2, 'nothing is known of countries and Tor here, and the answer says so');
  t.match(await admin.updateKey(made.id, { time_restrictions: null }), { time_restrictions: null, block_tor: true });
});

t.test('a key lives no longer than its type allows', async (t) => {
  const { admin } = await administer(
    t,
    'key_types: { personal: { tier: personal, default_expiry: 30d, max_expiry: 90d } }\n',
  );
  const at = (days: number): string => new Date(NOON + days * DAY).toISOString();
  t.match(await admin.createKey({ name: 'x' }), { expires_at: at(30) });
  const { id } = await admin.createKey({ name: 'x', expires_at: at(90) });
  for (const expires_at of [at(91), null]) {
    t.match(await faultsOf(admin.createKey({ name: 'x', expires_at })), [/^expires_at: .*at most 90d/]);
    t.match(await faultsOf(admin.updateKey(id, { expires_at })), [/^expires_at: .*at most 90d/]);
  }
  t.match(await faultsOf(admin.createKey({ name: 'x', expires_at: at(-1) })), [/^expires_at: .*has passed/]);
});

t.test('a change that was meant for another version is refused', async (t) => {
  const { admin } = await administer(t);
  const { id } = await admin.createKey({ name: 'x' });
  await admin.updateKey(id, { name: 'y' }, { ifMatch: [1] });
  const stale = { code: 'KEY_STALE' };
  for (const ifMatch of [[1], [3, 7], []]) {
    await t.rejects(admin.updateKey(id, { name: 'z' }, { ifMatch }), stale);
    await t.rejects(admin.rotateKey(id, {}, { ifMatch }), stale);
    await t.rejects(admin.disableKey(id, { ifMatch }), stale);
    await t.rejects(admin.revokeKey(id, { ifMatch }), stale);
    await t.rejects(admin.deleteKey(id, { ifMatch }), stale);
  }
  t.match(await admin.getKey(id), { name: 'y', status: 'active', version: 2 });
  t.match(await admin.disableKey(id, { ifMatch: [9, 2] }), { status: 'disabled' });
});

t.test('a deleted key is gone, and its secret opens nothing', async (t) => {
  const { admin, store } = await administer(t);
  const { id } = await admin.createKey({ name: 'x' });
  const { secret } = await store.keys.get(id).then((record) => record ?? (t.fail('it was stored') as never));
  await admin.deleteKey(id);
  await t.rejects(admin.getKey(id), { code: 'KEY_NOT_FOUND' });
  t.equal(await store.keys.findByDigest(secret.digest), null);
  await t.rejects(admin.deleteKey(id), { code: 'KEY_NOT_FOUND' });
});

t.test('a request that is repeated with its Idempotency-Key makes one key, and shows its secret again', async (t) => {
  const { admin, as, clock, store } = await administer(t);
  const body = { name: 'x', permissions: ['domains:read'] };
  const first = await admin.createKey(body, { idempotencyKey: 'abc' });
  t.strictSame(await admin.createKey(body, { idempotencyKey: 'abc' }), first);
  await t.rejects(admin.createKey({ ...body, name: 'y' }, { idempotencyKey: 'abc' }), { code: 'idempotency_mismatch' });
  const other = await as('someone else', 'admin:write').createKey(body, { idempotencyKey: 'abc' });
  t.not(other.id, first.id, 'callers do not share them');
  const both = await Promise.all([1, 2, 3].map(() => admin.createKey(body, { idempotencyKey: 'at once' })));
  t.equal(new Set(both.map(({ id }) => id)).size, 1);
  t.equal((await admin.listKeys({})).pagination.total, 3);
  clock.advance(DAY);
  t.not((await admin.createKey(body, { idempotencyKey: 'abc' })).id, first.id, 'a day later it is another request');
  t.equal(await store.keys.findClaim('abc', clock.now()), null, 'the store does not know what callers send');
});

t.test('a secret is seen again only where that was switched on, and each look is in the audit log', async (t) => {
  const { admin } = await administer(t);
  const { id } = await admin.createKey({ name: 'x' });
  await t.rejects(admin.keySecret(id), { code: 'KEY_STATE', message: /keys\.recoverable/ });

  const kept = await administer(t, `keys: { recoverable: { secret: ${'ab'.repeat(32)} } }\n`);
  const made = await kept.admin.createKey({ name: 'x' });
  t.match(made, { recoverable: true });
  t.strictSame(await kept.admin.keySecret(made.id), { id: made.id, secret: made.secret });
  const { new_secret } = await kept.admin.rotateKey(made.id, {});
  t.strictSame(await kept.admin.keySecret(made.id), { id: made.id, secret: new_secret });
  const record = JSON.stringify(await kept.store.keys.get(made.id));
  for (const secret of [made.secret, new_secret]) t.notOk(record.includes(secret.slice(3, 40)));
  const { entries } = await kept.admin.auditLogs({ action: 'key.secret_read' });
  t.match(entries, [
    { actor: 'root', target: made.id },
    { actor: 'root', target: made.id },
  ]);
  await kept.admin.revokeKey(made.id);
  await t.rejects(kept.admin.keySecret(made.id), { code: 'KEY_STATE' });
});

t.test('many keys are revoked or disabled at once', async (t) => {
  const { admin } = await administer(t);
  for (let i = 0; i < 40; i++) await admin.createKey({ name: `key ${i}`, owner: i % 2 === 0 ? 'ann' : 'bob' });
  const filter = { owner: 'ann' };
  t.match(await admin.bulkChange({ action: 'disable', filter, dry_run: true }), {
    matched: 20,
    changed: 20,
    next: null,
  });
  t.equal((await admin.listKeys({ status: 'disabled' })).pagination.total, 0, 'a dry run does nothing');
  const done = await admin.bulkChange({ action: 'disable', filter });
  t.match(done, { matched: 20, changed: 20, failed: [], next: null });
  t.equal((await admin.listKeys({ status: 'disabled', owner: 'ann' })).keys.length, 20);
  t.match(await admin.bulkChange({ action: 'disable', filter }), { matched: 20, changed: 0, ids: [] });
  const missing = await admin.bulkChange({ action: 'revoke', filter: { ids: ['key_none'] } });
  t.match(
    missing,
    { matched: 0, failed: [{ id: 'key_none', code: 'KEY_NOT_FOUND' }] },
    'none is passed over in silence',
  );
  const ids = done.ids.slice(0, 2);
  const { name } = await admin.getKey(ids[1] ?? '');
  t.match(await admin.bulkChange({ action: 'revoke', filter: { ids, q: name } }), { ids: [ids[1]] });
  t.match(await admin.bulkChange({ action: 'revoke', filter: { owner: 'bob', q: 'KEY 1' } }), {
    matched: 6,
    changed: 6,
  });
  t.match(await admin.auditLogs({ action: 'key.revoke', limit: 1_000 }), { entries: { length: 7 } });
});

t.test('what one call does not change is for the next, and none is changed or told of twice', async (t) => {
  const { admin, store } = await administer(t);
  const count = 1_040;
  for (let start = 0; start < count; start += 40) {
    await Promise.all(Array.from({ length: 40 }, () => store.keys.create(keyRecord({ owner: 'ann' }))));
  }
  const filter = { owner: 'ann' };
  for (const dry_run of [true, false]) {
    const first = await admin.bulkChange({ action: 'revoke', filter, dry_run });
    const rest = await admin.bulkChange({ action: 'revoke', filter, dry_run, cursor: first.next ?? '' });
    t.match(
      [first, rest],
      [
        { changed: 1_000, next: String },
        { changed: 40, next: null },
      ],
    );
    t.equal(new Set([...first.ids, ...rest.ids]).size, count);
  }
});

t.test('what is wrong with a field is said before anything is written', async (t) => {
  const { admin, store } = await administer(t);
  const head = await store.audit.head();
  await t.rejects(admin.createKey({ name: '' }), invalid);
  await t.rejects(admin.createKey({ name: 'x', type: 'robot' }), invalid);
  await t.rejects(admin.createKey({ name: 'x', roles: ['nobody'] }), invalid);
  await t.rejects(admin.createKey({ name: 'x', ip_restrictions: ['10.0.0.0/33'] }), invalid);
  await t.rejects(admin.createKey({ name: 'x', country_restrictions: ['XX'] }), invalid);
  await t.rejects(admin.createKey({ name: 'x', limits: { per_hour: 1e15 } }), invalid);
  t.match(
    await faultsOf(admin.createKey({ name: '', tier: 'gold', preset: 'all' })),
    { length: 3 },
    'all of it at once',
  );
  t.strictSame((await admin.listKeys({})).keys, []);
  t.strictSame(await store.audit.head(), head);
});
