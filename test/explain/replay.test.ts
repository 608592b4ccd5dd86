/** Recorded requests decided again, in two worlds. */
import t from 'tap';
import { DENIALS, deny } from '../../src/core/denial.ts';
import { NO_PLACES } from '../../src/core/places.ts';
import { StoreError } from '../../src/core/ports.ts';
import type { RequestView } from '../../src/core/request.ts';
import { recordedDenial, wasLetThrough } from '../../src/explain/replay-request.ts';
import { Tally } from '../../src/explain/replay-tally.ts';
import { RESTRICTIONS } from '../../src/restrictions/index.ts';
import { NOON } from '../support/clock.ts';
import { LIMITS } from '../support/keys.ts';
import { ROUTES } from './fixture.ts';
import { groupsOf, replaysOf, worldWith } from './replay-fixture.ts';

const DOMAINS = { path: '/api/domains/5' };

t.test('the same world changes nothing', async (t) => {
  const { by, key, run } = await replaysOf();
  const reader = await key({ permissions: ['domains:read'] });
  const requests = [
    by(reader),
    by(reader, DOMAINS),
    by(reader, { path: '/nowhere' }),
    by(null),
    by(null, { path: '/status' }),
  ];
  const report = await run(requests, { proposed: worldWith() });
  t.strictSame([report.read, report.replayed, report.withoutKey, report.keys], [5, 5, 2, 1]);
  t.strictSame([report.sameAllowed, report.sameDenied], [3, 2]);
  for (const { requests, groups } of [report.newlyDenied, report.newlyAllowed, report.deniedDifferently]) {
    t.strictSame([requests, groups], [0, []]);
  }
  t.strictSame(report.period, { first: NOON, last: NOON + 4000 });
});

t.test('a route that asks for another permission', async (t) => {
  const { by, key, run } = await replaysOf();
  const reader = await key({ name: 'reader', permissions: ['domains:read'] });
  const writer = await key({ permissions: ['domains:write'] });
  const permissions = { ...ROUTES.permissions, 'domains:read': [], 'domains:write': ['GET /api/domains/*'] };
  const proposed = worldWith({ routes: { ...ROUTES, permissions } });
  const requests = [
    by(reader, DOMAINS),
    by(reader, DOMAINS),
    by(reader),
    by(writer, DOMAINS),
    by(writer, { method: 'POST', path: '/api/domains' }),
  ];
  const report = await run(requests, { proposed });
  t.strictSame(groupsOf(report.newlyDenied), [
    `2 × ${reader.id} GET /api/domains/*: null -> permission_denied`,
    `1 × ${writer.id} POST /api/domains: null -> route_not_found`,
  ]);
  t.strictSame(groupsOf(report.newlyAllowed), [`1 × ${writer.id} GET /api/domains/*: permission_denied -> null`]);
  const [group] = report.newlyDenied.groups;
  t.match(group, { keyName: 'reader', first: NOON, last: NOON + 1000 });
  t.strictSame(group?.example, { requestId: 'req_1', method: 'GET', path: '/api/domains/5', address: '203.0.113.7' });
  t.equal(report.sameAllowed, 1);
});

t.test('a key that is changed, and one that is not', async (t) => {
  const { by, key, run } = await replaysOf();
  const [changed, other] = [await key(), await key()];
  const restricted = { ...changed, restrictions: { ip_restrictions: ['192.0.2.0/24'] } };
  const requests = [by(changed), by(changed, { address: '192.0.2.9' }), by(other)];
  const report = await run(requests, { proposed: worldWith(), changed: restricted });
  t.strictSame(groupsOf(report.newlyDenied), [`1 × ${changed.id} GET /api/whoami: null -> ip_blocked`]);
  t.equal(report.sameAllowed, 2);
  const loosened = await run([by(changed)], { proposed: worldWith(), changed: { ...changed, status: 'disabled' } });
  t.strictSame(groupsOf(loosened.newlyDenied), [`1 × ${changed.id} GET /api/whoami: null -> key_disabled`]);
});

