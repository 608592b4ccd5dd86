/** Which of its permissions a key used, by the requests that are replayed. */
import t from 'tap';
import { PermissionUses } from '../../src/explain/replay-permissions.ts';
import { NOON } from '../support/clock.ts';
import { CATALOGUE, loadedKey } from '../support/keys.ts';
import { ROUTES } from './fixture.ts';
import { replaysOf, worldWith } from './replay-fixture.ts';

const READ = { path: '/api/domains/5' };
const WRITE = { method: 'POST', path: '/api/domains' };

t.test('what was never used, and who gives it', async (t) => {
  const { by, key, run } = await replaysOf();
  const roles = new Map([['ops', ['devices:write', 'domains:read']]]);
  const today = worldWith({ roles });
  const record = await key({
    name: 'ci',
    preset: 'read_only',
    roles: ['ops', 'gone'],
    permissions: ['domains:write', 'devices:read'],
  });
  const { permissions } = await run([by(record, READ), by(record)], { today });
  t.strictSame(permissions, [
    {
      keyId: record.id,
      keyName: 'ci',
      requests: 2,
      first: NOON,
      last: NOON + 1000,
      neverUsed: [
        { permission: 'devices:read', from: ['the key', 'preset read_only'] },
        { permission: 'devices:write', from: ['role ops'] },
        { permission: 'domains:write', from: ['the key'] },
      ],
      wildcards: [],
      wouldDo: ['domains:read'],
    },
  ]);
});

t.test('with a proposal it is told as it would be then', async (t) => {
  const { by, key, run } = await replaysOf();
  const record = await key({ permissions: ['domains:read', 'domains:write'] });
  const today = await run([by(record, READ)]);
  t.equal(today.permissionsIn, 'today');
  t.match(today.permissions, [{ neverUsed: [{ permission: 'domains:write' }] }]);
  const permissions = { ...ROUTES.permissions, 'domains:read': [], 'domains:write': ['GET /api/domains/*'] };
  const proposed = worldWith({ routes: { ...ROUTES, permissions } });
  const then = await run([by(record, READ)], { proposed });
  t.equal(then.permissionsIn, 'proposed');
  t.match(then.permissions, [{ neverUsed: [{ permission: 'domains:read' }], wouldDo: ['domains:write'] }]);
  const changed = { ...record, permissions: ['devices:read', 'domains:read'] };
  const narrower = await run([by(record, READ)], { proposed: worldWith(), changed });
  t.match(narrower.permissions, [{ neverUsed: [{ permission: 'devices:read', from: ['the key'] }] }]);
});

t.test('what a wildcard was used as, and which of two', async (t) => {
  const { by, key, run } = await replaysOf();
  const all = await key({ name: 'a', permissions: ['*'] });
  const both = await key({ name: 'b', permissions: ['*', 'domains:*', 'devices:*'] });
  const requests = [all, both].flatMap((record) => [by(record, WRITE), by(record, READ), by(record, READ)]);
  const [a, b] = (await run(requests)).permissions;
  t.strictSame(a?.wildcards, [{ permission: '*', usedAs: ['domains:read', 'domains:write'] }]);
  t.strictSame(a?.neverUsed, []);
  t.strictSame(a?.wouldDo, ['domains:read', 'domains:write']);
  t.strictSame(b?.wildcards, [{ permission: 'domains:*', usedAs: ['domains:read', 'domains:write'] }]);
  t.strictSame(
    b?.neverUsed.map(({ permission }) => permission),
    ['*', 'devices:*'],
  );
});

t.test('of permissions of which any opens a route, all that are held count as used', async (t) => {
  const { by, key, run } = await replaysOf();
  const either = await key({ permissions: ['domains:read', 'devices:read'] });
  t.strictSame((await run([by(either, { path: '/api/report' })])).permissions, []);
});

t.test('only requests that were let through, or would be but for a limit', async (t) => {
  const { by, key, run } = await replaysOf();
  const limited = await key({ name: 'a', permissions: ['domains:read', 'domains:write'], limits: { perDay: 1 } });
  const denied = await key({ name: 'b', permissions: ['domains:read'], status: 'disabled' });
  const moved = await key({ name: 'c', permissions: ['domains:read', 'domains:write'] });
  const lost = await key({ name: 'd', permissions: ['devices:read'] });
  const restricted = { restrictions: { ip_restrictions: ['192.0.2.1'] } };
  const elsewhere = await key({ name: 'e', permissions: ['domains:read', 'domains:write'], ...restricted });
  const { permissions } = await run([
    by(limited, READ),
    by(limited, { ...WRITE, code: 'rate_limited' }),
    by(denied, { ...READ, code: 'key_disabled' }),
    by(moved, { ...READ, code: 'permission_denied' }),
    by(lost, READ),
    by(elsewhere, READ),
    by(elsewhere, { ...WRITE, code: 'ip_blocked' }),
  ]);
  const told = permissions.map(({ keyName, neverUsed }) => [keyName, ...neverUsed.map(({ permission }) => permission)]);
  t.strictSame(told, [
    ['c', 'domains:write'],
    ['e', 'domains:write'],
  ]);
});

t.test('keys are bounded', async (t) => {
  const uses = new PermissionUses(1);
  const route = { pattern: 'GET /x', access: 'any_key' as const, permissions: [], wildcards: [] };
  const [first, second] = [loadedKey({ permissions: ['*'] }), loadedKey({ permissions: ['*'] })];
  for (const key of [first, second, second]) uses.add(key, route, NOON);
  t.strictSame(
    uses.result(CATALOGUE).map(({ keyId, neverUsed, wouldDo }) => [keyId, neverUsed.length, wouldDo]),
    [[first.record.id, 1, []]],
  );
  t.equal(uses.leftOut, 1);
});
