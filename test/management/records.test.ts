/** What is told of keys afterwards: lists, usage, requests, roles, the audit log. */
import t from 'tap';
import { entryFault, GENESIS } from '../../src/core/audit.ts';
import type { LoggedRequest } from '../../src/core/request-log.ts';
import { dayOf, type UsageDelta, type UsageScope } from '../../src/core/usage.ts';
import { NOON } from '../support/clock.ts';
import { DAY, keyRecord } from '../support/keys.ts';
import { type AdminFixture, administer } from '../support/management.ts';

const HOUR = 3_600_000;
const bad = { name: 'ManagementError', code: 'request_invalid' };

/** What one process counted for a scope on a day. */
function delta(scope: UsageScope, day: number, hour: number, requests: number, errors = 0): UsageDelta {
  return {
    scope,
    day,
    hours: { [hour]: { requests, errors, timeUs: requests * 145_000 } },
    endpoints: { '/api/domains/*': requests - errors, '': errors },
    methods: { GET: requests },
    denials: errors === 0 ? {} : { permission_denied: errors },
  };
}

let batches = 0;

async function count({ store }: AdminFixture, ...deltas: readonly UsageDelta[]): Promise<void> {
  batches++;
  await store.usage.record({ writer: 'test', number: batches, uses: [], deltas, keepFrom: 0 });
}

t.test('a list is in the shape of the reference, page by page', async (t) => {
  const { admin, clock } = await administer(t);
  const names: string[] = [];
  for (let i = 0; i < 7; i++) {
    clock.advance(1_000);
    names.unshift((await admin.createKey({ name: `key ${i}`, type: 'service' })).name);
  }
  const first = await admin.listKeys({ limit: 3 });
  t.match(first, { pagination: { total: 7, limit: 3, offset: 0 }, unreadable: [] });
  t.match(first.keys[0], { status: 'active', last_used: null, usage: { requests_today: 0, requests_this_month: 0 } });
  const second = await admin.listKeys({ limit: 3, cursor: first.pagination.next ?? '' });
  const third = await admin.listKeys({ limit: 3, offset: 6 });
  t.equal(third.pagination.next, null);
  const listed = [...first.keys, ...second.keys, ...third.keys].map(({ name }) => name);
  t.strictSame(listed, names);
  await t.rejects(admin.listKeys({ cursor: 'made up' }), { code: 'STORE_BAD_QUERY' });
  await t.rejects(admin.listKeys({ cursor: first.pagination.next ?? '', sort: 'name' }), { code: 'STORE_BAD_QUERY' });
  await t.rejects(admin.listKeys({ cursor: first.pagination.next ?? '', offset: 1 }), bad);
});

t.test('a list shows what meets all conditions', async (t) => {
  const { admin, clock } = await administer(t);
  const at = (days: number): string => new Date(NOON + days * DAY).toISOString();
  const make = (name: string, fields: object): Promise<unknown> =>
    admin.createKey({ name, type: 'service', owner: 'ann', ...fields });
  await make('soon', { expires_at: at(5), permissions: ['domains:*'] });
  await make('later', { expires_at: at(50), permissions: ['domains:read'], description: 'of the Billing team' });
  await make('never', { owner: 'bob', permissions: ['*'] });
  await make('plain', { type: 'personal', preset: 'read_only', expires_at: at(60) });
  const names = async (query: Parameters<typeof admin.listKeys>[0]): Promise<string[]> =>
    (await admin.listKeys({ sort: 'name', ...query })).keys.map(({ name }) => name);
  t.strictSame(await names({}), ['later', 'never', 'plain', 'soon']);
  t.strictSame(await names({ type: 'personal' }), ['plain']);
  t.strictSame(await names({ owner: 'ann', type: 'service' }), ['later', 'soon']);
  t.strictSame(await names({ permission: 'domains:write' }), ['never', 'soon']);
  t.strictSame(await names({ permission: 'devices:read' }), ['never', 'plain'], 'also by way of a preset');
  t.strictSame(await names({ permission: 'domains:*' }), ['never', 'soon']);
  t.strictSame(await names({ q: 'BILLING' }), ['later']);
  t.strictSame(await names({ expiring_before: at(51) }), ['later', 'soon']);
  t.strictSame(await names({ sort: 'expires_at' }), ['soon', 'later', 'plain', 'never']);
  clock.advance(10 * DAY);
  t.strictSame(await names({ status: 'expired' }), ['soon']);
  t.strictSame(await names({ status: 'active' }), ['later', 'never', 'plain']);
  t.strictSame(await names({ expiring_before: at(51) }), ['later'], 'what has ended will not end');
});

