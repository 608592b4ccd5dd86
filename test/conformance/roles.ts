import type { Test } from 'tap';
import type { AuditEvent } from '../../src/core/audit.ts';
import { MAX_ROLES, type Role, type RoleStore } from '../../src/core/role.ts';
import { newRole } from './audit.ts';
import { type Harness, newEvent, storeError } from './harness.ts';

export async function checkRoles(t: Test, harness: Harness): Promise<void> {
  const store = await harness.open();
  const { roles } = store;
  const other = (await harness.open()).roles;
  const create = async (change: Partial<Role> = {}): Promise<Role> => {
    const role = newRole(change);
    await roles.create(role);
    return role;
  };

  await t.test('a role is there for everyone when it was made, and listed by its name', async (t) => {
    t.strictSame(await roles.list(), [], 'at first there is none');
    t.equal(await roles.get('role_unknown'), null);
    const b = await create({ name: 'b-team' });
    const a = await create({ name: 'b' });
    const c = await create({ name: 'b_team', permissions: [] });
    t.strictSame(await other.get('b'), a);
    t.strictSame(await other.list(), [a, b, c]);
  });

  await t.test('a name is taken once', async (t) => {
    const first = await create();
    await t.rejects(other.create({ ...first, description: 'second' }), storeError('STORE_CONFLICT'));
    t.strictSame(await roles.get(first.name), first);
  });

  await t.test('only the version that was seen is replaced or deleted', async (t) => {
    const first = await create();
    const second = { ...first, permissions: ['domains:read'], version: 2 };
    for (const version of [1, 3]) {
      await t.rejects(roles.replace({ ...second, version }), storeError('STORE_CONFLICT'), `to ${version}`);
    }
    await roles.replace(second);
    t.strictSame(await other.get(first.name), second);
    await t.rejects(other.delete(first.name, 1), storeError('STORE_CONFLICT'));
    t.strictSame(await roles.get(first.name), second);
    await other.delete(first.name, 2);
    t.equal(await roles.get(first.name), null);
    t.notOk((await roles.list()).some((role) => role.name === first.name));
    await t.rejects(roles.delete(first.name, 2), storeError('STORE_CONFLICT'), 'it is gone');
    await t.rejects(roles.replace({ ...second, version: 3 }), storeError('STORE_CONFLICT'));
    await t.resolves(roles.create(first), 'its name is free again');
  });

  await t.test('of replacements at the same time, one wins', async (t) => {
    const first = await create();
    const rivals = Array.from({ length: 6 }, (_, i): Role => ({ ...first, description: `rival ${i}`, version: 2 }));
    const outcomes = await Promise.allSettled(rivals.map((role, i) => (i % 2 === 0 ? roles : other).replace(role)));
    t.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 1);
    const winner = rivals[outcomes.findIndex((outcome) => outcome.status === 'fulfilled')];
    t.strictSame(await roles.get(first.name), winner);
  });

  await t.test('a change and its audit entry are both there or neither', async (t) => {
    const told = async (change: (event: AuditEvent) => Promise<void>): Promise<boolean> => {
      const event = newEvent({ action: 'role.update' });
      const before = await store.audit.head();
      await change(event).catch((error: unknown) => t.match(error, storeError('STORE_CONFLICT')));
      const entries = await store.audit.walk(before.seq, 10);
      t.strictSame(
        entries.map((entry) => entry.json),
        entries.length === 0 ? [] : [JSON.stringify(event)],
      );
      return entries.length === 1;
    };
    const role = newRole();
    t.ok(await told((event) => roles.create(role, { event })));
    t.notOk(await told((event) => roles.create(role, { event })));
    t.ok(await told((event) => roles.replace({ ...role, version: 2 }, { event })));
    t.notOk(await told((event) => roles.replace({ ...role, version: 2 }, { event })));
    t.notOk(await told((event) => roles.delete(role.name, 1, { event })));
    t.ok(await told((event) => roles.delete(role.name, 2, { event })));
  });

  await t.test('what could not be read again is not stored', async (t) => {
    const role = newRole({ version: 0.5 });
    await t.rejects(roles.create(role), storeError('STORE_CORRUPT'));
    t.equal(await roles.get(role.name), null);
  });

  await t.test('there are only so many', (t) => checkFull(t, roles));
}

async function checkFull(t: Test, roles: RoleStore): Promise<void> {
  const count = (await roles.list()).length;
  const more = Array.from({ length: MAX_ROLES - count }, () => newRole());
  await Promise.all(more.map((role) => roles.create(role)));
  const role = newRole();
  await t.rejects(roles.create(role), storeError('STORE_FULL'));
  t.equal(await roles.get(role.name), null);
  t.equal((await roles.list()).length, MAX_ROLES);
  const first = more[0] as Role;
  await t.resolves(roles.replace({ ...first, version: 2 }), 'those that are there can be changed');
  await roles.delete(first.name, 2);
  await t.resolves(roles.create(role), 'and make room');
  // Whatever comes after this in the suite makes roles too.
  await Promise.all([...more.slice(1), role].map(({ name }) => roles.delete(name, 1)));
}
