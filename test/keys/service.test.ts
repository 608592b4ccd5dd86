import t from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import type { KeyStore, Store } from '../../src/core/ports.ts';
import { UNLIMITED } from '../../src/keys/actor.ts';
import { KeyError } from '../../src/keys/key-error.ts';
import type { NewKey } from '../../src/keys/new-record.ts';
import { isWellFormedSecret } from '../../src/keys/secret.ts';
import { KeyService, MAX_GRACE_MS } from '../../src/keys/service.ts';
import { ManualClock, NOON } from '../support/clock.ts';
import { CATALOGUE, DAY, HASHER, sqliteStore, type Tap, UNRESTRICTED } from '../support/keys.ts';
import { FaultyKeyStore } from './faulty-store.ts';

const GRACE = DAY;
const PLAIN: NewKey = { name: 'ci', type: 'personal', owner: 'ann' };

interface Fixture {
  readonly clock: ManualClock;
  readonly store: KeyStore;
  readonly keys: KeyService;
}

async function setUp(t: Tap): Promise<Fixture> {
  const clock = new ManualClock();
  const store = await sqliteStore(t, clock);
  return { clock, store: store.keys, keys: serviceOn(store, clock) };
}

function serviceOn(store: Pick<Store, 'keys' | 'roles' | 'audit'>, clock: ManualClock): KeyService {
  const settings = { catalogue: CATALOGUE, prefix: 'acme', rotationGraceMs: GRACE, sealer: null };
  const actor = { subject: 'ann', from: 'test', requestId: null, reach: UNLIMITED };
  return new KeyService({ store, hasher: HASHER, clock, settings: () => settings, actor });
}

async function stored(store: KeyStore): Promise<readonly KeyRecord[]> {
  return (await store.list({ limit: 1_000 })).keys;
}

/** The key that a secret opens, by way of the store. */
async function opened(store: KeyStore, secret: string): Promise<string | undefined> {
  return (await store.findByDigest(HASHER.digest(secret)))?.id;
}

t.test('what is not given comes from the type', async (t) => {
  const { keys, store } = await setUp(t);
  const { record, secret } = await keys.create(PLAIN);
  t.match(record, {
    id: /^key_[0-9a-f]{24}$/,
    name: 'ci',
    type: 'personal',
    owner: 'ann',
    description: '',
    metadata: {},
    status: 'active',
    permissions: [],
    preset: null,
    tier: 'personal',
    limits: {},
    restrictions: UNRESTRICTED,
    previous: null,
    createdAt: NOON,
    updatedAt: NOON,
    rotatedAt: null,
    expiresAt: NOON + 90 * DAY,
    revokedAt: null,
    version: 1,
  });
  t.ok(secret.startsWith('acme_') && isWellFormedSecret(secret));
  t.strictSame(record.secret, { digest: HASHER.digest(secret), hint: `acme_…${secret.slice(-4)}` });
  t.strictSame(await store.get(record.id), record);
  t.equal(await opened(store, secret), record.id);
  t.notMatch(JSON.stringify(record), secret.slice(10, 40), 'the record does not hold the secret');
  const service = await keys.create({ ...PLAIN, type: 'service' });
  t.match(service.record, { tier: 'service', expiresAt: null });
});

t.test('what is given is kept, in one form', async (t) => {
  const { keys, store } = await setUp(t);
  const restrictions = { ip_restrictions: ['10.0.0.0/8'], block_tor: false, time_restrictions: null };
  const given = {
    name: '  ci ',
    owner: ' ann ',
    description: 'two\nlines',
    metadata: { team: 'web' },
    permissions: ['domains:write', 'devices:*', 'domains:write', '*'],
    preset: 'read_only',
    tier: 'service',
    limits: { perHour: 5 },
    expiresAt: null,
    restrictions,
    shadow: ['limits', 'ip', 'limits'],
  };
  const { record } = await keys.create({ ...given, type: 'personal' });
  const permissions = ['*', 'devices:*', 'domains:write'];
  const expected = { ...given, name: 'ci', owner: 'ann', permissions, shadow: ['ip', 'limits'] };
  t.match(await store.get(record.id), { ...expected, restrictions: {} });
  const other = await keys.create(PLAIN);
  const changed = await keys.update(other.record.id, given);
  t.match(changed, { ...expected, restrictions: {} }, 'the same for a change');
  // An older gateway, which does not know a kind, need not refuse keys that are not so restricted.
  for (const each of [record, changed]) t.strictSame(each.restrictions, { ip_restrictions: ['10.0.0.0/8'] });
});

