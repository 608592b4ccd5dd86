/** What `explain` says of a request is what the gateway then does with it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { DenialCode } from '../../src/core/denial.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import { cli, folder } from '../cli/run.ts';
import type { Serving } from '../cli/serving.ts';
import { mmdb } from '../support/mmdb.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { Managed, mint } from './managed.ts';
import { type Answer, ask, Site, until } from './site.ts';

const ACCESS = `
access:
  public: [GET /open]
  any_key: [GET /whoami]
  permissions:
    domains:read: [GET /api/domains/*]
    domains:write: [POST /api/domains]
`;

/** Addresses by what is known of them. */
const FROM = { nl: '192.0.2.10', de: '198.51.100.10', exit: '192.0.2.66', banned: '192.0.2.99', fr: '203.0.113.10' };

function placesIn(t: Test): string {
  const path = folder(t);
  const database = join(path, 'countries.mmdb');
  const list = join(path, 'exits.txt');
  const country = (code: string) => ({ country: { iso_code: code } });
  writeFileSync(
    database,
    mmdb([
      ['192.0.2.0/24', country('NL')],
      ['198.51.100.0/24', country('DE')],
      ['203.0.113.0/24', country('FR')],
    ]),
  );
  writeFileSync(list, `${FROM.exit}\n`);
  return `
country: { database: ${JSON.stringify(database)} }
tor: { list_file: ${JSON.stringify(list)} }
proxy: { trusted_proxies: [127.0.0.0/8] }
restrictions: { ip: { deny: [${FROM.banned}] }, country: { block: [FR] } }
`;
}

interface World {
  readonly t: Test;
  readonly site: Site;
  readonly serving: Serving;
  readonly api: Managed;
}

interface Described {
  readonly method?: string;
  readonly path?: string;
  readonly from?: string;
  readonly userAgent?: string;
}

interface Key {
  readonly id: string;
  readonly secret: string;
}

async function startWorld(t: Test): Promise<World> {
  const upstream = await startRawUpstream(t);
  const site = new Site(t, { upstream: upstream.url, access: ACCESS, more: placesIn(t) });
  const serving = await site.serve();
  return { t, site, serving, api: await Managed.of(site, serving) };
}