t.test('each request is decided at its own time, from its own address, by its own program', async (t) => {
  const { by, key, run } = await replaysOf();
  const hours = { timezone: 'UTC', allowed_hours: ['12:00-13:00'], allowed_days: [] };
  const timed = await key({ restrictions: { time_restrictions: hours }, expiresAt: NOON + 3_600_000 * 24 });
  const named = await key({ restrictions: { user_agent_restrictions: ['acme/*'], country_restrictions: ['NL'] } });
  const report = await run([
    by(timed, { at: NOON + 60_000 }),
    by(timed, { at: NOON + 3_600_000 }),
    by(timed, { at: NOON + 3_600_000 * 24 }),
    by(named, { userAgent: 'acme/1', address: '192.0.2.1' }),
    by(named, { userAgent: null, address: '192.0.2.1' }),
    by(named, { userAgent: 'acme/1' }),
  ]);
  t.strictSame(groupsOf(report.newlyDenied).sort(), [
    `1 × ${timed.id} GET /api/whoami: null -> key_expired`,
    `1 × ${timed.id} GET /api/whoami: null -> outside_allowed_hours`,
    `1 × ${named.id} GET /api/whoami: null -> country_blocked`,
    `1 × ${named.id} GET /api/whoami: null -> user_agent_blocked`,
  ]);
});

t.test('a restriction leaves the shadow', async (t) => {
  const { by, key, run } = await replaysOf();
  const shadowed = await key({ restrictions: { ip_restrictions: ['192.0.2.0/24'] } });
  const worlds = { today: worldWith({ shadow: ['ip'] }), proposed: worldWith() };
  const report = await run([by(shadowed)], worlds);
  t.strictSame(groupsOf(report.newlyDenied), [`1 × ${shadowed.id} GET /api/whoami: null -> ip_blocked`]);
  const back = await run([by(shadowed)], { today: worlds.proposed, proposed: worlds.today });
  t.strictSame(groupsOf(back.newlyAllowed), [`1 × ${shadowed.id} GET /api/whoami: ip_blocked -> null`]);
});

t.test('each world counts limits on the time of the requests', async (t) => {
  const { by, key, run } = await replaysOf();
  const busy = await key();
  const proposed = worldWith({ tiers: { personal: { ...LIMITS, perHour: 3 } } });
  const requests = [0, 1, 2, 3, 4, 60, 61].map((minute) => by(busy, { at: NOON + minute * 60_000 }));
  const report = await run(requests, { proposed });
  t.strictSame(groupsOf(report.newlyDenied), [`2 × ${busy.id} GET /api/whoami: null -> rate_limited`]);
  t.match(report.newlyDenied.groups, [{ first: NOON + 3 * 60_000, last: NOON + 4 * 60_000 }]);
  const without = await run(requests, { proposed, simulatesLimits: false });
  t.equal(without.sameAllowed, 7);
  const refused = requests.map((request) => ({ ...request, path: '/nowhere' }));
  const spent = await run([...refused, ...requests], {
    proposed: worldWith({ tiers: { personal: { ...LIMITS, perHour: 5 } } }),
  });
  t.equal(spent.newlyDenied.requests, 0, 'what is refused for another reason spends nothing');
});

t.test('what stands far out of order is not counted against limits', async (t) => {
  const { by, key, run } = await replaysOf();
  const busy = await key({ limits: { burst: 1, perHour: 3600 } });
  const minute = (n: number) => by(busy, { at: NOON + n * 60_000 });
  const report = await run([minute(9), minute(8), minute(7), minute(5), minute(1)]);
  t.equal(report.disordered, 3);
  t.equal(report.newlyDenied.requests, 1, 'a minute late is as good as in time, and meets an empty bucket');
  const long = [minute(0), minute(10), by(busy, { at: NOON + 60_000, endedAt: NOON + 11 * 60_000 })];
  t.equal((await run(long)).disordered, 0, 'a log is in the order in which requests ended');
});

