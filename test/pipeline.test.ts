import t from 'tap';
import type { KeyRecord, KeyRestrictions } from '../src/core/key.ts';
import { NO_PLACES } from '../src/core/places.ts';
import { CHECKS, LASTING_CHECKS, PUBLIC_CHECKS } from '../src/pipeline.ts';
import { compileGlobal } from '../src/restrictions/global.ts';
import { setUp } from './checks/fixture.ts';
import { NO_GLOBAL_RESTRICTIONS } from './support/gateway.ts';

const ELSEWHERE: KeyRestrictions = { ip_restrictions: ['192.0.2.1'] };
const NEVER_SUNDAY: KeyRestrictions = {
  time_restrictions: { timezone: 'UTC', allowed_hours: [], allowed_days: ['monday'] },
};
const DOMAINS = '/api/domains/1';

t.test('the checks are these, in this order', async (t) => {
  const names = (checks: typeof CHECKS): string[] => checks.map(({ name }) => name);
  const lasting = ['global-restrictions', 'authenticate', 'key-status', 'restrictions', 'authorize'];
  t.strictSame(names(CHECKS), [...lasting, 'limit']);
  t.strictSame(names(LASTING_CHECKS), lasting, 'what lasts spends nothing');
  t.strictSame(names(PUBLIC_CHECKS), ['global-restrictions']);
});

t.test('a request that several checks would refuse is refused by the first', async (t) => {
  const { code, gate, issue, ledger } = await setUp(t);
  // Each line mends what the line before was refused for, until nothing is left to refuse.
  const spent = { limits: { perHour: 1, perDay: 1, burst: 1 } };
  const both = { ...NEVER_SUNDAY, ip_restrictions: ELSEWHERE.ip_restrictions };
  const lines: [Partial<KeyRecord>, string, string][] = [
    [{ status: 'revoked', revokedAt: 1, expiresAt: 1, restrictions: both }, '/nowhere', 'key_revoked'],
    [{ status: 'disabled', expiresAt: 1, restrictions: both }, '/nowhere', 'key_disabled'],
    [{ expiresAt: 1, restrictions: both }, '/nowhere', 'key_expired'],
    [{ restrictions: both }, '/nowhere', 'ip_blocked'],
    [{ restrictions: NEVER_SUNDAY }, '/nowhere', 'outside_allowed_hours'],
    [{}, '/nowhere', 'route_not_found'],
    [{}, DOMAINS, 'permission_denied'],
  ];
  const ip = { allow: [], deny: ['203.0.113.0/24'], isShadow: false };
  Object.assign(gate, { restrictions: compileGlobal({ ...NO_GLOBAL_RESTRICTIONS, ip }, NO_PLACES) });
  t.equal(await code({ path: '/nowhere' }), 'ip_blocked');
  Object.assign(gate, { restrictions: [] });
  t.equal(await code({ path: '/nowhere' }), 'key_missing');
  t.equal(await code({ path: '/nowhere', secret: 'x' }), 'key_not_found');
  for (const [given, path, expected] of lines) {
    const { secret } = await issue({ ...spent, ...given });
    for (let i = 0; i < 3; i++) t.equal(await code({ secret, path }), expected);
  }
  t.strictSame(ledger.asked, [], 'what is refused spends nothing');
  const { secret } = await issue({ ...spent, permissions: ['domains:read'] });
  t.equal(await code({ secret, path: DOMAINS }), null);
  t.equal(await code({ secret, path: DOMAINS }), 'rate_limited');
});

t.test('a public route asks for nothing: no key, any key, and no admission', async (t) => {
  const { ask, ledger, store } = await setUp(t);
  for (const authorization of [undefined, 'Bearer wrong', 'Basic YTpi']) {
    const decision = ask({ path: '/status', ...(authorization === undefined ? {} : { authorization }) });
    t.match(decision, { denial: null, key: null, lease: null, route: { pattern: 'GET /status' } });
  }
  t.match(await ask({ path: '/status', method: 'HEAD' }), { denial: null });
  t.match(await ask({ path: '/status', method: 'POST' }), { denial: { code: 'key_missing' } });
  t.equal(store.finds, 0);
  t.strictSame(ledger.asked, []);
});

t.test('a route for any key opens to any valid key', async (t) => {
  const { ask, code, issue } = await setUp(t);
  const { record, secret } = await issue();
  t.match(await ask({ secret }), {
    denial: null,
    key: { record },
    route: { access: 'any_key' },
    lease: { granted: 1 },
  });
  t.equal(await code({}), 'key_missing');
});

t.test('what no route names is denied, and only who has a key learns that', async (t) => {
  const { ask, code, issue } = await setUp(t);
  const { secret } = await issue({ permissions: ['*'] });
  for (const [method, path] of [
    ['GET', '/'],
    ['GET', '/api/domain'],
    ['DELETE', DOMAINS],
    ['GET', '/STATUS'],
    ['PROPFIND', '/api/whoami'],
  ] as const) {
    t.equal(await code({ method, path }), 'key_missing', `${method} ${path}`);
    t.match(await ask({ method, path, secret }), { route: null, denial: { code: 'route_not_found' } });
  }
});