t.test('a key whose restrictions a newer version wrote can be changed otherwise, and keeps them', async (t) => {
  const { keys, store } = await setUp(t);
  const { record } = await keys.create(PLAIN);
  const restrictions = { device_restrictions: ['x'], ip_restrictions: 'y' };
  await store.replace({ ...record, restrictions, version: 2 });
  t.match(await keys.update(record.id, { name: 'cd' }), { name: 'cd', restrictions });
  t.match(await keys.rotate(record.id), { record: { restrictions } });
  const added = (key: KeyRecord) => ({ restrictions: { ...key.restrictions, block_tor: true } });
  await t.rejects(keys.update(record.id, added), {
    code: 'KEY_INVALID',
    faults: [{ field: 'device_restrictions' }, { field: 'ip_restrictions' }],
  });
  t.match(await keys.update(record.id, { restrictions: {} }), { restrictions: {} }, 'unless they are all taken away');
  t.strictSame((await store.get(record.id))?.restrictions, {});
});

const FAULTS: Readonly<Record<string, readonly [Partial<NewKey>, RegExp]>> = {
  'type unknown': [{ type: 'persnal' }, /^type: "persnal" is not known; did you mean "personal"\?$/],
  'type like a built-in': [
    { type: 'constructor' },
    /^type: "constructor" is not known; expected one of personal, service$/,
  ],
  'name empty': [{ name: ' ' }, /^name: is empty/],
  'name long': [{ name: 'x'.repeat(201) }, /^name: has 201 characters; expected at most 200$/],
  'name with a line': [{ name: 'a\nb' }, /^name: has control characters/],
  'owner empty': [{ owner: '' }, /^owner: is empty/],
  'description long': [{ description: 'x'.repeat(2_001) }, /^description: has 2001 characters/],
  'description with escapes': [{ description: 'a\u001b[2Jb' }, /^description: has control characters/],
  'metadata large': [
    { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, ''])) },
    /^metadata: has 51/,
  ],
  'name that runs backwards': [{ name: 'ci\u202Egpj.exe' }, /^name: has control characters/],
  'owner of two lines': [{ owner: 'a\u2028b' }, /^owner: has control characters/],
  'name of half a character': [{ name: 'a\uD800' }, /^name: has control characters/],
  'metadata value long': [{ metadata: { team: 'x'.repeat(501) } }, /^metadata\.team: has 501 characters/],
  'metadata name empty': [{ metadata: { '': 'x' } }, /^metadata\.: is empty/],
  'permission misspelt': [
    { permissions: ['domain:read'] },
    /^permissions\[0\]: "domain:read" is not known; did you mean "domains:read"\?$/,
  ],
  'permission wildcard misspelt': [{ permissions: ['domainz:*'] }, /did you mean "domains:\*"\?$/],
  'permission of no form': [
    { permissions: ['read'] },
    /^permissions\[0\]: "read" is not a permission; expected resource:action/,
  ],
  'permissions many': [{ permissions: Array.from({ length: 501 }, () => '*') }, /^permissions: has 501 entries/],
  'preset unknown': [{ preset: 'readonly' }, /^preset: "readonly" is not known; did you mean "read_only"\?$/],
  'tier unknown': [{ tier: 'gold' }, /^tier: "gold" is not known; expected one of personal, service$/],
  'limit zero': [{ limits: { perHour: 0 } }, /^limits\.perHour: is 0; expected a whole number from 1 to 1000000000$/],
  'limit fraction': [{ limits: { burst: 1.5 } }, /^limits\.burst: is 1\.5/],
  'limit not a number': [{ limits: { perDay: Number.NaN } }, /^limits\.perDay: is NaN/],
  'limit unknown': [
    { limits: JSON.parse('{"perHours":1}') },
    /^limits\.perHours: is no limit; did you mean "perHour"\?$/,
  ],
  'expiry past': [{ expiresAt: NOON }, /^expires_at: 2026-11-22T12:30:00\.000Z has passed; expected a time to come$/],
  'expiry not a time': [{ expiresAt: Number.NaN }, /^expires_at: is not a time/],
  'expiry without end': [{ expiresAt: Number.POSITIVE_INFINITY }, /^expires_at: is not a time/],
  'expiry beyond the calendar': [{ expiresAt: 9e15 }, /^expires_at: is not a time/],
  address: [{ restrictions: { ip_restrictions: ['10.0.0.0/33'] } }, /^ip_restrictions\[0\]: "10\.0\.0\.0\/33" has/],
  country: [
    { restrictions: { country_restrictions: ['NL', 'UK'] } },
    /^country_restrictions\[1\]: "UK" is not .*"GB"\?$/,
  ],
  Tor: [{ restrictions: { block_tor: 'yes' } }, /^block_tor: .*expected boolean/],
  program: [
    { restrictions: { user_agent_restrictions: ['*'] } },
    /^user_agent_restrictions\[0\]: "\*" is not a pattern/,
  ],
  'restriction unknown': [
    { restrictions: { ip_restriction: [] } },
    /^ip_restriction: is no restriction; did you mean "ip_restrictions"\?$/,
  ],
  'shadow unknown': [{ shadow: ['ip', 'limit'] }, /^shadow\[1\]: "limit" is not known; did you mean "limits"\?$/],
  hours: [
    {
      restrictions: {
        time_restrictions: { timezone: 'UTC', allowed_hours: ['08:00-25:00'], allowed_days: [] },
      },
    },
    /^time_restrictions\.allowed_hours\[0\]: "08:00-25:00" is not a window/,
  ],
};