t.test('a condition with a name that nobody knows is a mistake, not an empty list', async (t) => {
  const { admin, store } = await administer(t);
  const unknown = (parameter: string, detail: RegExp) => ({ ...bad, errors: [{ parameter, detail }] });
  await t.rejects(admin.listKeys({ type: 'servce' }), unknown('type', /did you mean "service"/));
  await t.rejects(admin.listKeys({ permission: 'domain:read' }), unknown('permission', /did you mean "domains:read"/));
  await t.rejects(admin.bulkChange({ action: 'revoke', filter: { type: 'servce' } }), unknown('type', /service/));
  t.match(await admin.listKeys({ type: 'service', permission: 'domains:write' }), { keys: [] });
  await store.keys.create(keyRecord({ type: 'of before' }));
  t.match(await admin.listKeys({ type: 'of before' }), { keys: [{ type: 'of before' }] });
});

t.test('usage is in the shape of the reference, over the days of the UTC calendar', async (t) => {
  const fixture = await administer(t);
  const { admin, clock } = fixture;
  // The last day of a month, half an hour before its end.
  clock.time = Date.UTC(2027, 0, 31, 23, 30);
  const today = dayOf(clock.now());
  const { id } = await admin.createKey({ name: 'x', owner: 'ann' });
  await count(
    fixture,
    delta(`key:${id}`, today, 23, 10, 2),
    delta(`key:${id}`, today - 1, 5, 30),
    delta(`key:${id}`, today - 31, 5, 100),
    delta('owner:ann', today, 23, 10, 2),
    delta('all', today, 23, 500),
  );
  t.strictSame((await admin.getKey(id)).usage, { requests_today: 10, requests_this_month: 40 });
  const month = await admin.keyUsage(id, {});
  t.match(month, {
    key_id: id,
    period: '30d',
    total_requests: 40,
    requests_by_endpoint: { '/api/domains/*': 38, '(none)': 2 },
    requests_by_method: { GET: 40 },
    denials_by_code: { permission_denied: 2 },
    error_rate: 0.05,
    avg_response_time_ms: 145,
  });
  t.equal(month.series.length, 30);
  t.match(month.series.at(-1), { start: '2027-01-31T00:00:00.000Z', requests: 10, errors: 2 });
  t.equal((await admin.keyUsage(id, { period: '32d' })).total_requests, 140);
  const hourly = await admin.keyUsage(id, { period: '2d', interval: 'hour' });
  t.equal(hourly.series.length, 48);
  t.match(hourly.series[5], { start: '2027-01-30T05:00:00.000Z', requests: 30 });
  t.match(await admin.ownerUsage('ann', {}), { owner: 'ann', total_requests: 10 });
  t.match(await admin.totalUsage({ period: '1d' }), { total_requests: 500 });
  clock.advance(HOUR);
  t.strictSame((await admin.getKey(id)).usage, { requests_today: 0, requests_this_month: 0 }, 'a new month');
  t.equal((await admin.keyUsage(id, { period: '2d' })).total_requests, 10);
  await t.rejects(admin.keyUsage(id, { period: '401d' }), bad);
  await t.rejects(admin.keyUsage(id, { period: '32d', interval: 'hour' }), bad);
});

t.test('where usage is kept for a shorter time, that is what is told when nobody says', async (t) => {
  const { admin } = await administer(t, 'retention: { usage: 7d }\n');
  const { id } = await admin.createKey({ name: 'x' });
  t.match(await admin.keyUsage(id, {}), { period: '7d', series: { length: 7 } });
  t.match(await admin.keyUsage(id, { interval: 'hour' }), { period: '7d' });
  await t.rejects(admin.keyUsage(id, { period: '8d' }), bad);
});

function logged(keyId: string, i: number, given: Partial<LoggedRequest> = {}): LoggedRequest {
  return {
    keyId,
    requestId: `req_${i}`,
    at: NOON + i * 1_000,
    address: '192.168.1.100',
    userAgent: 'PulseGuard-SDK/1.0',
    method: 'GET',
    path: `/api/domains/${i}`,
    route: 'GET /api/domains/*',
    status: 200,
    code: null,
    wouldDeny: [],
    durationUs: 145_250,
    ...given,
  };
}

