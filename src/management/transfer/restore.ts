import { isDeepStrictEqual } from 'node:util';
import type { AuditEvent } from '../../core/audit.ts';
import type { Clock } from '../../core/clock.ts';
import type { KeyRecord } from '../../core/key.ts';
import { type Store, StoreError } from '../../core/ports.ts';
import { MAX_ROLES, type Role, type RolePermissions, rolePermissions } from '../../core/role.ts';
import type { Actor } from '../../keys/actor.ts';
import { eventOf } from '../../keys/key-event.ts';
import { type KeyCatalogue, permissionFaults } from '../../keys/key-input.ts';
import { storedRestrictions } from '../../restrictions/index.ts';
import type { BackupItem } from './backup-reader.ts';
import { discreet, type RowFault } from './fault.ts';
import { isCorrupt } from './key-stream.ts';
import { recordFaults } from './record-faults.ts';

export interface RestoreContext {
  readonly store: Pick<Store, 'keys' | 'roles'>;
  /** What the configuration knows; the roles are asked of the store. */
  readonly catalogue: Omit<KeyCatalogue, 'roles'>;
  readonly clock: Clock;
  /** Versions of the peppers that are configured. */
  readonly pepperVersions: readonly number[];
}

/** What would become of a line of a backup. */
export type Verdict =
  | { readonly kind: 'role'; readonly line: number; readonly role: Role }
  | { readonly kind: 'key'; readonly line: number; readonly record: KeyRecord }
  | { readonly kind: 'role-present'; readonly line: number; readonly role: Role }
  | { readonly kind: 'key-present'; readonly line: number; readonly record: KeyRecord }
  /** The store has it, and differently. */
  | { readonly kind: 'conflict'; readonly fault: RowFault }
  | { readonly kind: 'refused'; readonly faults: readonly RowFault[] };

/**
 * Says of each line of a backup what would become of it. Writes nothing; roles that would be made count for the keys
 * behind them.
 */
export async function* judgeBackup(items: AsyncIterable<BackupItem>, context: RestoreContext): AsyncGenerator<Verdict> {
  const present = await context.store.roles.list();
  const known = new Map(present.map((role) => [role.name, role]));
  const roles = new Map(rolePermissions(present));
  for await (const item of items) {
    if (item.kind === 'wrong') yield { kind: 'refused', faults: [item.fault] };
    else if (item.kind === 'key') yield await judgeKey(item.line, item.record, roles, context);
    else {
      const verdict = judgeRole(item.line, item.role, known, roles.size, context);
      if (verdict.kind === 'role') roles.set(item.role.name, item.role.permissions);
      yield verdict;
    }
  }
}

function judgeRole(
  line: number,
  role: Role,
  known: ReadonlyMap<string, Role>,
  count: number,
  { catalogue }: RestoreContext,
): Verdict {
  const present = known.get(role.name);
  if (present !== undefined) {
    const differing = differences(present, role, ['createdAt', 'updatedAt', 'version']);
    if (differing.length === 0) return { kind: 'role-present', line, role };
    return {
      kind: 'conflict',
      fault: { line, field: role.name, message: `the role is there and differs in ${differing.join(', ')}` },
    };
  }
  const faults = permissionFaults(role.permissions, catalogue);
  if (count >= MAX_ROLES)
    faults.push({ field: 'roles', message: `there are ${MAX_ROLES} already, and there can be no more` });
  if (faults.length === 0) return { kind: 'role', line, role };
  return { kind: 'refused', faults: faults.map(({ field, message }) => ({ line, field, message: discreet(message) })) };
}

async function judgeKey(
  line: number,
  record: KeyRecord,
  roles: RolePermissions,
  context: RestoreContext,
): Promise<Verdict> {
  const { catalogue, clock, pepperVersions, store } = context;
  const present = await readKey(record.id, store.keys);
  if (present === 'unreadable') return conflict(line, `${record.id} is there, and cannot be read`);
  if (present !== null) {
    // What earlier versions stored of restrictions that restrict nothing is no difference.
    const stored = { ...present, restrictions: storedRestrictions(present.restrictions) };
    const differing = differences(stored, record, ['sealedSecret']);
    if (differing.length === 0) return { kind: 'key-present', line, record };
    return conflict(line, `${record.id} is there and differs in ${differing.join(', ')}`);
  }
  for (const { digest } of [record.secret, ...(record.previous === null ? [] : [record.previous])]) {
    const other = await store.keys.findByDigest(digest);
    if (other !== null) return conflict(line, `another key, ${other.id}, has the secret of ${record.id}`);
  }
  const faults = [
    ...recordFaults(line, record, { ...catalogue, roles }, clock.now()),
    ...pepperFaults(line, record, pepperVersions),
  ];
  return faults.length === 0 ? { kind: 'key', line, record } : { kind: 'refused', faults };
}

async function readKey(id: string, store: Store['keys']): Promise<KeyRecord | null | 'unreadable'> {
  try {
    return await store.get(id);
  } catch (error) {
    if (isCorrupt(error)) return 'unreadable';
    throw error;
  }
}

/** A digest that was made under a pepper that is not there opens nothing. */
function pepperFaults(line: number, { secret, previous }: KeyRecord, versions: readonly number[]): RowFault[] {
  return [secret, ...(previous === null ? [] : [previous])].flatMap(({ digest }) => {
    const version = /^hmac-(\d+):/.exec(digest)?.[1];
    if (version === undefined || versions.includes(Number(version))) return [];
    const message = `was hashed under pepper ${version}, which keys.peppers of this configuration does not have`;
    return [{ line, field: 'digest', message }];
  });
}

function conflict(line: number, message: string): Verdict {
  return { kind: 'conflict', fault: { line, field: null, message } };
}

/** Names of the fields in which two differ, as the API writes them. */
function differences<T extends object>(a: T, b: T, ignored: readonly (keyof T)[]): string[] {
  const names = Object.keys(a) as (keyof T & string)[];
  return names
    .filter((name) => !ignored.includes(name) && !isDeepStrictEqual(a[name], b[name]))
    .map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

/**
 * Makes a role as it was, with an entry in the audit log.
 * @returns whether it was made: false when there is one of that name by now
 */
export async function restoreRole(role: Role, store: Store['roles'], actor: Actor, now: number): Promise<boolean> {
  const { name, description, permissions } = role;
  const event: AuditEvent = {
    ...eventOf('role.create', actor, now),
    target: name,
    after: { name, description, permissions },
  };
  try {
    await store.create(role, { event });
    return true;
  } catch (error) {
    if (error instanceof StoreError && error.code === 'STORE_CONFLICT') return false;
    throw error;
  }
}
