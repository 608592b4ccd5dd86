/** `POST /explain` over a real socket: what it says, whom it says it to, and that it leaves everything as it was. */
import { join } from 'node:path';
import t from 'tap';
import { NO_PLACES } from '../../src/core/places.ts';
import { StoreError } from '../../src/core/ports.ts';
import { Administration } from '../../src/management/administration.ts';
import { mintToken } from '../../src/management/auth/mint.ts';
import { signingSecret } from '../../src/management/auth/secret-file.ts';
import { localCaller } from '../../src/management/caller.ts';
import type { ExplainRequest } from '../../src/management/schemas/explain.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createManagementPlane } from '../../src/wiring/management-plane.ts';
import { ManualClock, NOON } from '../support/clock.ts';
import { load } from '../support/config.ts';
import { sqliteStore } from '../support/keys.ts';
import { administer, MANAGED } from '../support/management.ts';
import { DOMAINS, explaining, logged, pointers } from './explaining.ts';
import { folder } from './fixture.ts';
import { client } from './gateway.ts';

t.test('a request that passes, and how the limits stand', async (t) => {
  const { admin, explain } = await explaining(t);
  const { id, limits } = await admin.createKey({ name: 'ci', permissions: ['domains:*'] });
  const given = { key_id: id, ...DOMAINS, ip_address: '203.0.113.7', user_agent: 'SDK/1.0' };
  t.match(await explain(given), {
    status: 200,
    body: {
      allowed: true,
      status: null,
      code: null,
      title: null,
      detail: 'Every check lets it pass.',
      key: { id, name: 'ci' },
      request: { ...DOMAINS, ip_address: '203.0.113.7', user_agent: 'SDK/1.0', at: new Date(NOON).toISOString() },
      recorded: null,
      route: { pattern: 'GET /api/domains/*', access: 'permission', required_permissions: ['domains:read'] },
      permission: 'domains:*',
      would_deny: [],
      limits: {
        burst: { limit: limits.burst, remaining: limits.burst, full_in_ms: 0 },
        hour: { limit: limits.per_hour, remaining: limits.per_hour },
        day: { limit: limits.per_day, remaining: limits.per_day },
      },
      changes: [],
      together_suffice: null,
      warnings: [],
    },
  });
});

t.test('a denial, and a change that takes it away when it is made', async (t) => {
  const { admin, explain } = await explaining(t);
  const { id } = await admin.createKey({ name: 'x', permissions: ['domains:read'], ip_restrictions: ['192.0.2.0/24'] });
  const given: ExplainRequest = { key_id: id, ...DOMAINS, ip_address: '::ffff:203.0.113.7' };
  const { body } = await explain(given);
  t.match(body, {
    allowed: false,
    status: 403,
    code: 'ip_blocked',
    title: 'Not allowed from this address',
    request: { ip_address: '203.0.113.7', user_agent: null },
    together_suffice: true,
  });
  const denied = (body['checks'] as Record<string, unknown>[]).filter(({ verdict }) => verdict === 'denied');
  t.match(denied, [{ check: 'restrictions', restriction: 'ip', code: 'ip_blocked', detail: body['detail'] }]);
  const [change] = body['changes'] as { set: object; for: string; suffices: boolean }[];
  t.match(change, { for: 'ip', suffices: true, set: { ip_restrictions: ['192.0.2.0/24', '203.0.113.7'] } });
  await admin.updateKey(id, change?.set ?? {});
  t.match((await explain(given)).body, { allowed: true, code: null });
});

t.test('what is in shadow is told, and denies nothing', async (t) => {
  const { admin, explain } = await explaining(t, 'restrictions: { shadow: [time] }\n');
  const { id } = await admin.createKey({
    name: 'x',
    permissions: ['domains:read'],
    ip_restrictions: ['192.0.2.0/24'],
    time_restrictions: { timezone: 'UTC', allowed_hours: ['01:00-02:00'], allowed_days: [] },
    shadow: ['ip'],
  });
  t.match(await explain({ key_id: id, ...DOMAINS, ip_address: '203.0.113.7' }), {
    body: { allowed: true, would_deny: ['ip_blocked', 'outside_allowed_hours'] },
  });
});

t.test('what depends on something that was not given is not known', async (t) => {
  const { admin, explain } = await explaining(t);
  const { id } = await admin.createKey({ name: 'x', permissions: ['domains:read'], ip_restrictions: ['192.0.2.0/24'] });
  const { body } = await explain({ key_id: id, ...DOMAINS });
  t.match(body, { allowed: null, code: null, status: null, request: { ip_address: null } });
  const unknown = (body['checks'] as Record<string, unknown>[]).filter(({ verdict }) => verdict === 'unknown');
  t.match(unknown, [{ restriction: 'ip', detail: body['detail'] }]);
});

