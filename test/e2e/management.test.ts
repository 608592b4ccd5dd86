/** The management API as its callers use it: the reference's requests, and a key's whole life through a real process. */
import t, { type Test } from 'tap';
import type { Serving } from '../cli/serving.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { auditIsWhole, Managed, mint } from './managed.ts';
import { ask, Site, STORES, until } from './site.ts';

const ACCESS = `
access:
  permissions:
    domains:read: [GET /api/domains/*]
    domains:write: [POST /api/domains]
    devices:read: [GET /api/devices/*]
    incidents:read: [GET /api/incidents/*]
    incidents:write: [POST /api/incidents]
    reports:read: [GET /api/reports/*]
`;

/** The body of the reference's first request, with a later date. */
const PRODUCTION = {
  name: 'Production API Key',
  type: 'organization',
  description: 'Key for production monitoring system',
  permissions: {
    domains: ['read', 'write'],
    devices: ['read'],
    incidents: ['read', 'write'],
    reports: ['read'],
  },
  expires_at: '2030-04-17T10:30:00Z',
  ip_restrictions: ['127.0.0.0/8'],
  metadata: { environment: 'production', service: 'monitoring-system', owner: 'devops-team' },
};

const GRANTED = ['devices:read', 'domains:read', 'domains:write', 'incidents:read', 'incidents:write', 'reports:read'];

interface World {
  readonly t: Test;
  readonly site: Site;
  readonly serving: Serving;
  readonly api: Managed;
}

async function startWorld(t: Test, store: { readonly store?: string }): Promise<World> {
  const upstream = await startRawUpstream(t);
  const site = new Site(t, { upstream: upstream.url, access: ACCESS, ...store });
  const serving = await site.serve();
  return { t, site, serving, api: await Managed.of(site, serving) };
}

/** Makes a key, uses it, and looks at it in every way that there is. @returns its id and secret */
async function makeAndUse({ t, api, serving }: World): Promise<{ id: string; secret: string }> {
  const made = await api.call('POST', '/api-keys', { body: PRODUCTION });
  t.equal(made.status, 201);
  const { id, secret } = made.body as { id: string; secret: string };
  t.equal(made.headers.get('location'), `/api-keys/${id}`);
  t.equal(made.headers.get('etag'), '"v1"');
  t.match(made.body, { permissions: GRANTED, ip_restrictions: ['127.0.0.0/8'], metadata: PRODUCTION.metadata });

  for (let i = 0; i < 5; i++) t.match(await ask(`${serving.url}/api/domains/${i}`, secret), { status: 200 });
  t.match(await ask(`${serving.url}/api/devices`, secret, { headers: { 'user-agent': 'SDK/1.0' } }), { status: 200 });
  t.match(await ask(`${serving.url}/api/devices`, secret, { method: 'POST' }), { status: 404 });
  await until(async () => {
    const { body } = await api.call('GET', `/api-keys/${id}/usage`);
    return body['total_requests'] === 7;
  });
  t.match((await api.call('GET', `/api-keys/${id}/usage?period=30d`)).body, {
    key_id: id,
    period: '30d',
    total_requests: 7,
    requests_by_endpoint: { '/api/domains/*': 5, '/api/devices/*': 1, '(none)': 1 },
    requests_by_method: { GET: 6, POST: 1 },
    denials_by_code: { route_not_found: 1 },
  });
  const { body } = await api.call('GET', '/api-keys');
  t.match(body, {
    keys: [
      {
        id,
        name: 'Production API Key',
        type: 'organization',
        expires_at: '2030-04-17T10:30:00.000Z',
        last_used: /Z$/,
        status: 'active',
        usage: { requests_today: 7, requests_this_month: 7 },
      },
    ],
    pagination: { total: 1, limit: 50, offset: 0 },
  });
  const logs = await api.call(
    'GET',
    `/api-keys/${id}/logs?from=2024-01-01T00:00:00Z&to=2099-01-17T23:59:59Z&limit=100`,
  );
  t.equal((logs.body['logs'] as unknown[]).length, 7);
  t.match((await api.call('GET', `/api-keys/${id}/logs?path=/api/devices&status=200`)).body, {
    logs: [
      { ip_address: '127.0.0.1', user_agent: 'SDK/1.0', method: 'GET', endpoint: '/api/devices', status_code: 200 },
    ],
  });
  t.match(await api.call('GET', '/usage?period=1d&interval=hour'), { status: 200 });
  t.match((await api.call('GET', '/owners/root/usage')).body, { owner: 'root', total_requests: 7 });
  return { id, secret };
}