async function create({ api }: World, fields: Readonly<Record<string, unknown>>): Promise<Key> {
  const { status, body } = await api.call('POST', '/api-keys', {
    body: { name: 'x', type: 'service', permissions: ['domains:read'], ...fields },
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body as unknown as Key;
}

/** First asks what would become of a request, then makes it. @returns what was said of it, and what came of it */
async function both({ api, serving }: World, key: Key, described: Described) {
  const { method = 'GET', path = '/api/domains', from = FROM.nl, userAgent = 'SDK/1.0' } = described;
  const request = { method, path, ip_address: from, user_agent: userAgent };
  const said = await api.call('POST', '/explain', { body: { key_id: key.id, ...request } });
  const headers = { 'x-forwarded-for': from, 'user-agent': userAgent };
  return { said, came: await ask(`${serving.url}${path}`, key.secret, { method, headers }) };
}

async function agrees(world: World, key: Key, described: Described, code: DenialCode | null): Promise<Answer> {
  const { said, came } = await both(world, key, described);
  const { t } = world;
  const name = `${code ?? 'passes'}: ${JSON.stringify(described)}`;
  t.equal(came.code ?? null, code, `${name}: the gateway`);
  t.match(said.body, { allowed: code === null, code, status: code === null ? null : came.status }, `${name}: explain`);
  return came;
}

// One gateway for all: to start one takes longer than all that is asked of it.
const started = await startWorld(t);

t.test('each denial is foretold, and what passes too', async (t) => {
  const world = { ...started, t };
  const { api, site } = world;
  const plain = await create(world, {});
  await agrees(world, plain, {}, null);
  await agrees(world, plain, { path: '/whoami' }, null);
  await agrees(world, plain, { path: '/open' }, null);
  await agrees(world, plain, { path: '/api/%64omains' }, null);
  await agrees(world, plain, { path: '/nowhere' }, 'route_not_found');
  await agrees(world, plain, { path: '/api//domains' }, 'request_rejected');
  await agrees(world, plain, { method: 'POST' }, 'permission_denied');
  await agrees(world, plain, { from: FROM.banned }, 'ip_blocked');
  await agrees(world, plain, { from: FROM.fr, path: '/open' }, 'country_blocked');

  await agrees(world, await create(world, { ip_restrictions: ['192.0.2.11'] }), {}, 'ip_blocked');
  await agrees(world, await create(world, { country_restrictions: ['NL'] }), { from: FROM.de }, 'country_blocked');
  await agrees(world, await create(world, { block_tor: true }), { from: FROM.exit }, 'tor_blocked');
  await agrees(world, await create(world, { block_tor: true }), {}, null);
  const agents = await create(world, { user_agent_restrictions: ['curl/*'] });
  await agrees(world, agents, {}, 'user_agent_blocked');
  await agrees(world, agents, { userAgent: 'curl/8.1' }, null);
  const yesterday = new Date(Date.now() - 86_400_000).toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' });
  const hours = { timezone: 'UTC', allowed_hours: ['11:00-12:00'], allowed_days: [yesterday.toLowerCase()] };
  await agrees(world, await create(world, { time_restrictions: hours }), {}, 'outside_allowed_hours');

  const shadowed = await create(world, { ip_restrictions: ['192.0.2.11'], shadow: ['ip'] });
  await agrees(world, shadowed, {}, null);
  const limited = await create(world, { limits: { burst: 1, per_hour: 1 } });
  await agrees(world, limited, {}, null);
  await agrees(world, limited, {}, 'rate_limited');

  const brief = await create(world, { expires_at: new Date(Date.now() + 1_500).toISOString() });
  await agrees(world, brief, {}, null);
  await until(async () => (await both(world, brief, {})).came.status === 401);
  await agrees(world, brief, {}, 'key_expired');
  await api.call('POST', `/api-keys/${plain.id}/disable`);
  await agrees(world, plain, {}, 'key_disabled');
  await api.call('POST', `/api-keys/${plain.id}/revoke`);
  await agrees(world, plain, {}, 'key_revoked');
  await agrees(world, plain, { path: '/open' }, null);

  const odd = await create(world, {});
  await damage(site, odd.id);
  await until(async () => (await both(world, odd, {})).came.status === 403);
  await agrees(world, odd, {}, 'restriction_unreadable');
});

/** Gives a key a restriction of a version to come. */
async function damage(site: Site, id: string): Promise<void> {
  const path = join(site.cwd, 'keys.db');
  const store = await openSqliteStore({ path, timeoutMs: 10_000, clock: { now: Date.now } });
  const record = await store.keys.get(id);
  if (record === null) throw new Error('the key is not there');
  await store.keys.replace({ ...record, version: record.version + 1, restrictions: { moon_phase: 'full' } });
  await store.close();
}

t.test('a request that was refused is explained by its id, to its owner as well', async (t) => {
  const world = { ...started, t };
  const { api, site, serving } = world;
  const key = await create(world, { type: 'personal', owner: 'ann', ip_restrictions: ['192.0.2.11'] });
  const headers = { 'x-forwarded-for': FROM.nl, 'x-request-id': 'trace-1', 'user-agent': 'SDK/1.0' };
  t.match(await ask(`${serving.url}/api/domains/7`, key.secret, { headers }), { code: 'ip_blocked' });
  const token = await mint(site, 'ann');
  const body = { request_id: 'trace-1' };
  await until(async () => (await api.call('POST', '/explain', { body })).status === 200);
  t.match((await api.call('POST', '/explain', { body, token })).body, {
    code: 'ip_blocked',
    key: { id: key.id },
    request: { method: 'GET', path: '/api/domains/7', ip_address: FROM.nl, user_agent: 'SDK/1.0' },
    recorded: { status_code: 403, code: 'ip_blocked' },
  });
  const stranger = await mint(site, 'bob');
  t.match(await api.call('POST', '/explain', { body, token: stranger }), { status: 404 });
});

t.test('on the store of a gateway that counts, no limit refuses for certain; the gateway knows', async (t) => {
  const world = { ...started, t };
  const { api, site } = world;
  const request = { method: 'GET', path: '/api/domains', ip_address: FROM.nl };
  const used = async () => {
    // The bucket is full again after a tenth of a second; what the gateway wrote ahead has it empty for half a minute.
    const key = await create(world, { limits: { burst: 1, per_hour: 36_000 } });
    await agrees(world, key, {}, null);
    const args = ['--key', key.id, '--method', 'GET', '--path', '/api/domains', '--ip', FROM.nl];
    const { code, stdout } = await cli(['explain', ...args, '--json', '--config', site.file]);
    t.equal(code, 0);
    return { key, said: JSON.parse(stdout) as Record<string, unknown> };
  };
  const hour = () => Math.floor(Date.now() / 3_600_000);
  let begun = hour();
  let { key, said } = await used();
  // Nothing is written ahead beyond the hour.
  while (hour() !== begun) {
    begun = hour();
    ({ key, said } = await used());
  }
  t.match(said, { allowed: null, code: null, limits: { exact: false, burst: { limit: 1, remaining: 0 } } });
  t.match(said['detail'], /^another process counts/);
  await until(async () => {
    const { body } = await api.call('POST', '/explain', { body: { key_id: key.id, ...request } });
    t.match(body, { limits: { exact: true } });
    return body['allowed'] === true;
  });
  await agrees(world, key, {}, null);
});

t.test('to explain spends nothing', async (t) => {
  const world = { ...started, t };
  const { api } = world;
  const key = await create(world, { limits: { burst: 2, per_hour: 2 } });
  for (let i = 0; i < 5; i++) {
    const body = { key_id: key.id, method: 'GET', path: '/api/domains', ip_address: FROM.nl };
    t.match((await api.call('POST', '/explain', { body })).body, { allowed: true, limits: { hour: { remaining: 2 } } });
  }
  await agrees(world, key, {}, null);
  await agrees(world, key, {}, null);
  await agrees(world, key, {}, 'rate_limited');
});