const KEPT = { retentionMs: 30 * DAY, maxEntries: 1_000 };

t.test('requests are in the shape of the reference, newest first, page by page', async (t) => {
  const { admin, store } = await administer(t);
  const { id } = await admin.createKey({ name: 'x' });
  const entries = Array.from({ length: 25 }, (_, i) =>
    logged(id, i, i % 5 === 0 ? { status: 403, code: 'permission_denied', method: 'POST', route: null } : {}),
  );
  await store.requests.append([{ keyId: id, entries, ...KEPT }]);
  const page = await admin.keyLogs(id, { limit: 10 });
  t.match(page.logs[1], {
    timestamp: new Date(NOON + 23_000).toISOString(),
    ip_address: '192.168.1.100',
    user_agent: 'PulseGuard-SDK/1.0',
    method: 'GET',
    endpoint: '/api/domains/23',
    status_code: 200,
    response_time_ms: 145.25,
    request_id: 'req_23',
  });
  const rest = await admin.keyLogs(id, { cursor: page.pagination.next ?? '' });
  t.strictSame([page.logs.length, rest.logs.length, rest.pagination.next], [10, 15, null]);
  const ids = async (query: Parameters<typeof admin.keyLogs>[1]): Promise<string[]> =>
    (await admin.keyLogs(id, query)).logs.map((entry) => entry.request_id);
  const refused = ['req_20', 'req_15', 'req_10', 'req_5', 'req_0'];
  t.strictSame(await ids({ status: '4xx' }), refused);
  t.strictSame(await ids({ status: '403', method: 'post' }), refused);
  t.strictSame(await ids({ status: '404' }), []);
  t.strictSame(await ids({ path: '/api/domains/24' }), ['req_24']);
  await store.requests.append([{ keyId: id, entries: [logged(id, 30, { wouldDeny: ['ip_blocked'] })], ...KEPT }]);
  t.match((await admin.keyLogs(id, { limit: 1 })).logs, [{ code: null, would_deny: ['ip_blocked'] }]);
  t.strictSame(page.logs[1]?.would_deny, []);
  t.strictSame(await ids({ would_deny: true }), ['req_30']);
  t.strictSame(await ids({ would_deny: false, status: '4xx' }), refused);
  const at = (i: number): string => new Date(NOON + i * 1_000).toISOString();
  t.strictSame(await ids({ from: at(3), to: at(5) }), ['req_5', 'req_4', 'req_3']);
  await t.rejects(admin.keyLogs(id, { from: at(5), to: at(3) }), bad);
  await t.rejects(admin.keyLogs(id, { cursor: 'made up' }), { code: 'STORE_BAD_QUERY' });
});

t.test('who follows gets each request once, in order, from where it left off', async (t) => {
  const { admin, clock, store } = await administer(t);
  const { id } = await admin.createKey({ name: 'x' });
  const append = (...entries: LoggedRequest[]): Promise<void> =>
    store.requests.append([{ keyId: id, entries, ...KEPT }]);
  await append(logged(id, -1));
  const seen: string[] = [];
  let position: string | null = null;
  const follow = async (until: number, after?: string): Promise<void> => {
    const ending = new AbortController();
    for await (const next of admin.followLogs(id, {}, ending.signal, after)) {
      if (next === null) {
        // It has begun. What ended earlier may be written down later.
        await append(logged(id, seen.length + 2));
        await append(logged(id, seen.length + 1));
        clock.advance(10_000);
        continue;
      }
      seen.push(next.entry.request_id);
      position = next.position;
      if (seen.length === until) ending.abort();
    }
  };
  await follow(2);
  t.strictSame(seen, ['req_1', 'req_2'], 'what was there before somebody followed is for `keyLogs`');
  await follow(4, position ?? '');
  t.strictSame(seen, ['req_1', 'req_2', 'req_3', 'req_4']);
  await t.rejects(admin.followLogs('key_none', {}, AbortSignal.timeout(1))[Symbol.asyncIterator]().next(), {
    code: 'KEY_NOT_FOUND',
  });
});

