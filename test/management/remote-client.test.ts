/** The client that asks over HTTP answers as the one on the store does. */
import t from 'tap';
import type { ManagementClient } from '../../src/management/client.ts';
import type { RemoteClient } from '../../src/management/remote-client.ts';
import { type Served, serveManagement } from './gateway.ts';

/** Both clients, asked the same: what they answer must be the same. */
async function both<T>(direct: ManagementClient, remote: RemoteClient, ask: (client: ManagementClient) => Promise<T>) {
  return [await ask(remote), await ask(direct)] as const;
}

t.test('what is read is the same as on the store', async (t) => {
  const { admin, remote } = await serveManagement(t);
  const client = await remote();
  const { id } = await admin.createKey({ name: 'a', type: 'service', owner: 'team a/b', permissions: ['domains:*'] });
  await admin.createKey({ name: 'b', type: 'personal', preset: 'read_only', country_restrictions: ['NL'] });
  await admin.createRole({ name: 'on_call', permissions: ['incidents:*'], description: 'at night' });
  const questions: readonly ((client: ManagementClient) => Promise<unknown>)[] = [
    (each) => each.getKey(id),
    (each) => each.listKeys({}),
    (each) => each.listKeys({ owner: 'team a/b', permission: 'domains:read', q: 'A', sort: 'name', limit: 1 }),
    (each) => each.listKeys({ expiring_before: '2099-01-01T00:00:00Z', status: 'active', offset: 0 }),
    (each) => each.keyUsage(id, { period: '2d', interval: 'hour' }),
    (each) => each.ownerUsage('team a/b', {}),
    (each) => each.totalUsage({ period: '7d' }),
    (each) => each.keyLogs(id, { status: '4xx', method: 'GET', path: '/api' }),
    (each) => each.permissions(),
    (each) => each.presets(),
    (each) => each.tiers(),
    (each) => each.listRoles(),
    (each) => each.getRole('on_call'),
    (each) => each.explain({ key_id: id, method: 'POST', path: '/api/domains', ip_address: '2001:db8::7' }),
    (each) => each.auditLogs({ action: 'key.create', limit: 1 }),
  ];
  for (const ask of questions) {
    const [over, direct] = await both(admin, client, ask);
    t.strictSame(over, direct, String(ask));
  }
});

t.test('the life of a key and of a role, over HTTP', async (t) => {
  const { admin, remote } = await serveManagement(t);
  const client = await remote();
  const { secret, warnings, ...made } = await client.createKey({
    name: 'a',
    type: 'service',
    owner: 'o',
    preset: 'read_only',
  });
  t.match(secret, /^lk_\w{49}$/);
  t.strictSame(warnings, []);
  t.strictSame(await admin.getKey(made.id), made);
  t.equal((await client.updateKey(made.id, { description: 'd', limits: { burst: 7 } })).limits.burst, 7);
  t.match(await client.rotateKey(made.id, { grace_period: '0' }), { id: made.id, new_secret: /^lk_/, version: 3 });
  t.equal((await client.disableKey(made.id)).status, 'disabled');
  t.equal((await client.enableKey(made.id)).status, 'active');
  t.match(await client.bulkChange({ action: 'revoke', filter: { owner: 'o' }, dry_run: true }), {
    changed: 1,
    dry_run: true,
  });
  t.equal((await client.revokeKey(made.id)).status, 'revoked');
  await client.deleteKey(made.id);
  await t.rejects(admin.getKey(made.id), { code: 'KEY_NOT_FOUND' });

  t.equal((await client.createRole({ name: 'on_call', permissions: ['incidents:read'] })).version, 1);
  t.strictSame((await client.updateRole('on_call', { permissions: { domains: ['read'] } })).permissions, [
    'domains:read',
  ]);
  await client.deleteRole('on_call');
  t.strictSame((await admin.listRoles()).roles, []);
});

t.test('a request that is sent again with its Idempotency-Key makes one key', async (t) => {
  const { admin, remote } = await serveManagement(t);
  const client = await remote();
  const first = await client.createKey({ name: 'a', type: 'service' }, { idempotencyKey: 'once' });
  t.strictSame(await client.createKey({ name: 'a', type: 'service' }, { idempotencyKey: 'once' }), first);
  t.equal((await admin.listKeys({})).keys.length, 1);
});

t.test('a change names the version that it is meant for', async (t) => {
  const { admin, remote } = await serveManagement(t);
  const client = await remote();
  const { id } = await admin.createKey({ name: 'a', type: 'service' });
  await t.rejects(client.updateKey(id, { name: 'b' }, { ifMatch: [7, 8] }), { code: 'precondition_failed' });
  await t.rejects(client.revokeKey(id, { ifMatch: [7] }), { name: 'ManagementError', code: 'precondition_failed' });
  await t.rejects(client.deleteKey(id, { ifMatch: [7] }), { name: 'ManagementError', code: 'precondition_failed' });
  t.equal((await client.updateKey(id, { name: 'b' }, { ifMatch: [7, 1] })).version, 2);
});

t.test('what is refused says why, as on the store', async (t) => {
  const { admin, remote, token } = await serveManagement(t);
  const client = await remote();
  await t.rejects(client.getKey('key_none'), { name: 'ManagementError', code: 'not_found' });
  await t.rejects(client.getKey('../keys'), { code: 'not_found' }, 'an id leads nowhere else');
  await t.rejects(client.createKey({ name: 'a', permissions: ['domain:read'], tier: 'x' }), {
    code: 'validation_failed',
    errors: [{ pointer: '/permissions/0', detail: /did you mean/ }],
  });
  await t.rejects(client.listKeys({ cursor: 'made up' }), {
    code: 'request_invalid',
    errors: [{ parameter: 'cursor' }],
  });
  const stranger = await remote('not.a.token');
  await t.rejects(stranger.listKeys({}), { code: 'token_invalid' });
  const reader = await remote(await token(['admin:read'], 'reader'));
  const { id } = await admin.createKey({ name: 'a', type: 'service' });
  await t.rejects(reader.revokeKey(id), { code: 'forbidden' });
});

/** Adds requests to a key's log. */
async function log({ clock, store }: Served, keyId: string, ...paths: readonly string[]): Promise<void> {
  const entries = paths.map((path) => ({
    keyId,
    requestId: `req${path}`,
    at: clock.now(),
    address: '192.0.2.1',
    userAgent: null,
    method: 'GET',
    path,
    route: null,
    status: 200,
    code: null,
    wouldDeny: [],
    durationUs: 1500,
  }));
  await store.requests.append([{ keyId, retentionMs: 86_400_000, maxEntries: 1000, entries }]);
  // What is new is not sent before it is settled.
  clock.advance(60_000);
}

t.test('a log is followed, and the following ends when it is aborted', async (t) => {
  const served = await serveManagement(t);
  const client = await served.remote();
  const { id } = await served.admin.createKey({ name: 'a', type: 'service' });
  const from = new Date(served.clock.now()).toISOString();
  await log(served, id, '/before');
  const controller = new AbortController();
  const entries = client.followLogs(id, { from }, controller.signal);
  const seen: string[] = [];
  for await (const followed of entries) {
    if (followed === null) continue;
    seen.push(followed.entry.endpoint);
    if (seen.length === 1) await log(served, id, '/one', '/two');
    if (seen.length === 3) controller.abort();
  }
  t.strictSame(seen, ['/before', '/one', '/two']);
  await t.rejects(
    async () => {
      for await (const _ of client.followLogs('key_none', {}, new AbortController().signal)) t.fail('nothing is there');
    },
    { code: 'not_found' },
  );
});
