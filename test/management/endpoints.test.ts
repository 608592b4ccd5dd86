/** Every endpoint on a real store: what it is given reaches the administration, and what it answers fits the document. */
import t from 'tap';
import type { ZodType } from 'zod';
import { dayOf } from '../../src/core/usage.ts';
import type { Caller } from '../../src/management/caller.ts';
import type { Endpoint, Reply, ServerEvent } from '../../src/management/endpoint.ts';
import { managementEndpoints } from '../../src/management/endpoints/index.ts';
import { openApiDocument } from '../../src/management/openapi/index.ts';
import { NOON } from '../support/clock.ts';
import { type AdminFixture, administer, callerOf } from '../support/management.ts';
import { assertFits } from './fits.ts';

const RECOVERABLE = `keys: { recoverable: { secret: ${'ab'.repeat(32)} } }\n`;

interface Given {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly ifMatch?: readonly number[];
  readonly idempotencyKey?: string;
  readonly lastEventId?: string;
  readonly signal?: AbortSignal;
  readonly caller?: Caller;
}

interface Api {
  /** Calls an endpoint as the server would, and holds the answer to the document. */
  call(operationId: string, given?: Given): Promise<Reply & { readonly body: Record<string, unknown> }>;
  /** Operations that were called. */
  readonly called: ReadonlySet<string>;
  readonly endpoints: readonly Endpoint[];
}

function apiOf({ administration }: AdminFixture): Api {
  const endpoints = managementEndpoints((caller) => administration.as(caller));
  const document = openApiDocument(endpoints, { version: '0.0.0' });
  const called = new Set<string>();
  const call: Api['call'] = async (operationId, given = {}) => {
    called.add(operationId);
    const endpoint = endpoints.find((known) => known.operationId === operationId);
    if (endpoint === undefined) throw new Error(`no ${operationId}`);
    const { params = {}, query = {}, body, caller = callerOf('root', ['admin:write']) } = given;
    const checked = (schema: ZodType | undefined, value: unknown): unknown => schema?.parse(value);
    const reply = await endpoint.handle({
      caller,
      params: checked(endpoint.params, params),
      query: checked(endpoint.query, query),
      body: checked(endpoint.body, endpoint.bodyMayBeEmpty === true ? (body ?? {}) : body),
      ifMatch: given.ifMatch ?? null,
      idempotencyKey: given.idempotencyKey ?? null,
      lastEventId: given.lastEventId ?? null,
      signal: given.signal ?? new AbortController().signal,
    });
    const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    if (reply.events === undefined) {
      assertFits(
        document,
        endpoint.method,
        path,
        reply.status,
        JSON.parse(JSON.stringify(reply.body ?? null)) ?? undefined,
      );
    }
    return { ...reply, body: (reply.body ?? {}) as Record<string, unknown> };
  };
  return { call, called, endpoints };
}

/** Something to tell of a key: one request in its log, and one counted. */
async function used({ store, clock }: AdminFixture, keyId: string, requestIds: readonly string[]): Promise<void> {
  const entries = requestIds.map((requestId, i) => ({
    keyId,
    requestId,
    at: clock.now() + i,
    address: '192.0.2.9',
    userAgent: null,
    method: 'GET',
    path: '/api/domains/1',
    route: '/api/domains/*',
    status: 200,
    code: null,
    wouldDeny: [],
    durationUs: 1_500,
  }));
  await store.requests.append([{ keyId, entries, retentionMs: 86_400_000, maxEntries: 100 }]);
  const counted = {
    day: dayOf(clock.now()),
    hours: { 12: { requests: 1, errors: 0, timeUs: 1_500 } },
    endpoints: { '/api/domains/*': 1 },
    methods: { GET: 1 },
    denials: {},
  };
  await store.usage.record({
    writer: 'test',
    number: 1,
    uses: [{ keyId, lastUsedAt: clock.now(), previousLastUsedAt: null }],
    deltas: [
      { scope: `key:${keyId}`, ...counted },
      { scope: 'owner:devops-team', ...counted },
      { scope: 'all', ...counted },
    ],
    keepFrom: 0,
  });
}