t.test('a permission opens its routes, and a wildcard those of its resource', async (t) => {
  const { code, issue } = await setUp(t);
  const opened = async (...permissions: string[]): Promise<string[]> => {
    const { secret } = await issue({ permissions });
    const asked = [
      ['GET', '/api/domains'],
      ['POST', '/api/domains'],
      ['GET', '/api/report'],
    ] as const;
    const open = [];
    for (const [method, path] of asked) {
      if ((await code({ method, path, secret })) === null) open.push(`${method} ${path}`);
    }
    return open;
  };
  t.strictSame(await opened(), []);
  t.strictSame(await opened('domains:read'), ['GET /api/domains', 'GET /api/report']);
  t.strictSame(await opened('domains:write'), ['POST /api/domains']);
  t.strictSame(await opened('domains:*'), ['GET /api/domains', 'POST /api/domains', 'GET /api/report']);
  t.strictSame(await opened('*'), ['GET /api/domains', 'POST /api/domains', 'GET /api/report']);
  t.strictSame(await opened('devices:read'), ['GET /api/report'], 'of several permissions any one will do');
  t.strictSame(await opened('domains:delete', 'domain:*', 'reports:read'), []);
});

t.test('a preset grants what it names', async (t) => {
  const { code, issue } = await setUp(t);
  const { secret } = await issue({ preset: 'read_only' });
  t.equal(await code({ secret, path: DOMAINS }), null);
  t.equal(await code({ secret, method: 'POST', path: '/api/domains' }), 'permission_denied');
});

t.test('a denial says what would have been needed', async (t) => {
  const { ask, issue } = await setUp(t);
  const { secret } = await issue();
  t.match((await ask({ secret, path: '/api/report' })).denial, {
    code: 'permission_denied',
    detail: 'This route needs the permission domains:read or devices:read.',
    facts: { required_permission: ['domains:read', 'devices:read'] },
  });
});

t.test('the limit that refuses is named, with when to come back', async (t) => {
  const { ask, issue } = await setUp(t);
  const refusals: [KeyRecord['limits'], string, number, string][] = [
    [{ perHour: 1 }, 'hour', 1_800, '1 request an hour'],
    [{ perDay: 1 }, 'day', 41_400, '1 request a day'],
    [{ burst: 2, perHour: 3_600 }, 'burst', 1, '2 requests at once'],
  ];
  for (const [limits, limit, seconds, allowed] of refusals) {
    const { secret } = await issue({ limits });
    await ask({ secret });
    if (limit === 'burst') await ask({ secret });
    const { denial, lease } = await ask({ secret });
    t.match(denial, {
      code: 'rate_limited',
      detail: `This key may make ${allowed}. Try again in ${seconds} s.`,
      facts: { limit, retry_after: seconds },
    });
    t.match(lease, { granted: 0, refusedBy: limit });
  }
});

t.test('with all in memory the decision is there at once, without a promise', async (t) => {
  const { ask, issue } = await setUp(t);
  const { secret } = await issue({
    permissions: ['domains:read'],
    restrictions: { ip_restrictions: ['203.0.113.0/24'] },
  });
  await ask({ secret, path: DOMAINS });
  for (const asked of [{ secret, path: DOMAINS }, { secret: 'x' }, {}, { secret, path: '/nowhere' }]) {
    t.notOk(ask(asked) instanceof Promise, JSON.stringify(asked));
  }
});

t.test('after a check that had to wait the next ones go on, in order', async (t) => {
  const { ask, issue, store } = await setUp(t);
  const allowed = await issue({ permissions: ['domains:read'] });
  const denied = await issue({ status: 'disabled' });
  store.holding = true;
  const waiting = [ask({ secret: allowed.secret, path: DOMAINS }), ask({ secret: denied.secret, path: DOMAINS })];
  t.ok(waiting.every((each) => each instanceof Promise));
  store.holding = false;
  store.letThrough('find');
  t.match(await waiting[0], { denial: null, key: { record: allowed.record }, lease: { granted: 1 } });
  t.match(await waiting[1], { denial: { code: 'key_disabled' }, key: { record: denied.record }, lease: null });
});

t.test('a limiter that must wait decides last all the same', async (t) => {
  const { ask, gate, issue } = await setUp(t);
  const { secret } = await issue({ limits: { perHour: 1, burst: 1 } });
  const { limiter } = gate;
  Object.assign(gate, { limiter: { admit: async (key: Parameters<typeof limiter.admit>[0]) => limiter.admit(key) } });
  t.match(await ask({ secret }), { denial: null, lease: { granted: 1 } });
  t.match(await ask({ secret }), { denial: { code: 'rate_limited' }, lease: { granted: 0 } });
});