t.test('what only gateways know denies nobody, and why is in the warnings', async (t) => {
  const { admin, store, clock, config } = await administer(t);
  const gaps = [
    { restriction: 'tor', text: 'no list of Tor exits is kept here' },
    { restriction: 'country', text: 'the country database is elsewhere' },
  ];
  const places = () => ({ places: NO_PLACES, gaps });
  const here = new Administration({ store, clock, config, places, claimSalt: Buffer.alloc(0) });
  const local = here.as(localCaller('ann', 'laptop'));
  const { id } = await admin.createKey({ name: 'x', permissions: ['domains:read'], block_tor: true });
  const told = await local.explain({ key_id: id, ...DOMAINS, ip_address: '203.0.113.7' });
  t.match(told, {
    allowed: null,
    code: null,
    detail: 'whether it is an exit of Tor is not known here; block_tor is on',
    changes: [],
    warnings: ['no list of Tor exits is kept here'],
  });
  t.equal(told.warnings.length, 1, 'the country plays no part');
  await admin.disableKey(id);
  const disabled = await local.explain({ key_id: id, ...DOMAINS, ip_address: '203.0.113.7' });
  t.match(disabled, { allowed: false, code: 'key_disabled', together_suffice: false });
});

t.test('the source of places that is configured is not to be set', async (t) => {
  const { admin, store, clock, config } = await administer(t);
  const torList = { kind: 'url' as const, url: 'https://example.com/', refreshMs: 1, keptFile: null };
  const { id } = await admin.createKey({ name: 'x', permissions: ['domains:read'], block_tor: true });
  const explained = async (places: typeof config.places) => {
    const known = () => ({ places: NO_PLACES, gaps: [] });
    const changed = { ...config, places };
    const there = new Administration({ store, clock, config: changed, places: known, claimSalt: Buffer.alloc(0) });
    const { changes } = await there
      .as(localCaller('ann', 'laptop'))
      .explain({ key_id: id, ...DOMAINS, ip_address: '::1' });
    return changes.map(({ change }) => change);
  };
  t.strictSame(await explained(config.places), ['lift block_tor', 'set tor.list_url']);
  t.strictSame(await explained({ ...config.places, torList }), ['lift block_tor', 'wait until the Tor list is read']);
});

t.test('the rules for every request, and another configuration after a reload', async (t) => {
  const { admin, administration, config, explain } = await explaining(t);
  const { id } = await admin.createKey({ name: 'x', permissions: ['domains:read'] });
  const given = { key_id: id, ...DOMAINS, ip_address: '203.0.113.7' };
  t.match((await explain(given)).body, { allowed: true });
  const ip = { allow: [], deny: ['203.0.113.0/24'], isShadow: false };
  administration.reload({
    ...config,
    access: { ...config.access, public: ['GET /api/domains/*'], permissions: {} },
    restrictions: { ...config.restrictions, ip },
  });
  t.match((await explain(given)).body, { code: 'ip_blocked', route: { access: 'public' } });
  t.match((await explain({ ...given, ip_address: '192.0.2.1' })).body, { allowed: true, limits: null });
});

t.test('nothing is spent and nothing is told of it', async (t) => {
  const { admin, explain, store } = await explaining(t);
  const { id } = await admin.createKey({ name: 'x', permissions: ['domains:read'], limits: { burst: 2 } });
  const { keys } = await store.keys.list({ limit: 1 });
  const { pagination, entries } = await admin.auditLogs({ limit: 100 });
  const cursor = (await store.keys.changesSince(null)).cursor;
  for (let i = 0; i < 5; i++) {
    t.match((await explain({ key_id: id, ...DOMAINS })).body, { allowed: true, limits: { burst: { remaining: 2 } } });
  }
  t.strictSame(await admin.auditLogs({ limit: 100 }), { pagination, entries });
  t.strictSame((await store.keys.list({ limit: 1 })).keys, keys);
  t.strictSame((await store.keys.changesSince(cursor)).changed, []);
  t.match(await admin.getKey(id), { last_used: null, usage: { requests_today: 0 } });
});