async function take(events: AsyncIterable<ServerEvent> | undefined, count: number): Promise<ServerEvent[]> {
  const taken: ServerEvent[] = [];
  for await (const event of events ?? []) {
    if (event.data !== undefined) taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

t.test('the life of a key, endpoint by endpoint', async (t) => {
  const fixture = await administer(t, RECOVERABLE);
  const { call, called, endpoints } = apiOf(fixture);

  const body = { name: 'x', type: 'service', owner: 'devops-team', permissions: { domains: ['read'] } };
  const made = await call('createKey', { body, idempotencyKey: 'once' });
  const params = { id: String(made.body['id']) };
  t.match(made, { status: 201, version: 1, location: `/api-keys/${params.id}`, body: { secret: /^lk_/ } });
  t.strictSame((await call('createKey', { body, idempotencyKey: 'once' })).body, made.body, 'the same answer again');
  t.match((await call('listKeys', { query: { limit: '10', owner: 'devops-team' } })).body, {
    keys: [{ id: params.id }],
    pagination: { limit: 10, total: 1 },
  });
  t.match(await call('getKey', { params }), { version: 1, body: { name: 'x' } });

  for (const [version, operation] of [
    [2, 'updateKey'],
    [3, 'patchKey'],
  ] as const) {
    const change = { params, body: { name: operation }, ifMatch: [version - 1] };
    t.match(await call(operation, change), { status: 200, version, body: { name: operation, type: 'service' } });
    await t.rejects(call(operation, change), { code: 'KEY_STALE' }, `${operation} on a version that is past`);
  }
  const rotated = await call('rotateKey', { params, ifMatch: [3] });
  t.match(rotated, { version: 4, body: { new_secret: /^lk_/ } }, 'without a body');
  await t.rejects(call('rotateKey', { params, ifMatch: [3] }), { code: 'KEY_STALE' });
  t.strictSame((await call('getKeySecret', { params })).body, { id: params.id, secret: rotated.body['new_secret'] });
  t.match(await call('rotateKey', { params, body: { grace_period: '0' } }), { version: 5 });
  for (const [version, operation, status] of [
    [6, 'disableKey', 'disabled'],
    [7, 'enableKey', 'active'],
    [8, 'revokeKey', 'revoked'],
  ] as const) {
    await t.rejects(
      call(operation, { params, ifMatch: [1] }),
      { code: 'KEY_STALE' },
      `${operation} on another version`,
    );
    t.match(await call(operation, { params, ifMatch: [version - 1] }), { version, body: { status } });
  }
  t.match(
    (await call('changeKeys', { body: { action: 'disable', filter: { owner: 'devops-team' }, dry_run: true } })).body,
    {
      dry_run: true,
      matched: 1,
      changed: 0,
    },
  );

  await used(fixture, params.id, ['req_1']);
  t.match((await call('getKeyUsage', { params, query: { period: '1d', interval: 'hour' } })).body, {
    total_requests: 1,
  });
  t.match((await call('getOwnerUsage', { params: { owner: 'devops-team' } })).body, { total_requests: 1 });
  t.match((await call('getTotalUsage')).body, { total_requests: 1 });
  t.match((await call('getKeyLogs', { params, query: { limit: '5' } })).body, { logs: [{ request_id: 'req_1' }] });

  t.match((await call('explainRequest', { body: { request_id: 'req_1' } })).body, { code: 'key_revoked' });

  await t.rejects(call('deleteKey', { params, ifMatch: [1] }), { code: 'KEY_STALE' });
  t.match(await call('deleteKey', { params, ifMatch: [8] }), { status: 200, body: { ...params, deleted: true } });
  await t.rejects(call('getKey', { params }), { code: 'KEY_NOT_FOUND' });
  t.match((await call('listAuditLogs', { query: { limit: '1' } })).body, { entries: [{ action: 'key.delete' }] });

  const role = { params: { name: 'on_call' } };
  t.match(await call('createRole', { body: { name: 'on_call', permissions: ['domains:*'] } }), {
    status: 201,
    version: 1,
    location: '/roles/on_call',
  });
  t.match((await call('listRoles')).body, { roles: [{ name: 'on_call' }] });
  t.match(await call('getRole', role), { version: 1 });
  t.match(await call('updateRole', { ...role, body: { description: 'a' }, ifMatch: [1] }), { version: 2 });
  t.match(await call('patchRole', { ...role, body: { description: 'b' }, ifMatch: [2] }), { version: 3 });
  for (const [operation, given] of [
    ['updateRole', { body: { description: 'c' } }],
    ['patchRole', { body: { description: 'c' } }],
    ['deleteRole', {}],
  ] as const) {
    await t.rejects(call(operation, { ...role, ...given, ifMatch: [1] }), { code: 'precondition_failed' });
  }
  t.strictSame(await call('deleteRole', { ...role, ifMatch: [3] }), { status: 204, body: {} });

  t.match((await call('listPermissions')).body, { permissions: [{ permission: 'devices:read' }, {}] });
  t.match((await call('listPresets')).body, { presets: [{ name: 'read_only' }] });
  t.match((await call('listTiers')).body, { key_types: [{ name: 'organization' }, {}] });
  t.strictSame(new Set(endpoints.map(({ operationId }) => operationId)), called, 'every endpoint was called');
});

t.test('each call acts for its caller', async (t) => {
  const { call } = apiOf(await administer(t));
  const ann = callerOf('ann', ['domains:read']);
  const { body } = await call('createKey', { body: { name: 'mine', permissions: ['domains:read'] }, caller: ann });
  t.match(body, { owner: 'ann', type: 'personal' });
  const params = { id: String(body['id']) };
  await t.rejects(call('getKey', { params, caller: callerOf('bob', []) }), { code: 'KEY_NOT_FOUND' });
  for (const operation of ['listAuditLogs', 'getTotalUsage']) {
    await t.rejects(call(operation, { caller: ann }), { code: 'forbidden' }, operation);
  }
});

t.test('the log of a key is followed from where the last event was', async (t) => {
  const fixture = await administer(t);
  const { call } = apiOf(fixture);
  const { body } = await call('createKey', { body: { name: 'x' } });
  const params = { id: String(body['id']) };
  await used(fixture, params.id, ['req_1', 'req_2']);
  // What has just ended may yet be followed by what ended before it.
  fixture.clock.advance(10_000);
  const gone = new AbortController();
  t.teardown(() => gone.abort());
  const query = { follow: 'true', from: new Date(NOON).toISOString() };
  const given = { params, query, signal: gone.signal };

  const entries = await take((await call('getKeyLogs', given)).events, 2);
  t.match(entries, [{ data: { request_id: 'req_1' } }, { data: { request_id: 'req_2' } }]);
  const lastEventId = entries[1]?.id ?? '';
  t.ok(lastEventId, 'where to go on is said');
  fixture.clock.advance(1_000);
  await used(fixture, params.id, ['req_3']);
  fixture.clock.advance(10_000);
  const later = await take((await call('getKeyLogs', { ...given, lastEventId })).events, 1);
  t.match(later, [{ data: { request_id: 'req_3' } }], 'and nothing is told twice');

  await t.rejects(
    call('getKeyLogs', { ...given, params: { id: 'key_0' } }),
    { code: 'KEY_NOT_FOUND' },
    'what is wrong is told before a stream begins',
  );
  await t.rejects(call('getKeyLogs', { ...given, query: { ...query, to: '2001-01-01T00:00:00Z' } }), {
    code: 'request_invalid',
  });
});