t.test('what is wrong is named, and nothing is written', async (t) => {
  const { keys, store } = await setUp(t);
  const { record } = await keys.create(PLAIN);
  for (const [name, [given, message]] of Object.entries(FAULTS)) {
    await t.rejects(keys.create({ ...PLAIN, ...given }), { name: 'KeyError', code: 'KEY_INVALID', message }, name);
    if ('type' in given) continue;
    await t.rejects(keys.update(record.id, given), { code: 'KEY_INVALID', message }, name);
  }
  t.strictSame(await stored(store), [record]);
});

t.test('all that is wrong is named at once, each with its field', async (t) => {
  const { keys } = await setUp(t);
  const error: unknown = await keys
    .create({ name: '', type: 'x', owner: 'ann', tier: 'gold' })
    .catch((thrown) => thrown);
  t.ok(error instanceof KeyError);
  t.strictSame(error instanceof KeyError ? error.faults.map(({ field }) => field) : [], ['type', 'name', 'tier']);
});

t.test('a change touches only what is given', async (t) => {
  const { clock, keys, store } = await setUp(t);
  const { record } = await keys.create({ ...PLAIN, metadata: { a: '1', b: '2' }, limits: { perHour: 5 } });
  clock.advance(1_000);
  const renamed = await keys.update(record.id, { name: 'cd' });
  t.strictSame(renamed, { ...record, name: 'cd', version: 2, updatedAt: NOON + 1_000 });
  t.strictSame(await store.get(record.id), renamed);
  const next = await keys.update(record.id, { metadata: { a: '3' }, expiresAt: null });
  t.match(next, { metadata: { a: '3' }, expiresAt: null, limits: { perHour: 5 }, version: 3 });
  t.notOk('b' in next.metadata);
  const untouched = JSON.parse('{"id":"key_x","status":"revoked","version":99,"secret":{"digest":"x","hint":""}}');
  const named = await keys.update(record.id, { name: 'ce', ...untouched });
  t.strictSame(named, { ...next, name: 'ce', version: 4 }, 'no other field');
  t.strictSame(await keys.update(record.id, { name: 'ce', ...untouched }), named, 'what is so already stays as it is');
});

t.test('a key that is not there is not there, whatever is done to it', async (t) => {
  const { keys } = await setUp(t);
  const id = `key_${'0'.repeat(24)}`;
  const missing = { code: 'KEY_NOT_FOUND', message: `there is no key "${id}"` };
  await t.rejects(keys.get(id), missing);
  await t.rejects(keys.update(id, {}), missing);
  await t.rejects(keys.setEnabled(id, false), missing);
  await t.rejects(keys.revoke(id), missing);
  await t.rejects(keys.rotate(id), missing);
});

t.test('a secret given for an id does not come back in the message', async (t) => {
  const { keys } = await setUp(t);
  const { secret } = await keys.create(PLAIN);
  const error: unknown = await keys.get(secret).catch((thrown) => thrown);
  t.match(error, { code: 'KEY_NOT_FOUND' });
  t.notMatch(String(error), secret.slice(5, 25));
});

t.test('a key can be disabled and enabled; to do so again changes nothing', async (t) => {
  const { keys, store } = await setUp(t);
  const { record } = await keys.create(PLAIN);
  t.match(await keys.setEnabled(record.id, false), { status: 'disabled', version: 2 });
  t.match(await keys.setEnabled(record.id, false), { status: 'disabled', version: 2 });
  t.match(await keys.setEnabled(record.id, true), { status: 'active', version: 3 });
  t.match(await store.get(record.id), { status: 'active', version: 3 });
});

