/** `POST /explain` over a real socket: what it says, whom it says it to, and that it leaves everything as it was. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { NO_PLACES } from '../../src/core/places.ts';
import type { LoggedRequest } from '../../src/core/request-log.ts';
import { mintToken } from '../../src/management/auth/mint.ts';
import { signingSecret } from '../../src/management/auth/secret-file.ts';
import type { ExplainRequest } from '../../src/management/schemas/explain.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { createManagementPlane } from '../../src/wiring/management-plane.ts';
import { ManualClock, NOON } from '../support/clock.ts';
import { load } from '../support/config.ts';
import { sqliteStore } from '../support/keys.ts';
import { MANAGED } from '../support/management.ts';
import { assertFits, documentOf } from './fits.ts';
import { folder, type ProblemBody } from './fixture.ts';
import { client, type Served, serveManagement } from './gateway.ts';

const DOMAINS = { method: 'GET', path: '/api/domains/1' };

interface Asked {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

interface Explaining extends Served {
  /** Asks as `root`, or with another token; holds the answer to the document. */
  explain(body: unknown, token?: string): Promise<Asked>;
}

async function explaining(t: Test, more = ''): Promise<Explaining> {
  const served = await serveManagement(t, more);
  const root = await served.token();
  const document = documentOf();
  const explain = async (body: unknown, token = root): Promise<Asked> => {
    const answer = await fetch(`${served.url}/explain`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const said = (await answer.json()) as Record<string, unknown>;
    assertFits(document, 'POST', '/explain', answer.status, said);
    return { status: answer.status, body: said };
  };
  return { ...served, explain };
}

/** One request in the log of a key, as a gateway writes it. */
async function logged(
  { clock, store }: Served,
  entry: Partial<LoggedRequest> & { readonly keyId: string },
): Promise<void> {
  const whole: LoggedRequest = {
    requestId: 'req_1',
    at: clock.now(),
    address: '192.0.2.9',
    userAgent: 'SDK/1.0',
    method: 'POST',
    path: '/api/domains',
    route: 'POST /api/domains',
    status: 403,
    code: 'permission_denied',
    wouldDeny: [],
    durationUs: 250_000,
    ...entry,
  };
  await store.requests.append([{ keyId: entry.keyId, entries: [whole], retentionMs: 86_400_000, maxEntries: 100 }]);
}

/** The pointers of what is wrong. */
function pointers({ body }: Asked): (string | undefined)[] {
  return ((body as unknown as ProblemBody).errors ?? []).map(({ pointer }) => pointer);
}

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

t.test('a request that was made is filled in from the log of its key', async (t) => {
  const served = await explaining(t);
  const { admin, clock, explain } = served;
  const { id } = await admin.createKey({ name: 'x', permissions: ['domains:read'] });
  await logged(served, { keyId: id });
  clock.advance(3_600_000);
  const at = new Date(NOON - 250).toISOString();
  const recorded = {
    request_id: 'req_1',
    timestamp: new Date(NOON).toISOString(),
    status_code: 403,
    code: 'permission_denied',
  };
  t.match((await explain({ request_id: 'req_1' })).body, {
    code: 'permission_denied',
    key: { id },
    request: { method: 'POST', path: '/api/domains', ip_address: '192.0.2.9', user_agent: 'SDK/1.0', at },
    recorded,
  });
  const others = { ...DOMAINS, ip_address: '2001:db8::7', user_agent: '', at: '2027-01-01T00:00:00+01:00' };
  t.match((await explain({ request_id: 'req_1', key_id: id, ...others })).body, {
    allowed: true,
    request: { ...others, at: '2026-12-31T23:00:00.000Z' },
    recorded,
  });
});

t.test('of a text that the log cut, nothing is made up', async (t) => {
  const served = await explaining(t);
  const { id } = await served.admin.createKey({ name: 'x', permissions: ['domains:read'] });
  const cut = (length: number): string => `/${'x'.repeat(length - 4)}...`;
  await logged(served, { keyId: id, path: cut(1024), userAgent: cut(256), code: null, status: 0 });
  const without = await served.explain({ request_id: 'req_1' });
  t.equal(without.status, 422);
  t.strictSame(pointers(without), ['/path']);
  t.match((await served.explain({ request_id: 'req_1', path: '/api/domains' })).body, {
    request: { user_agent: null },
    recorded: { status_code: 0, code: null },
  });
});

t.test('without admin:read, only requests with keys of one’s own', async (t) => {
  const served = await explaining(t);
  const { admin, as, explain } = served;
  const mine = await as('ann').createKey({ name: 'mine' });
  const foreign = await admin.createKey({ name: 'foreign', owner: 'bob' });
  await logged(served, { keyId: mine.id, requestId: 'req_mine' });
  await logged(served, { keyId: foreign.id, requestId: 'req_foreign' });
  const ann = await served.token([], 'ann');
  t.match(await explain({ key_id: mine.id, ...DOMAINS }, ann), { status: 200, body: { code: 'permission_denied' } });
  t.match(await explain({ request_id: 'req_mine' }, ann), { status: 200, body: { key: { name: 'mine' } } });
  t.match(await explain({ key_id: foreign.id, ...DOMAINS }, ann), { status: 404, body: { code: 'not_found' } });
  const told = async (request_id: string): Promise<unknown> => {
    const { status, body } = await explain({ request_id, key_id: mine.id }, ann);
    t.equal(status, 404);
    return { ...body, request_id: null };
  };
  t.strictSame(await told('req_foreign'), await told('req_none'), 'as if it were not there');
  const reader = await served.token(['admin:read'], 'eve');
  t.match(await explain({ request_id: 'req_foreign' }, reader), { status: 200 });
});

t.test('a key that is gone is named to those who see all of them', async (t) => {
  const served = await explaining(t);
  const { id } = await served.admin.createKey({ name: 'x', owner: 'ann' });
  await logged(served, { keyId: id });
  await served.admin.deleteKey(id);
  t.match((await served.explain({ request_id: 'req_1' })).body, { code: 'not_found', detail: new RegExp(id) });
  const { body } = await served.explain({ request_id: 'req_1' }, await served.token([], 'ann'));
  t.notMatch(JSON.stringify(body), id);
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
  t.match([disagreeing.status, ...pointers(disagreeing)], [422, '/key_id']);
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
