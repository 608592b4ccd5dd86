import t from 'tap';
import type { TimeRestriction } from '../../src/core/key.ts';
import { NOON } from '../support/clock.ts';
import { setUp } from './fixture.ts';

const iso = (at: number): string => new Date(at).toISOString();
const MONDAYS: TimeRestriction = { timezone: 'UTC', allowed_hours: ['09:00-17:00'], allowed_days: ['monday'] };
/** NOON is a Sunday, half past noon. */
const OPENING = Date.UTC(2026, 10, 23, 9);

t.test('a key outside its hours is told when it may be used again', async (t) => {
  const { ask, clock, issue } = await setUp(t);
  const { secret } = await issue({ restrictions: { time_restrictions: MONDAYS } });
  t.strictSame((await ask({ secret })).denial, {
    code: 'outside_allowed_hours',
    detail: 'This key may be used only 09:00-17:00 on monday (UTC).',
    facts: { retry_at: iso(OPENING) },
  });
  clock.advance(OPENING - NOON - 1);
  t.match(await ask({ secret }), { denial: { facts: { retry_at: iso(OPENING) } } });
  clock.advance(1);
  t.match(await ask({ secret }), { denial: null }, 'and it is right');
  clock.advance(8 * 3_600_000);
  t.match(await ask({ secret }), { denial: { facts: { retry_at: iso(OPENING + 7 * 86_400_000) } } });
});

t.test('but not for a time when the key has expired', async (t) => {
  const { ask, issue } = await setUp(t);
  const restrictions = { time_restrictions: MONDAYS };
  const factsOf = async (expiresAt: number) => {
    const { secret } = await issue({ restrictions, expiresAt });
    const { denial } = await ask({ secret });
    t.match(denial, { code: 'outside_allowed_hours', detail: /only 09:00-17:00 on monday/ });
    return denial?.facts;
  };
  t.strictSame(await factsOf(OPENING - 1), {});
  t.strictSame(await factsOf(OPENING), {});
  t.strictSame(await factsOf(OPENING + 1), { retry_at: iso(OPENING) });
});

t.test('when it may be used again is right where the clocks are put forward and back', async (t) => {
  const { ask, clock, issue } = await setUp(t);
  const rule = (hours: string): TimeRestriction => ({
    timezone: 'Europe/Amsterdam',
    allowed_hours: [hours],
    allowed_days: [],
  });
  // In 2027 the clocks there go from 02:00 to 03:00 on 28 March (01:00 UTC), and from 03:00 to 02:00 on 31 October (01:00 UTC).
  const cases: [hours: string, at: string, opens: string][] = [
    ['09:00-17:00', '2027-03-27T17:00:00Z', '2027-03-28T07:00:00.000Z'],
    ['09:00-17:00', '2027-10-30T17:00:00Z', '2027-10-31T08:00:00.000Z'],
    ['02:30-04:00', '2027-03-28T00:59:00Z', '2027-03-28T01:00:00.000Z'],
    ['02:00-03:00', '2027-03-28T00:30:00Z', '2027-03-29T00:00:00.000Z'],
    ['02:00-03:00', '2027-10-31T02:00:00Z', '2027-11-01T01:00:00.000Z'],
    ['02:00-02:30', '2027-10-31T00:30:00Z', '2027-10-31T01:00:00.000Z'],
  ];
  for (const [hours, at, opens] of cases) {
    const { secret } = await issue({ restrictions: { time_restrictions: rule(hours) } });
    clock.time = Date.parse(at);
    t.match(await ask({ secret }), { denial: { facts: { retry_at: opens } } }, `${hours} at ${at}`);
    clock.time = Date.parse(opens) - 1;
    t.match(await ask({ secret }), { denial: { code: 'outside_allowed_hours' } }, `closed before ${opens}`);
    clock.time = Date.parse(opens);
    t.match(await ask({ secret }), { denial: null }, `open at ${opens}`);
  }
});

t.test('a key is held to its programs', async (t) => {
  const { ask, issue } = await setUp(t);
  const { secret } = await issue({ restrictions: { user_agent_restrictions: ['acme-sync/*'] } });
  t.match(await ask({ secret, userAgent: 'acme-sync/2.1' }), { denial: null });
  t.match(await ask({ secret, userAgent: 'curl/8' }), { denial: { code: 'user_agent_blocked' } });
  t.match(await ask({ secret }), { denial: { code: 'user_agent_blocked' } });
});