t.test('without a proposal what was recorded is compared with today', async (t) => {
  const { by, key, run } = await replaysOf();
  const reader = await key();
  const report = await run([
    by(reader),
    by(reader, { code: 'permission_denied' }),
    by(reader, { path: '/api/domains', code: 'upstream_timeout' }),
    by(reader, { path: '/api/domains', code: 'ip_blocked' }),
    by(reader, { code: 'overloaded' }),
    by(null, { code: 'key_not_found' }),
  ]);
  t.strictSame(groupsOf(report.newlyAllowed), [`1 × ${reader.id} GET /api/whoami: permission_denied -> null`]);
  t.strictSame(groupsOf(report.newlyDenied), [`1 × ${reader.id} GET /api/domains/*: null -> permission_denied`]);
  t.strictSame(groupsOf(report.deniedDifferently), [
    `1 × ${reader.id} GET /api/domains/*: ip_blocked -> permission_denied`,
  ]);
  t.strictSame([report.sameAllowed, report.sameDenied], [1, 1]);
  t.strictSame(report.skipped, { not_decided: 1 });
  t.strictSame([report.read, report.replayed], [6, 5]);
});

t.test('what was recorded tells of every denial of the checks, without a list of them', async (t) => {
  for (const { code } of RESTRICTIONS) t.equal(recordedDenial(code), code);
  const others = { key_not_found: 'key_missing', not_a_code: undefined, constructor: undefined };
  for (const [code, wanted] of Object.entries(others)) t.equal(recordedDenial(code), wanted, code);
  const told = (wanted: unknown) => Object.keys(DENIALS).filter((code) => recordedDenial(code) === wanted);
  t.strictSame(told(null), ['too_many_connections', 'upstream_unreachable', 'upstream_invalid', 'upstream_timeout']);
  t.strictSame(told(undefined), [
    'too_many_failures',
    'request_rejected',
    'request_timeout',
    'body_too_large',
    'uri_too_long',
    'headers_too_large',
    'key_store_unavailable',
    'overloaded',
  ]);
  t.equal(wasLetThrough('upstream_timeout'), true);
  t.equal(wasLetThrough('overloaded'), false);
});

t.test('what depends on a header that no log has is skipped, and counted', async (t) => {
  const { by, key, run } = await replaysOf();
  const reader = await key({ permissions: ['domains:read', 'domains:write'] });
  const denial = deny('user_agent_blocked', 'No.');
  const test = (request: RequestView) => (request.header('x-device') === 'yes' ? null : denial);
  const looking = (isShadow: boolean) => ({ ...worldWith(), restrictions: [{ name: 'device', isShadow, test }] });
  const requests = [by(reader, DOMAINS), by(null), by(reader, { path: '/status' })];
  const report = await run(requests, { proposed: looking(false) });
  t.match(report, { read: 3, replayed: 0, skipped: { not_logged: 3 }, sameAllowed: 0, newlyDenied: { requests: 0 } });
  t.match(
    report.permissions,
    [{ requests: 1, neverUsed: [{ permission: 'domains:write' }], wouldDo: ['domains:read'] }],
    'a permission that a skipped request used was used',
  );
  t.match(
    await run(requests, { proposed: looking(true) }),
    { replayed: 3, skipped: {} },
    'in shadow it decides nothing',
  );
});

t.test('what depends on places that are not known here is skipped, and counted', async (t) => {
  const { by, key, run } = await replaysOf();
  const [open, closed] = [await key(), await key({ restrictions: { block_tor: true } })];
  const disabled = await key({ restrictions: { block_tor: true }, status: 'disabled' });
  const here = { ...worldWith(), places: NO_PLACES, unknownHere: new Set(['tor']) };
  const report = await run([by(open), by(closed), by(disabled)], { today: here, proposed: here });
  t.match(report, { replayed: 2, skipped: { place_unknown: 1 }, sameAllowed: 1, sameDenied: 1 });
  const recorded = await run([by(closed), by(closed, { code: 'tor_blocked' })], { today: here });
  t.match(recorded, { replayed: 0, skipped: { place_unknown: 2 } });
  const holding = await key({ permissions: ['domains:read', 'domains:write'], restrictions: { block_tor: true } });
  const refused = await run([by(holding, { ...DOMAINS, code: 'tor_blocked' })], { today: here });
  t.strictSame(refused.permissions, [], 'what was refused then, and may be now, is no use of a permission');
});

