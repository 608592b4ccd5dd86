import t from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import { RouteTable } from '../../src/core/route.ts';
import { CHECKS } from '../../src/pipeline.ts';
import { DAY, keyRecord, LIMITS } from '../support/keys.ts';
import { changesFor, globally, setUp, stepOf } from './fixture.ts';

const HOURS = { timezone: 'Europe/Amsterdam', allowed_hours: ['09:00-17:00'], allowed_days: ['monday', 'tuesday'] };

t.test('a request that passes: every check is told, in order, and nothing needs changing', async (t) => {
  const { why } = await setUp(t);
  const told = await why({ permissions: ['domains:*'] }, { target: '/api/domains/7?all=1' });
  t.match(told, { allowed: true, code: null, path: '/api/domains/7', permission: 'domains:*', changes: [] });
  t.equal(told.route?.pattern, 'GET /api/domains/*');
  t.equal(told.togetherSuffice, null);
  t.strictSame(
    told.steps.map(({ check, verdict }) => `${check} ${verdict}`),
    ['request', ...CHECKS.map(({ name }) => name)].map((name) => `${name} passed`),
  );
  t.equal(stepOf(told, 'authorize').detail, 'GET /api/domains/* needs domains:read; the key has domains:*');
  t.equal(stepOf(told, 'key-status').detail, 'active; never expires');
  t.equal(stepOf(told, 'restrictions').detail, 'the key has no restriction');
  t.equal(stepOf(told, 'limit').detail, '100 of 100 left at once, 1,000 of 1,000 an hour, 10,000 of 10,000 a day');
});

t.test('a target that could mean two things is refused before any check, and a method that is not read', async (t) => {
  const { why } = await setUp(t);
  const told = await why({ status: 'revoked' }, { target: '/api/%2e%2e/admin' });
  t.match(told, { allowed: false, code: 'request_rejected', path: null, route: null, limits: null, changes: [] });
  t.strictSame(told.steps, [
    {
      check: 'request',
      restriction: null,
      verdict: 'denied',
      code: 'request_rejected',
      detail: 'The path has a dot segment',
      passesAt: null,
    },
  ]);
  for (const method of ['TRACE', 'CONNECT', 'get', 'G T', '', 'X'.repeat(10_000)]) {
    const refused = await why({}, { method });
    t.equal(refused.code, 'request_rejected', method.slice(0, 10));
    t.ok((refused.steps[0]?.detail.length ?? 0) < 500);
  }
  t.equal((await why({}, { target: '/a;b' }, { targetRules: { allowPathParameters: true } })).path, '/a;b');
});

