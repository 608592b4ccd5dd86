import t from 'tap';
import { effectiveLimits, effectivePermissions, loadKey } from '../../src/keys/loader.ts';
import { viewOf } from '../../src/keys/view.ts';
import { NOON } from '../support/clock.ts';
import { CATALOGUE, DAY, keyRecord, LIMITS } from '../support/keys.ts';

const iso = (time: number): string => new Date(time).toISOString();

t.test('a key is shown with all that it may do, and without a digest', async (t) => {
  const record = keyRecord({
    permissions: ['domains:write'],
    preset: 'read_only',
    limits: { perHour: 5 },
    secret: { digest: 'sha256:SECRETDIGEST', hint: 'lk_…abcd' },
  });
  const view = viewOf(record, { keyId: record.id, lastUsedAt: NOON, previousLastUsedAt: null }, CATALOGUE, NOON);
  t.match(view, {
    id: record.id,
    status: 'active',
    hint: 'lk_…abcd',
    permissions: ['devices:read', 'domains:read', 'domains:write'],
    preset: 'read_only',
    limits: { per_hour: 5, per_day: LIMITS.perDay, burst: LIMITS.burst },
    created_at: iso(NOON),
    last_used: iso(NOON),
    expires_at: null,
    revoked_at: null,
    previous_secret: null,
  });
  t.notMatch(JSON.stringify(view), 'SECRETDIGEST');
});

t.test('every restriction is shown, also one that restricts nothing, and what is in shadow', async (t) => {
  const none = {
    ip_restrictions: [],
    country_restrictions: [],
    block_tor: false,
    time_restrictions: null,
    user_agent_restrictions: [],
  };
  t.match(viewOf(keyRecord(), null, CATALOGUE, NOON), { ...none, shadow: [] });
  const restrictions = {
    ip_restrictions: ['10.0.0.0/8'],
    time_restrictions: { timezone: 'UTC', allowed_hours: [], allowed_days: ['monday'] },
    user_agent_restrictions: ['acme/*'],
  };
  const shown = viewOf(keyRecord({ restrictions, shadow: ['ip', 'limits'] }), null, CATALOGUE, NOON);
  t.match(shown, { ...none, ...restrictions, shadow: ['ip', 'limits'] });
  const damaged = viewOf(keyRecord({ restrictions: { ip_restrictions: 'x' } }), null, CATALOGUE, NOON);
  t.match(damaged, { ip_restrictions: 'x', block_tor: false }, 'one that cannot be read as it is stored');
});

t.test('expired is told from the moment it is, and other states come first', async (t) => {
  const status = (given: Parameters<typeof keyRecord>[0], now: number) =>
    viewOf(keyRecord({ expiresAt: NOON, ...given }), null, CATALOGUE, now).status;
  t.equal(status({}, NOON - 1), 'active');
  t.equal(status({}, NOON), 'expired');
  t.equal(status({ status: 'disabled' }, NOON), 'disabled');
  t.equal(status({ status: 'revoked' }, NOON), 'revoked');
});

t.test('the replaced secret is shown while its grace lasts, with when it was last used', async (t) => {
  const record = keyRecord({ previous: { digest: 'x', hint: 'lk_…old1', expiresAt: NOON } });
  const use = { keyId: record.id, lastUsedAt: NOON, previousLastUsedAt: NOON - 5 };
  t.strictSame(viewOf(record, use, CATALOGUE, NOON - 1).previous_secret, {
    hint: 'lk_…old1',
    expires_at: iso(NOON),
    last_used: iso(NOON - 5),
  });
  t.match(viewOf(record, null, CATALOGUE, NOON - 1).previous_secret, { last_used: null });
  t.equal(viewOf(record, use, CATALOGUE, NOON).previous_secret, null);
});

t.test('a rotation is due a while after the last one, for types that ask for it', async (t) => {
  const due = (given: Parameters<typeof keyRecord>[0]) =>
    viewOf(keyRecord(given), null, CATALOGUE, NOON).rotation_due_at;
  t.equal(due({ type: 'personal' }), null);
  t.equal(due({ type: 'service' }), iso(NOON + 365 * DAY));
  t.equal(due({ type: 'service', rotatedAt: NOON + DAY }), iso(NOON + 366 * DAY));
  t.equal(due({ type: 'a type that is gone' }), null);
  t.equal(due({ type: 'constructor' }), null);
});

t.test('a time beyond the calendar does not hide the key', async (t) => {
  const record = keyRecord({ expiresAt: Number.MAX_SAFE_INTEGER });
  t.match(viewOf(record, null, CATALOGUE, NOON), { status: 'active', expires_at: '+275760-09-13T00:00:00.000Z' });
});

t.test('names that the configuration no longer has give less, never more', async (t) => {
  for (const gone of ['gold', 'constructor', '__proto__', 'toString']) {
    const record = keyRecord({ tier: gone, preset: gone, permissions: ['domains:read'] });
    t.strictSame(effectiveLimits(record, CATALOGUE), { perHour: 1, perDay: 1, burst: 1 }, gone);
    t.strictSame(effectivePermissions(record, CATALOGUE), ['domains:read'], gone);
  }
  t.match(loadKey(keyRecord({ tier: 'gold', limits: { burst: 7 } }), CATALOGUE).limits, { perHour: 1, burst: 7 });
});