t.test('requests without a key meet public routes and rules for all', async (t) => {
  const { by, run } = await replaysOf();
  const requests = [by(null, { path: '/status' }), by(null, { path: '/status', address: '192.0.2.1' })];
  const closed = await run(requests, {
    proposed: worldWith({ routes: { ...ROUTES, public: [], anyKey: ['GET /status'] } }),
  });
  t.strictSame(groupsOf(closed.newlyDenied), ['2 × null GET /status: null -> key_missing']);
  t.equal(closed.maybeWithKey, 2);
  const rules = { ip: { allow: [], deny: ['192.0.2.0/24'], isShadow: false } };
  const blocked = await run(requests, { proposed: worldWith({ rules }) });
  t.strictSame(groupsOf(blocked.newlyDenied), ['1 × null GET /status: null -> ip_blocked']);
  t.equal(blocked.maybeWithKey, 0);
});

t.test('a path with parameters where these are refused', async (t) => {
  const { by, key, run } = await replaysOf();
  const reader = await key({ permissions: ['*'] });
  const today = { ...worldWith(), targetRules: { allowPathParameters: true } };
  const report = await run([by(reader, { path: '/api/domains/a;b' }), by(reader, DOMAINS)], {
    today,
    proposed: worldWith(),
  });
  t.strictSame(groupsOf(report.newlyDenied), [`1 × ${reader.id} GET /api/domains/*: null -> request_rejected`]);
});

t.test('keys are read once, those that are gone too, and only as many are kept as there may be', async (t) => {
  const { asked, by, key, run } = await replaysOf();
  const [a, b] = [await key(), await key()];
  const gone = { keyId: 'key_gone' };
  const report = await run([by(a), by(a), by(a, gone), by(a, gone), by(b), by(a)]);
  t.strictSame(asked, [a.id, 'key_gone', b.id]);
  t.strictSame(report.skipped, { unknown_key: 2 });
  t.strictSame([report.read, report.replayed, report.keys, report.forgotten], [6, 4, 2, 0]);
  const few = await run([by(a), by(b), by(a)], { maxKeys: 1 });
  t.strictSame([few.keys, few.forgotten], [2, 2]);
});

t.test('a damaged key is one that is skipped, a store that is down is an end', async (t) => {
  const { by, key, run } = await replaysOf();
  const record = await key();
  const failing = (code: 'STORE_CORRUPT' | 'STORE_UNAVAILABLE') => ({
    findKey: () => Promise.reject(new StoreError(code, 'as a test wants it')),
  });
  t.strictSame((await run([by(record), by(record)], failing('STORE_CORRUPT'))).skipped, { unreadable_key: 2 });
  await t.rejects(run([by(record)], failing('STORE_UNAVAILABLE')), { code: 'STORE_UNAVAILABLE' });
});

t.test('only one key, only a time', async (t) => {
  const { by, key, run } = await replaysOf();
  const [a, b] = [await key(), await key()];
  const requests = [by(a), by(b), by(null), by(a), by(a)];
  const { endedAt } = requests[3] ?? { endedAt: 0 };
  const report = await run(requests, { keyId: a.id, from: NOON + 1, to: endedAt });
  t.strictSame(report.skipped, { outside_period: 2, other_key: 2 });
  t.equal(report.replayed, 1);
});

t.test('groups are bounded, requests are counted all the same', async (t) => {
  const { by } = await replaysOf();
  const tally = new Tally(2);
  for (const route of ['a', 'b', 'b', 'c', 'c', 'c']) {
    tally.add({ request: by(null), keyName: null, route, before: null, after: 'ip_blocked' });
  }
  const { requests, groups, ungrouped } = tally.result;
  t.strictSame([requests, ungrouped, groups.map(({ route }) => route)], [6, 3, ['b', 'a']]);
});