t.test('blanks around a User-Agent are no part of it; others that look like some are', async (t) => {
  const { admin, explain } = await explaining(t);
  const { id } = await admin.createKey({
    name: 'x',
    permissions: ['domains:read'],
    user_agent_restrictions: ['sync/1'],
  });
  const asked = { key_id: id, ...DOMAINS };
  t.match((await explain({ ...asked, user_agent: ' \t sync/1\t ' })).body, {
    allowed: true,
    request: { user_agent: 'sync/1' },
  });
  t.match((await explain({ ...asked, user_agent: ' ' })).body, { allowed: false, request: { user_agent: '' } });
  t.match((await explain({ ...asked, user_agent: 'sync/1\u00a0' })).body, { allowed: false });
});

t.test('a key that cannot be read: what a gateway answers, not that something went wrong', async (t) => {
  const served = await explaining(t);
  const { id } = await served.admin.createKey({ name: 'x' });
  await logged(served, { keyId: id });
  served.store.keys.get = () => Promise.reject(new StoreError('STORE_CORRUPT', 'key: name is missing'));
  for (const given of [{ key_id: id, ...DOMAINS }, { request_id: 'req_1' }]) {
    const { status, body } = await served.explain(given);
    t.match([status, body], [409, { code: 'conflict', detail: /key_store_unavailable/ }]);
  }
});

t.test('everything that is wrong is named', async (t) => {
  const served = await explaining(t, 'proxy: { max_target_size: 1KiB }\n');
  const { admin, explain } = served;
  const { id } = await admin.createKey({ name: 'x' });
  const other = await admin.createKey({ name: 'y' });
  await logged(served, { keyId: id });
  const all = await explain({
    method: 'get',
    path: 'api',
    ip_address: '203.0.113.300',
    at: 'today',
    user_agent: 1,
    x: 1,
  });
  t.equal(all.status, 422);
  t.strictSame(
    pointers(all)
      .map(String)
      .toSorted((a, b) => a.localeCompare(b)),
    ['/at', '/ip_address', '/key_id', '/method', '/path', '/user_agent', '/x'],
  );
  t.match(JSON.stringify(all.body), /did you mean \\"GET\\"/);
  t.strictSame(
    pointers(await explain({}))
      .map(String)
      .toSorted((a, b) => a.localeCompare(b)),
    ['/key_id', '/method', '/path'],
  );
  t.strictSame(pointers(await explain({ key_id: id, method: 'GET' })), ['/path']);
  t.match(await explain([]), { status: 422 });
  t.match(await explain({ key_id: 'key_0', ...DOMAINS }), { status: 404, body: { errors: [{ pointer: '/key_id' }] } });
  t.match(await explain({ request_id: 'req_0' }), { status: 404, body: { errors: [{ pointer: '/request_id' }] } });
  const disagreeing = await explain({ request_id: 'req_1', key_id: other.id });
  t.match([disagreeing.status, ...pointers(disagreeing)], [404, '/request_id']);
  const long = await explain({ key_id: id, method: 'GET', path: `/${'x'.repeat(1024)}` });
  t.match([long.status, ...pointers(long)], [422, '/path']);
});

t.test('the gateway is not told of a change, for there is none', async (t) => {
  const clock = new ManualClock();
  const secretFile = join(folder(t), 'management.secret');
  const jwt = `{ issuer: test, audience: test, secret_file: ${JSON.stringify(secretFile)} }`;
  const { config } = load(`${MANAGED}management: { listen: "127.0.0.1:0", jwt: ${jwt} }\n`);
  const log = createLogger(config.log, {
    stdoutIsTerminal: false,
    destination: { write: () => true, on: () => undefined },
  });
  log.logger.level = 'silent';
  const store = await sqliteStore(t, clock);
  const plane = await createManagementPlane({ config, store, places: NO_PLACES, clock, log, version: '0.0.0' });
  if (plane === null) throw new Error('there is a listener');
  let told = 0;
  plane.onChange(async () => void told++);
  const { port } = await plane.server.listen();
  t.teardown(() => plane.server.close());
  const { secret } = signingSecret(secretFile);
  const asked = { secret, issuer: 'test', audience: 'test', subject: 'root', permissions: ['admin:write'] };
  const { token } = await mintToken({ ...asked, ttlSeconds: 60, now: NOON });
  const root = client(t, `http://127.0.0.1:${port}`, token);
  const { id } = await root.createKey({ name: 'x' });
  t.equal(told, 1);
  t.match(await root.explain({ key_id: id, ...DOMAINS }), { code: 'permission_denied' });
  t.equal(told, 1);
});
