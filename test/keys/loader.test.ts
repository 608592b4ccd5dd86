import t from 'tap';
import { worksUntil } from '../../src/keys/loader.ts';
import { NOON } from '../support/clock.ts';
import { LIMITS, loadedKey } from '../support/keys.ts';

t.test('until when a key works is by its status and its expiry', async (t) => {
  t.equal(worksUntil({ status: 'active', expiresAt: null }), Number.POSITIVE_INFINITY);
  t.equal(worksUntil({ status: 'active', expiresAt: NOON }), NOON);
  for (const status of ['revoked', 'disabled'] as const) {
    t.equal(worksUntil({ status, expiresAt: null }), Number.NEGATIVE_INFINITY, status);
  }
  const previous = { digest: 'sha256:old', hint: '', expiresAt: NOON };
  t.equal(loadedKey({ previous }).previousWorksUntil, NOON);
  t.equal(loadedKey().previousWorksUntil, Number.NEGATIVE_INFINITY);
});

t.test('keys with the same permissions, tier and hours share what is made of them, others do not', async (t) => {
  const hours = { timezone: 'Europe/Amsterdam', allowed_hours: ['09:00-17:00'], allowed_days: [] };
  const given = { permissions: ['domains:read'], restrictions: { time_restrictions: hours } };
  const [one, other] = [loadedKey(given), loadedKey(given)];
  t.equal(one.permissions, other.permissions);
  t.equal(one.limits, other.limits);
  t.equal(one.restrictions[0]?.test, other.restrictions[0]?.test);
  t.equal(loadedKey().restrictions, loadedKey().restrictions);
  t.not(one.recent, other.recent);
  t.not(one.texts, other.texts);
  for (const changed of [{ allowed_days: ['monday'] }, { timezone: 'UTC' }, { allowed_hours: ['09:00-17:01'] }]) {
    const restrictions = { time_restrictions: { ...hours, ...changed } };
    t.not(loadedKey({ restrictions }).restrictions[0]?.test, one.restrictions[0]?.test);
  }
  t.strictSame([...loadedKey({ permissions: ['domains:write'] }).permissions], ['domains:write']);
  const [two, odd] = [['domains:read', 'domains:write'], ['domains:read domains:write']];
  for (const permissions of [two, odd, two]) {
    t.strictSame([...loadedKey({ permissions }).permissions], permissions, 'one odd permission is not two');
  }
  t.strictSame(loadedKey({ limits: { burst: 1 } }).limits, { ...LIMITS, burst: 1 });
  t.strictSame(loadedKey().limits, LIMITS, 'what one overrides is its own');
});

t.test('of very many different permissions and hours each key still has its own', async (t) => {
  const made = Array.from({ length: 2_100 }, (_, i) => {
    const from = `${String(Math.floor(i / 60) % 24).padStart(2, '0')}:${String(i % 60).padStart(2, '0')}`;
    const hours = { timezone: i < 1_440 ? 'UTC' : 'Etc/UTC', allowed_hours: [`${from}-24:00`], allowed_days: [] };
    return loadedKey({ permissions: [`domains:read${i}`], restrictions: { time_restrictions: hours } });
  });
  t.notOk(
    made.some(({ permissions, permissionsHeader }, i) => {
      return permissionsHeader !== `domains:read${i}` || !permissions.has(`domains:read${i}`) || permissions.size !== 1;
    }),
  );
});
