/** Nobody gives a key more than they have: the bounds of tokens without `admin:write`. */
import t from 'tap';
import { administer } from '../support/management.ts';

const forbidden = { name: 'ManagementError', code: 'forbidden' };

t.test('a token without permissions makes personal keys of its own subject, and no others', async (t) => {
  const { as } = await administer(t);
  const ann = as('ann');
  t.match(await ann.createKey({ name: 'mine' }), { type: 'personal', owner: 'ann', permissions: [] });
  await t.rejects(ann.createKey({ name: 'x', owner: 'bob' }), forbidden, 'of another owner');
  await t.rejects(ann.createKey({ name: 'x', type: 'service' }), forbidden, 'of another type');
  await t.rejects(ann.createKey({ name: 'x', permissions: ['domains:read'] }), forbidden, 'with a permission');
  await t.rejects(ann.createKey({ name: 'x', preset: 'read_only' }), forbidden, 'with a preset');
  await t.rejects(ann.createKey({ name: 'x', tier: 'service' }), forbidden, 'with another tier');
  await t.rejects(ann.createKey({ name: 'x', limits: { per_hour: 1_001 } }), forbidden, 'with a higher limit');
  t.match(await ann.createKey({ name: 'x', limits: { per_hour: 1_000, burst: 1 } }), { limits: { burst: 1 } });
  t.equal((await ann.listKeys({})).keys.length, 2, 'what was refused was not made');
});

t.test('an owner has no more keys than the configuration says', async (t) => {
  const { as, admin } = await administer(t, 'management: { self_service: { max_keys: 2 } }\n');
  const ann = as('ann');
  const { id } = await ann.createKey({ name: 'one' });
  await ann.createKey({ name: 'two' });
  const full = { name: 'ManagementError', code: 'conflict', message: /has 2 keys/ };
  await t.rejects(ann.createKey({ name: 'three' }), full);
  await ann.revokeKey(id);
  await t.rejects(ann.createKey({ name: 'three' }), full, 'one that is revoked is still there');
  await ann.deleteKey(id);
  await t.resolves(ann.createKey({ name: 'three' }));
  await t.resolves(admin.createKey({ name: 'four', owner: 'ann' }), 'which binds no administrator');
  await t.resolves(as('bob').createKey({ name: 'one' }));
});

t.test('what a token lists may be passed on, wildcards to wildcards', async (t) => {
  const { as } = await administer(t);
  const ann = as('ann', 'domains:*', 'devices:read');
  for (const permissions of [['domains:read'], ['domains:*', 'devices:read'], ['domains:write', 'domains:read']]) {
    t.match(await ann.createKey({ name: 'x', permissions }), { permissions: [...permissions].sort() });
  }
  t.match(await ann.createKey({ name: 'x', preset: 'read_only' }), { permissions: ['devices:read', 'domains:read'] });
  for (const permission of ['devices:*', '*', 'reports:read']) {
    await t.rejects(ann.createKey({ name: 'x', permissions: [permission] }), forbidden, permission);
  }
});

t.test('a role is passed on only by one who has all that it gives', async (t) => {
  const { as, admin } = await administer(t);
  await admin.createRole({ name: 'on_call', permissions: ['incidents:read', 'incidents:write'] });
  await t.rejects(as('ann', 'incidents:read').createKey({ name: 'x', roles: ['on_call'] }), forbidden);
  t.match(await as('ann', 'incidents:*').createKey({ name: 'x', roles: ['on_call'] }), { roles: ['on_call'] });
  for (const client of [as('ann', 'incidents:*'), as('ann', 'admin:read')]) {
    await t.rejects(client.createRole({ name: 'mine', permissions: [] }), forbidden);
    await t.rejects(client.updateRole('on_call', { permissions: ['incidents:read'] }), forbidden);
    await t.rejects(client.deleteRole('on_call'), forbidden);
  }
});

t.test('the configuration may give permissions to everybody’s own keys', async (t) => {
  const { as } = await administer(t, 'management: { self_service: { permissions: [domains:read] } }\n');
  t.match(await as('ann').createKey({ name: 'x', permissions: ['domains:read'] }), { permissions: ['domains:read'] });
  await t.rejects(as('ann').createKey({ name: 'x', permissions: ['domains:write'] }), forbidden);
});