async function rotate({ t, api, serving }: World, id: string, first: string): Promise<string> {
  const url = `${serving.url}/api/domains/1`;
  const previous = async (): Promise<unknown> => (await api.call('GET', `/api-keys/${id}`)).body['previous_secret'];
  const once = (await api.call('POST', `/api-keys/${id}/rotate`)).body as Record<string, string>;
  const second = once['new_secret'] ?? '';
  t.match(await ask(url, second), { status: 200 });
  t.match(await ask(url, first), { status: 200 }, 'the old secret works on');
  await until(async () => ((await previous()) as { last_used: string | null }).last_used !== null);
  t.match(
    await previous(),
    { last_used: /Z$/, expires_at: once['old_secret_expires_at'] },
    'who has not moved is seen',
  );

  const twice = await api.call('POST', `/api-keys/${id}/rotate`, { body: { grace_period: '2s' } });
  const { new_secret: third = '', old_secret_expires_at: ends = '' } = twice.body as Record<string, string>;
  t.match(await ask(url, first), { status: 401 });
  t.match(await ask(url, third), { status: 200 });
  await until(async () => (await ask(url, second)).status === 401);
  t.ok(Date.now() >= Date.parse(ends), 'it ended when it should, and not before');
  t.equal(await previous(), null);
  return third;
}

/** Each change holds for the very next request to the gateway that made it. */
async function changeAndEnd({ t, api, serving }: World, id: string, secret: string): Promise<void> {
  const url = `${serving.url}/api/domains/1`;
  const put = await api.call('PUT', `/api-keys/${id}`, { body: { permissions: [], metadata: {} } });
  t.match(put.body, { permissions: [], name: 'Production API Key', ip_restrictions: ['127.0.0.0/8'] });
  t.match(await ask(url, secret), { code: 'permission_denied' });
  await api.call('POST', '/roles', { body: { name: 'on_call', permissions: { domains: { read: true } } } });
  await api.call('PATCH', `/api-keys/${id}`, { body: { roles: ['on_call'] } });
  t.match(await ask(url, secret), { status: 200 });
  await api.call('PATCH', '/roles/on_call', { body: { permissions: ['devices:read'] } });
  t.match(await ask(url, secret), { code: 'permission_denied' });
  t.match(await ask(`${serving.url}/api/devices`, secret), { status: 200 }, 'a changed role reaches its keys');

  const etag = (await api.call('GET', `/api-keys/${id}`)).headers.get('etag') ?? '';
  await api.call('POST', `/api-keys/${id}/disable`, { headers: { 'if-match': etag } });
  t.match(await ask(url, secret), { code: 'key_disabled' });
  const stale = await api.call('POST', `/api-keys/${id}/enable`, { headers: { 'if-match': etag } });
  t.match(stale, { status: 412, body: { code: 'precondition_failed' } });
  await api.call('POST', `/api-keys/${id}/enable`);
  await api.call('POST', `/api-keys/${id}/revoke`);
  t.match(await ask(url, secret), { code: 'key_revoked' });
  t.match(await api.call('PUT', `/api-keys/${id}`, { body: { name: 'x' } }), {
    status: 409,
    body: { code: 'conflict' },
  });
  t.match(await api.call('DELETE', `/api-keys/${id}`), { status: 200, body: { deleted: true } });
  t.match(await ask(url, secret), { code: 'key_not_found' });
  t.match(await api.call('GET', `/api-keys/${id}`), { status: 404, body: { code: 'not_found' } });
}