t.test('revoked is for good', async (t) => {
  const { clock, keys } = await setUp(t);
  const { record } = await keys.create(PLAIN);
  const revoked = await keys.revoke(record.id);
  t.match(revoked, { status: 'revoked', revokedAt: NOON, version: 2 });
  clock.advance(1_000);
  t.strictSame(await keys.revoke(record.id), revoked, 'again: as it was');
  const final = { code: 'KEY_STATE', message: /is revoked, which is for good/ };
  await t.rejects(keys.update(record.id, { name: 'x' }), final);
  await t.rejects(keys.setEnabled(record.id, true), final);
  await t.rejects(keys.setEnabled(record.id, false), final);
  await t.rejects(keys.rotate(record.id), final);
  t.strictSame(await keys.get(record.id), revoked);
});

t.test('a rotation keeps the id, and the old secret for its grace', async (t) => {
  const { keys, store } = await setUp(t);
  const { record, secret: old } = await keys.create(PLAIN);
  const { record: rotated, secret } = await keys.rotate(record.id);
  t.not(secret, old);
  t.match(rotated, { id: record.id, rotatedAt: NOON, version: 2, secret: { digest: HASHER.digest(secret) } });
  t.strictSame(rotated.previous, { ...record.secret, expiresAt: NOON + GRACE });
  t.equal(await opened(store, old), record.id);
  t.equal(await opened(store, secret), record.id);
});

t.test('a rotation without grace ends the old secret at once', async (t) => {
  const { keys, store } = await setUp(t);
  const { record, secret: old } = await keys.create(PLAIN);
  const { record: rotated, secret } = await keys.rotate(record.id, 0);
  t.equal(rotated.previous, null);
  t.equal(await opened(store, old), undefined);
  t.equal(await opened(store, secret), record.id);
});

t.test('a second rotation leaves only the last two secrets', async (t) => {
  const { keys, store } = await setUp(t);
  const { record, secret: first } = await keys.create(PLAIN);
  const { secret: second } = await keys.rotate(record.id);
  const { record: rotated, secret: third } = await keys.rotate(record.id, 5_000);
  t.equal(await opened(store, first), undefined);
  t.equal(await opened(store, second), record.id);
  t.equal(await opened(store, third), record.id);
  t.match(rotated.previous, { digest: HASHER.digest(second), expiresAt: NOON + 5_000 });
});

t.test('a grace must be from nothing to 90 days, and the key alive', async (t) => {
  const { clock, keys, store } = await setUp(t);
  const { record } = await keys.create(PLAIN);
  for (const grace of [-1, MAX_GRACE_MS + 1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    await t.rejects(keys.rotate(record.id, grace), {
      code: 'KEY_INVALID',
      message: /^grace_period: is .* expected 0 to 90 days$/,
    });
  }
  t.strictSame(await store.get(record.id), record);
  t.match((await keys.rotate(record.id, MAX_GRACE_MS)).record.previous, { expiresAt: NOON + MAX_GRACE_MS });
  clock.advance(90 * DAY);
  await t.rejects(keys.rotate(record.id), { code: 'KEY_STATE', message: /has expired/ });
  t.match(await keys.update(record.id, { expiresAt: null }), { expiresAt: null }, 'an expired key may live on');
  await t.resolves(keys.rotate(record.id));
});

t.test('changes at the same time all land', async (t) => {
  const { keys, store } = await setUp(t);
  const { record } = await keys.create(PLAIN);
  await Promise.all([
    keys.update(record.id, { name: 'renamed' }),
    keys.update(record.id, { description: 'described' }),
    keys.setEnabled(record.id, false),
    keys.rotate(record.id),
  ]);
  t.match(await store.get(record.id), {
    name: 'renamed',
    description: 'described',
    status: 'disabled',
    rotatedAt: NOON,
    version: 5,
  });
});

t.test('a revocation is never undone by a change that began before it', async (t) => {
  const { keys } = await setUp(t);
  const { record } = await keys.create(PLAIN);
  await Promise.allSettled([
    keys.update(record.id, { name: 'x' }),
    keys.revoke(record.id),
    keys.setEnabled(record.id, false),
  ]);
  t.match(await keys.get(record.id), { status: 'revoked', revokedAt: NOON });
});

t.test('who never gets a turn is told so', async (t) => {
  const clock = new ManualClock();
  const whole = await sqliteStore(t, clock);
  const store = whole.keys;
  const { record } = await serviceOn(whole, clock).create(PLAIN);
  // Somebody else changes the key between each reading and writing.
  const busy = new FaultyKeyStore(store);
  busy.get = async (id) => {
    const found = await store.get(id);
    if (found !== null) await store.replace({ ...found, version: found.version + 1 });
    return found;
  };
  const keys = serviceOn({ ...whole, keys: busy }, clock);
  await t.rejects(keys.update(record.id, { name: 'x' }), { code: 'KEY_CONFLICT' });
  t.match(await store.get(record.id), { name: 'ci' });
});