t.test('a role can be made, changed and deleted, and its keys go along', async (t) => {
  const { admin, clock } = await administer(t);
  const made = await admin.createRole({ name: 'on_call', permissions: { incidents: ['read', 'write'] } });
  t.match(made, { name: 'on_call', description: '', permissions: ['incidents:read', 'incidents:write'], version: 1 });
  await t.rejects(admin.createRole({ name: 'on_call', permissions: [] }), { code: 'conflict' });
  await t.rejects(admin.createRole({ name: 'x', permissions: ['domains:fly'] }), { code: 'KEY_INVALID' });
  const { id } = await admin.createKey({ name: 'x', roles: ['on_call'], permissions: ['reports:read'] });
  t.strictSame((await admin.getKey(id)).permissions, ['incidents:read', 'incidents:write', 'reports:read']);
  clock.advance(1_000);
  const changed = await admin.updateRole('on_call', { permissions: ['incidents:read'], description: 'nights' });
  t.match(changed, { description: 'nights', permissions: ['incidents:read'], version: 2 });
  await t.rejects(admin.updateRole('on_call', { description: 'x' }, { ifMatch: [1] }), { code: 'precondition_failed' });
  t.strictSame((await admin.getKey(id)).permissions, ['incidents:read', 'reports:read']);
  t.match(await admin.listRoles(), { roles: [changed] });
  await admin.deleteRole('on_call');
  await t.rejects(admin.getRole('on_call'), { code: 'not_found' });
  t.match(await admin.getKey(id), { permissions: ['reports:read'], roles: ['on_call'] });
});

t.test('the audit log says who did what, from where, and what changed', async (t) => {
  const { as, admin, store, clock } = await administer(t);
  const { id, secret } = await as('ann').createKey({ name: 'x' });
  clock.advance(1_000);
  await admin.updateKey(id, { name: 'y', metadata: { team: 'web' } });
  await admin.rotateKey(id, {});
  await admin.revokeKey(id);
  await admin.revokeKey(id);
  await admin.deleteKey(id);
  await admin.createRole({ name: 'on_call', permissions: [] });
  const { entries, pagination } = await admin.auditLogs({});
  t.equal(pagination.next, null);
  t.strictSame(
    entries.map(({ action }) => action),
    ['role.create', 'key.delete', 'key.revoke', 'key.rotate', 'key.update', 'key.create'],
    'newest first, and nothing for what changed nothing',
  );
  const [, , revoke, , update, create] = entries;
  t.match(create, { seq: 1, actor: 'ann', from: '192.0.2.1', target: id, request_id: 'req_test', before: null });
  t.match(create?.after, { id, name: 'x', owner: 'ann', status: 'active' });
  t.strictSame(update?.before, { name: 'x', metadata: {} });
  t.strictSame(update?.after, { name: 'y', metadata: { team: 'web' } });
  t.match(revoke, { before: { status: 'active' }, after: { status: 'revoked' } });
  t.notOk(JSON.stringify(entries).includes(secret.slice(3, 40)));
  t.notMatch(JSON.stringify(entries), /sha256:/);
  const ours = (await admin.auditLogs({ actor: 'ann' })).entries;
  t.match([ours.length, ours[0]?.action], [1, 'key.create']);
  t.equal((await admin.auditLogs({ target: id, limit: 2 })).entries.length, 2);
  await t.rejects(admin.auditLogs({ from: '2027-01-02T00:00:00Z', to: '2027-01-01T00:00:00Z' }), bad);

  let head = GENESIS;
  for (const entry of await store.audit.walk(0, 100)) {
    t.equal(entryFault(entry, head), null);
    head = entry;
  }
  t.match(await store.audit.head(), { seq: head.seq, hash: head.hash });
});

t.test('the catalogue is there for anybody with a token', async (t) => {
  const { as } = await administer(t);
  const ann = as('ann');
  const { permissions } = await ann.permissions();
  t.match(permissions[0], { permission: 'devices:read', routes: ['GET /api/devices/*'] });
  t.strictSame(await ann.presets(), {
    presets: [{ name: 'read_only', permissions: ['devices:read', 'domains:read'] }],
  });
  const { tiers, key_types } = await ann.tiers();
  t.strictSame(tiers[1], { name: 'personal', per_hour: 1_000, per_day: 10_000, burst: 100 });
  t.match(
    key_types.find(({ name }) => name === 'personal'),
    { default_expiry: '90d', max_expiry: null },
  );
});