for (const { name, open } of STORES) {
  t.test(`${name}: a key made, used, looked at, rotated, changed, revoked and deleted`, async (t) => {
    const world = await startWorld(t, await open(t));
    const { id, secret } = await makeAndUse(world);
    const fresh = await rotate(world, id, secret);
    await changeAndEnd(world, id, fresh);
    const { body } = await world.api.call('GET', `/audit-logs?target=${id}`);
    t.match(
      (body['entries'] as { action: string }[]).map(({ action }) => action.slice('key.'.length)),
      ['delete', 'revoke', 'enable', 'disable', 'update', 'update', 'rotate', 'rotate', 'create'],
    );
    await auditIsWhole(t, world.site);
    const everything = `${JSON.stringify(body)}${world.serving.stdout}${world.serving.stderr}`;
    for (const each of [secret, fresh]) t.notOk(everything.includes(each.slice(3, 40)), 'no secret is told again');
  });

  t.test(`${name}: requests are followed as they come`, async (t) => {
    const { api, serving } = await startWorld(t, await open(t));
    const made = await api.call('POST', '/api-keys', {
      body: { name: 'v2 Key', permissions: ['domains:*', 'devices:*'] },
    });
    const { id, secret } = made.body as { id: string; secret: string };
    const ending = new AbortController();
    const seen: unknown[] = [];
    const send = (path: string): Promise<unknown> => ask(`${serving.url}${path}`, secret);
    const entries = api.follow(`/api-keys/${id}/logs?follow=true&path=/api/domains`, ending.signal);
    const first = entries.next();
    await send('/api/devices');
    await send('/api/domains/1');
    seen.push((await first).value);
    await send('/api/domains/2');
    seen.push((await entries.next()).value);
    ending.abort();
    t.match(seen, [{ endpoint: '/api/domains/1' }, { endpoint: '/api/domains/2', status_code: 200 }]);
  });
}

t.test('what a caller gets wrong is said, and changes nothing', async (t) => {
  const { api, site } = await startWorld(t, {});
  const create = (options: Parameters<Managed['call']>[2]) => api.call('POST', '/api-keys', options);
  t.match(await create({ body: { nme: 'x', limits: { per_hour: 0 } } }), {
    status: 422,
    body: {
      code: 'validation_failed',
      errors: [
        { pointer: '/name' },
        { pointer: '/limits/per_hour' },
        { pointer: '/nme', detail: /did you mean "name"/ },
      ],
    },
  });
  t.match(await create({ body: { name: 'x', permissions: ['domains:fly'], ip_restrictions: ['10.0.0.1', 'x'] } }), {
    status: 422,
    body: { errors: [{ pointer: '/permissions/0' }] },
  });
  t.match(await create({ body: { name: 'x', ip_restrictions: ['10.0.0.1', 'x'], country_restrictions: ['XX'] } }), {
    status: 422,
    body: { errors: [{ pointer: '/ip_restrictions/1' }, { pointer: '/country_restrictions/0' }] },
  });
  t.match(await create({ body: '{"name": ' }), { status: 400, body: { code: 'body_malformed' } });
  t.match(await create({ body: '{}', headers: { 'content-type': 'text/plain' } }), { status: 415 });
  t.match(await create({ body: { name: 'x'.repeat(2 * 1024 * 1024) } }), {
    status: 413,
    body: { code: 'body_too_large' },
  });
  for (const query of ['limit=0', 'limit=x', 'cursor=alien', 'sort=colour', 'lmit=1', 'limit=1&limit=2']) {
    const parameter = query.split('=', 1)[0];
    const answer = await api.call('GET', `/api-keys?${query}`);
    t.match(answer, { status: 400, body: { code: 'request_invalid', errors: [{ parameter }] } }, query);
  }
  t.match((await api.call('GET', '/api-keys')).body, { keys: [], pagination: { total: 0 } });

  const repeated = { headers: { 'idempotency-key': '8e03978e-40d5-43dd-bc93-6894a57f9324' } };
  const first = await create({ ...repeated, body: { name: 'once' } });
  t.strictSame((await create({ ...repeated, body: { name: 'once' } })).body, first.body);
  t.match(await create({ ...repeated, body: { name: 'twice' } }), {
    status: 422,
    body: { code: 'idempotency_mismatch' },
  });
  t.match((await api.call('GET', '/api-keys')).body, { pagination: { total: 1 } });

  const own = await mint(site, 'ann', 'domains:read');
  t.match(await create({ token: own, body: { name: 'x', owner: 'bob' } }), {
    status: 403,
    body: { code: 'forbidden' },
  });
  t.match(await create({ token: own, body: { name: 'x', permissions: ['domains:read'] } }), { status: 201 });
  const { id } = first.body as { id: string };
  t.match(await api.call('GET', `/api-keys/${id}`, { token: own }), { status: 404 });
  t.match(await api.call('GET', '/audit-logs', { token: own }), { status: 403 });
  t.match(await api.call('GET', '/api-keys', { token: 'x.y.z' }), { status: 401, body: { code: 'token_invalid' } });
});