t.test('on a public route only what holds for all requests is asked, and no limit', async (t) => {
  const { why } = await setUp(t);
  const unasked = (): never => {
    throw new TypeError('a public route has no limits');
  };
  const told = await why({ status: 'revoked' }, { target: '/status' }, {}, unasked);
  t.match(told, { allowed: true, code: null, limits: null, permission: null });
  t.strictSame(
    told.steps.map(({ verdict }) => verdict),
    ['passed', 'passed', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped'],
  );
  t.equal(stepOf(told, 'authorize').detail, 'GET /status is public: no key is asked for');
  const tor = { block: true, isShadow: false };
  const refused = await why({}, { target: '/status', address: '192.0.2.9' }, globally({ tor }));
  t.match(refused, { allowed: false, code: 'tor_blocked', togetherSuffice: true });
});

t.test('a revoked key: it never works again, and nothing is suggested', async (t) => {
  const { why } = await setUp(t);
  const told = await why({ status: 'revoked', revokedAt: 5 });
  t.match(told, { allowed: false, code: 'key_revoked', changes: [], togetherSuffice: false });
  t.equal(stepOf(told, 'key-status').detail, 'since 1970-01-01T00:00:00.005Z; a revoked key never works again');
});

t.test('a key that is disabled, has expired, or both', async (t) => {
  const { why, clock } = await setUp(t);
  t.strictSame(changesFor(await why({ status: 'disabled' }), 'key-status'), [
    { text: 'enable the key', set: null, suffices: true },
  ]);
  const later = new Date(clock.now() + 7 * DAY).toISOString();
  const expired = await why({ expiresAt: clock.now() });
  t.match(expired, { code: 'key_expired', togetherSuffice: true });
  t.strictSame(changesFor(expired, 'key-status'), [
    { text: `let the key expire at ${later}`, set: { expires_at: later }, suffices: true },
  ]);
  t.strictSame(changesFor(await why({ status: 'disabled', expiresAt: 1 }), 'key-status'), [
    { text: `enable the key, and let it expire at ${later}`, set: { expires_at: later }, suffices: true },
  ]);
  const longAgo = await why({ expiresAt: 1 }, { at: 2 });
  t.strictSame(changesFor(longAgo, 'key-status')[0]?.set, { expires_at: later }, 'no expiry that has passed');
});

t.test('what is said of the state of a key does not repeat the title of its denial', async (t) => {
  const { why, clock } = await setUp(t);
  const [soon, past] = [clock.now() + DAY, clock.now() - DAY].map((time) => new Date(time).toISOString());
  const cases: [Partial<KeyRecord>, string][] = [
    [{ status: 'disabled' }, 'it would never expire'],
    [{ status: 'disabled', expiresAt: clock.now() + DAY }, `it would expire at ${soon}`],
    [{ status: 'disabled', expiresAt: clock.now() - DAY }, `it has expired too, at ${past}`],
    [{ expiresAt: clock.now() - DAY }, `expired at ${past}`],
    [{ expiresAt: clock.now() + DAY }, `active; expires at ${soon}`],
    [{ status: 'revoked' }, 'a revoked key never works again'],
  ];
  for (const [key, detail] of cases) t.equal(stepOf(await why(key), 'key-status').detail, detail);
});

t.test('an address that is on no list', async (t) => {
  const { why } = await setUp(t);
  const told = await why({ restrictions: { ip_restrictions: ['10.0.0.0/8', '192.0.2.0/24'] } });
  t.match(told, { allowed: false, code: 'ip_blocked', togetherSuffice: true });
  t.match(stepOf(told, 'ip'), {
    check: 'restrictions',
    verdict: 'denied',
    code: 'ip_blocked',
    detail: 'address 203.0.113.7 is not in 10.0.0.0/8, 192.0.2.0/24',
    passesAt: null,
  });
  t.strictSame(told.changes, [
    {
      text: 'add 203.0.113.7 to ip_restrictions',
      set: { ip_restrictions: ['10.0.0.0/8', '192.0.2.0/24', '203.0.113.7'] },
      step: told.steps.indexOf(stepOf(told, 'ip')),
      suffices: true,
    },
  ]);
  const mapped = await why({ restrictions: { ip_restrictions: ['10.0.0.0/8'] } }, { address: '::ffff:10.1.2.3' });
  t.match(mapped, { allowed: true });
  t.equal(stepOf(mapped, 'ip').detail, 'address 10.1.2.3; allowed: 10.0.0.0/8');
});

t.test('a country that is not allowed, and one that is not known', async (t) => {
  const { why } = await setUp(t);
  const restrictions = { country_restrictions: ['NL'] };
  const told = await why({ restrictions });
  t.equal(stepOf(told, 'country').detail, 'country DE is not in NL');
  t.strictSame(changesFor(told, 'country'), [
    { text: 'add DE to country_restrictions', set: { country_restrictions: ['NL', 'DE'] }, suffices: true },
  ]);
  const unknown = await why({ restrictions }, { address: '198.51.100.1' });
  t.equal(stepOf(unknown, 'country').detail, 'country not known; allowed: NL');
  t.strictSame(changesFor(unknown, 'country'), [
    { text: 'lift country_restrictions', set: { country_restrictions: [] }, suffices: true },
  ]);
});

t.test('Tor, and a program', async (t) => {
  const { why } = await setUp(t);
  const overTor = await why({ restrictions: { block_tor: true } }, { address: '192.0.2.9' });
  t.match(overTor, { code: 'tor_blocked' });
  t.equal(stepOf(overTor, 'tor').detail, 'an exit of Tor, and block_tor is on');
  t.strictSame(changesFor(overTor, 'tor'), [{ text: 'lift block_tor', set: { block_tor: false }, suffices: true }]);
  const passing = await why({ restrictions: { block_tor: true } });
  t.equal(stepOf(passing, 'tor').detail, 'not an exit of Tor; block_tor is on');
  const program = await why({ restrictions: { user_agent_restrictions: ['acme/*'] } });
  t.match(program, { code: 'user_agent_blocked' });
  t.equal(stepOf(program, 'user_agent').detail, 'User-Agent "curl/8" is not in acme/*');
  t.strictSame(changesFor(program, 'user_agent')[0]?.set, { user_agent_restrictions: ['acme/*', 'curl/8'] });
});

t.test('outside the hours: what the clock shows there, what is allowed, and when that is', async (t) => {
  const { why } = await setUp(t);
  const told = await why({ restrictions: { time_restrictions: HOURS } });
  const step = stepOf(told, 'time');
  t.match(step, { verdict: 'denied', code: 'outside_allowed_hours', passesAt: Date.parse('2026-11-23T08:00Z') });
  t.equal(step.detail, 'sunday 13:30 in Europe/Amsterdam; allowed: 09:00-17:00 on monday, tuesday, Europe/Amsterdam');
  t.strictSame(
    changesFor(told, 'time').map(({ text, suffices }) => ({ text, suffices })),
    [
      { text: 'wait until 2026-11-23T08:00:00.000Z', suffices: true },
      {
        text: 'widen time_restrictions to 09:00-17:00 on monday, tuesday, sunday, Europe/Amsterdam; that lets in all requests then, not only this one',
        suffices: true,
      },
    ],
  );
});

t.test('a key that will have expired when its hours begin cannot wait for them', async (t) => {
  const { why, clock } = await setUp(t);
  const told = await why({ expiresAt: clock.now() + 1_000, restrictions: { time_restrictions: HOURS } });
  t.equal(stepOf(told, 'time').passesAt, null);
  t.match(stepOf(told, 'time').detail, /, Europe\/Amsterdam; the key expires before its hours begin$/);
  t.strictSame(
    changesFor(told, 'time').map(({ set }) => set === null),
    [false],
  );
});

t.test('a permission that the key lacks: each that would do', async (t) => {
  const { why } = await setUp(t);
  const told = await why({ permissions: ['domains:write'], preset: null }, { target: '/api/report' });
  t.match(told, { code: 'permission_denied', permission: null, togetherSuffice: true });
  t.equal(
    stepOf(told, 'authorize').detail,
    'GET /api/report needs any of domains:read, devices:read; the key has domains:write',
  );
  t.strictSame(changesFor(told, 'authorize'), [
    {
      text: 'add domains:read to permissions',
      set: { permissions: ['domains:read', 'domains:write'] },
      suffices: true,
    },
    {
      text: 'add devices:read to permissions',
      set: { permissions: ['devices:read', 'domains:write'] },
      suffices: true,
    },
  ]);
  const full = Array.from({ length: 500 }, (_, i) => `p${i}:x`);
  const filled = await why({ permissions: full }, { target: '/api/report' });
  t.strictSame(filled.changes, [], 'another permission than as many as a key may have is not suggested');
});

t.test('what a preset gives stays there: only the permissions of the key itself are to be written', async (t) => {
  const { why } = await setUp(t);
  const told = await why({ preset: 'read_only' }, { method: 'POST', target: '/api/domains' });
  t.equal(
    stepOf(told, 'authorize').detail,
    'POST /api/domains needs domains:write; the key has devices:read, domains:read',
  );
  t.strictSame(told.changes[0]?.set, { permissions: ['domains:write'] });
});

t.test('which permission opens the route: the narrowest that the key has', async (t) => {
  const { why } = await setUp(t);
  const opened = async (...permissions: string[]): Promise<string | null> =>
    (await why({ permissions }, { target: '/api/report' })).permission;
  t.equal(await opened('*', 'domains:*', 'domains:read'), 'domains:read');
  t.equal(await opened('*', 'domains:*', 'domains:write'), 'domains:*');
  t.equal(await opened('*'), '*');
  t.equal(await opened('devices:read'), 'devices:read');
  const forAny = await why({ permissions: ['*'] });
  t.equal(forAny.permission, null);
  t.equal(stepOf(forAny, 'authorize').detail, 'GET /api/whoami asks for no permission');
  const routes = new RouteTable({ public: [], anyKey: [], permissions: { 'd:x': ['GET /d'] } });
  t.equal((await why({ permissions: ['d:*', 'd:x'] }, { target: '/d' }, { routes })).permission, 'd:x');
});

t.test('a path that no route names', async (t) => {
  const { why } = await setUp(t);
  const told = await why({}, { method: 'DELETE', target: '/nowhere' });
  t.match(told, { code: 'route_not_found', route: null });
  t.match(stepOf(told, 'authorize').detail, 'no route is configured for DELETE /nowhere');
  t.strictSame(changesFor(told, 'authorize'), [
    { text: 'name DELETE /nowhere in access of the configuration', set: null, suffices: true },
  ]);
});

t.test('several things in the way are all told, and what mends them together', async (t) => {
  const { why } = await setUp(t);
  const told = await why(
    { status: 'disabled', restrictions: { ip_restrictions: ['10.0.0.1'], time_restrictions: HOURS } },
    { target: '/api/domains/1' },
  );
  t.equal(told.code, 'key_disabled');
  t.strictSame(
    told.steps.filter(({ verdict }) => verdict === 'denied').map(({ code }) => code),
    ['key_disabled', 'ip_blocked', 'outside_allowed_hours', 'permission_denied'],
  );
  t.ok(told.changes.every(({ suffices }) => !suffices));
  t.equal(told.togetherSuffice, true);
});

t.test('to explain spends nothing and leaves no trace', async (t) => {
  const { why, store } = await setUp(t);
  const key = keyRecord({ limits: { perHour: 1, burst: 1 }, restrictions: { ip_restrictions: ['10.0.0.1'] } });
  const record = structuredClone(key);
  for (let i = 0; i < 5; i++) {
    t.match(await why(key), { allowed: false });
    t.match(await why(key, { address: '10.0.0.1' }), { allowed: true, limits: { hour: { remaining: 1 } } });
  }
  t.strictSame(key, record);
  t.match(await store.limits.lease(key.id, { ...LIMITS, perHour: 1, burst: 1 }, 1), { granted: 1, hourRemaining: 0 });
});

t.test('what is told is bounded, whatever a key has, and so is the time that it takes', async (t) => {
  const { why } = await setUp(t);
  const cidrs = Array.from({ length: 10_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/25`);
  const key = keyRecord({
    permissions: Array.from({ length: 500 }, (_, i) => `p${i}:x`),
    restrictions: { ip_restrictions: cidrs, country_restrictions: ['NL'], user_agent_restrictions: ['a'.repeat(200)] },
  });
  const target = `/${'long/'.repeat(3_000)}end`;
  const begun = process.cpuUsage();
  const told = await why(key, { target, userAgent: 'b'.repeat(10_000) });
  const { user } = process.cpuUsage(begun);
  t.ok(user < 1_000_000, `${user / 1000} ms`);
  t.match(
    stepOf(told, 'ip').detail,
    /^address 203\.0\.113\.7 is not in 10\.0\.0\.0\/25, 10\.0\.1\.0\/25, .*, and 9,995 more$/,
  );
  for (const { detail } of told.steps) t.ok(detail.length < 2_000, detail.slice(0, 80));
  for (const { text } of told.changes) t.ok(text.length < 2_000, text.slice(0, 80));
  t.strictSame(changesFor(told, 'ip')[0]?.set, { ip_restrictions: [] }, 'one more than fits is not suggested');
});
