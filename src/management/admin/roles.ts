import { isDeepStrictEqual } from 'node:util';
import type { AuditAction, AuditEvent } from '../../core/audit.ts';
import { sortedPermissions } from '../../core/permission.ts';
import { StoreError } from '../../core/ports.ts';
import { MAX_ROLES, type Role } from '../../core/role.ts';
import { differences, eventOf } from '../../keys/key-event.ts';
import { isConflict } from '../../keys/key-writer.ts';
import type { ManagementClient, Versioned } from '../client.ts';
import { ManagementError } from '../failures.ts';
import { mustWrite } from '../reach.ts';
import type { RoleAnswer, RoleCreate, RoleUpdate } from '../schemas/catalogue.ts';
import type { AdminContext } from './context.ts';
import { checkedPermissions } from './permissions-input.ts';

/** How often a change is tried again when somebody else changed the role in between. */
const MAX_ATTEMPTS = 5;

type RoleMethods = Pick<ManagementClient, 'listRoles' | 'getRole' | 'createRole' | 'updateRole' | 'deleteRole'>;

/** Roles: anybody with a token may see them, `admin:write` makes and changes them. */
export function roleMethods(context: AdminContext): RoleMethods {
  return {
    listRoles: async () => ({ roles: (await context.store.roles.list()).map(shown) }),
    getRole: async (name) => shown(await roleOf(name, context)),
    createRole: (body) => createRole(body, context),
    updateRole: (name, body, options) => updateRole(name, body, options, context),
    deleteRole: (name, options) => deleteRole(name, options, context),
  };
}

async function createRole(body: RoleCreate, context: AdminContext): Promise<RoleAnswer> {
  const { caller, clock, keys, store } = context;
  mustWrite(caller, 'to make a role');
  const permissions = checkedPermissions(body.permissions, await keys.catalogue());
  const now = clock.now();
  const role: Role = {
    name: body.name,
    description: body.description ?? '',
    permissions: sortedPermissions(permissions),
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
  try {
    await store.roles.create(role, { event: eventFor('role.create', null, role, context) });
  } catch (error) {
    if (isFull(error)) throw new ManagementError('conflict', `there are ${MAX_ROLES} roles, and there can be no more`);
    if (!isConflict(error)) throw error;
    const detail = `there is a role "${role.name}" already`;
    throw new ManagementError('conflict', detail, [{ pointer: '/name', detail }]);
  }
  return shown(role);
}

async function updateRole(
  name: string,
  body: RoleUpdate,
  options: Versioned | undefined,
  context: AdminContext,
): Promise<RoleAnswer> {
  mustWrite(context.caller, 'to change a role');
  const catalogue = await context.keys.catalogue();
  const { description, permissions } = body;
  const changes = {
    ...(description === undefined ? {} : { description }),
    ...(permissions === undefined
      ? {}
      : { permissions: sortedPermissions(checkedPermissions(permissions, catalogue)) }),
  };
  return attempt(name, options, context, async (before) => {
    if (isDeepStrictEqual({ ...before, ...changes }, before)) return shown(before);
    const after: Role = { ...before, ...changes, updatedAt: context.clock.now(), version: before.version + 1 };
    await context.store.roles.replace(after, { event: eventFor('role.update', before, after, context) });
    return shown(after);
  });
}

/** Keys that have the role lose what it gave them, and go on naming it: one that is made anew gives it back. */
async function deleteRole(name: string, options: Versioned | undefined, context: AdminContext): Promise<void> {
  mustWrite(context.caller, 'to delete a role');
  await attempt(name, options, context, (before) =>
    context.store.roles.delete(name, before.version, { event: eventFor('role.delete', before, null, context) }),
  );
}

/** Does something to a role as it is; begins again when another changed it in between. */
async function attempt<T>(
  name: string,
  options: Versioned | undefined,
  context: AdminContext,
  act: (role: Role) => Promise<T>,
): Promise<T> {
  const versions = options?.ifMatch ?? null;
  for (let tries = 1; ; tries++) {
    const role = await roleOf(name, context);
    if (versions !== null && !versions.includes(role.version)) {
      throw new ManagementError('precondition_failed', `role ${name} is at version ${role.version} by now`);
    }
    try {
      return await act(role);
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (tries === MAX_ATTEMPTS) {
        throw new ManagementError('conflict', `role ${name} is being changed by others; try again`);
      }
    }
  }
}

async function roleOf(name: string, { store }: AdminContext): Promise<Role> {
  const role = await store.roles.get(name);
  if (role === null) throw new ManagementError('not_found', 'there is no such role');
  return role;
}

function eventFor(action: AuditAction, before: Role | null, after: Role | null, context: AdminContext): AuditEvent {
  const { caller, clock } = context;
  const [was, is] = differences(
    before === null ? null : { ...shown(before) },
    after === null ? null : { ...shown(after) },
  );
  const event = eventOf(action, caller, clock.now());
  return { ...event, target: (after ?? before)?.name ?? null, before: was, after: is };
}

function shown(role: Role): RoleAnswer {
  return {
    name: role.name,
    description: role.description,
    permissions: [...role.permissions],
    created_at: new Date(role.createdAt).toISOString(),
    updated_at: new Date(role.updatedAt).toISOString(),
    version: role.version,
  };
}

function isFull(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'STORE_FULL';
}