t.test('an update gives no more than a create does, and keeps what somebody else gave', async (t) => {
  const { as, admin } = await administer(t);
  const ann = as('ann', 'domains:read');
  const { id } = await admin.createKey({ name: 'x', owner: 'ann', permissions: ['reports:read'], tier: 'service' });
  t.match(await ann.updateKey(id, { name: 'y' }), { name: 'y', permissions: ['reports:read'], tier: 'service' });
  const both = { permissions: ['reports:read', 'domains:read'] };
  t.match(await ann.updateKey(id, both), { permissions: ['domains:read', 'reports:read'] });
  await t.rejects(ann.updateKey(id, { permissions: ['domains:write'] }), forbidden);
  await t.rejects(ann.updateKey(id, { owner: 'bob' }), forbidden, 'to give it away');
  await t.rejects(ann.updateKey(id, { tier: 'organization' }), forbidden);
  await t.rejects(ann.updateKey(id, { limits: { per_hour: 50_001 } }), forbidden);
  t.match(await ann.updateKey(id, { tier: 'personal' }), { tier: 'personal' });
  await t.rejects(ann.updateKey(id, { tier: 'service' }), forbidden, 'what was given up is gone');
});

t.test('a key of somebody else is not there', async (t) => {
  const { as, admin } = await administer(t);
  const ann = as('ann', 'domains:*');
  const others = await admin.createKey({ name: 'bob’s', owner: 'bob' });
  const service = await admin.createKey({ name: 'a service of ann’s', owner: 'ann', type: 'service' });
  for (const { id } of [others, service]) {
    const missing = { name: 'KeyError', code: 'KEY_NOT_FOUND' };
    await t.rejects(ann.getKey(id), missing);
    await t.rejects(ann.updateKey(id, { name: 'y' }), missing);
    await t.rejects(ann.rotateKey(id, {}), missing);
    await t.rejects(ann.revokeKey(id), missing);
    await t.rejects(ann.enableKey(id), missing);
    await t.rejects(ann.disableKey(id), missing);
    await t.rejects(ann.deleteKey(id), missing);
    await t.rejects(ann.keyUsage(id, {}), missing);
    await t.rejects(ann.keyLogs(id, {}), missing);
    t.match(await admin.getKey(id), { status: 'active', version: 1 });
  }
  t.strictSame((await ann.listKeys({})).keys, []);
  await t.rejects(ann.listKeys({ owner: 'bob' }), forbidden);
  await t.rejects(ann.listKeys({ type: 'service' }), forbidden);
});

t.test('what somebody else disabled stays disabled', async (t) => {
  const { as, admin } = await administer(t);
  const ann = as('ann');
  const { id } = await ann.createKey({ name: 'x' });
  await ann.disableKey(id);
  t.match(await ann.enableKey(id), { status: 'active' });
  await admin.disableKey(id);
  await t.rejects(ann.enableKey(id), forbidden);
  t.match(await ann.rotateKey(id, {}), { id });
  t.match(await ann.getKey(id), { status: 'disabled' });
  t.match(await admin.enableKey(id), { status: 'active' });
});

t.test('who may read everything changes nothing but their own', async (t) => {
  const { as, admin } = await administer(t);
  const reader = as('ann', 'admin:read');
  const { id } = await admin.createKey({ name: 'bob’s', owner: 'bob' });
  t.match(await reader.getKey(id), { owner: 'bob' });
  t.equal((await reader.listKeys({ owner: 'bob' })).keys.length, 1);
  await t.resolves(reader.auditLogs({}));
  await t.resolves(reader.totalUsage({}));
  await t.rejects(reader.revokeKey(id), forbidden);
  await t.rejects(reader.deleteKey(id), forbidden);
  await t.rejects(reader.rotateKey(id, {}), forbidden);
  await t.rejects(reader.updateKey(id, { owner: 'ann' }), forbidden, 'to take it over');
  await t.rejects(reader.bulkChange({ action: 'revoke', filter: { owner: 'bob' } }), forbidden);
  await t.rejects(reader.keySecret(id), forbidden);
  t.match(await reader.createKey({ name: 'own' }), { owner: 'ann' });
});

t.test('without admin:read there is no audit log, and no usage of others', async (t) => {
  const { as } = await administer(t);
  const ann = as('ann', 'domains:*');
  await t.rejects(ann.auditLogs({}), forbidden);
  await t.rejects(ann.totalUsage({}), forbidden);
  await t.rejects(ann.ownerUsage('bob', {}), forbidden);
  t.match(await ann.ownerUsage('ann', {}), { owner: 'ann', total_requests: 0 });
});
