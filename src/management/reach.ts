import type { KeyRecord } from '../core/key.ts';
import type { Limits } from '../core/limits.ts';
import { compilePermissions, type PermissionSet } from '../core/permission.ts';
import { type Reach, UNLIMITED } from '../keys/actor.ts';
import type { KeyCatalogue } from '../keys/key-input.ts';
import { effectiveLimits, effectivePermissions } from '../keys/loader.ts';
import { LIMITS_NAME } from '../restrictions/index.ts';
import { type Caller, mayRead, mayWrite } from './caller.ts';
import { ManagementError } from './failures.ts';

/** The type of the keys that people make for themselves. */
export const SELF_SERVICE_TYPE = 'personal';

const LIMIT_FIELDS = { perHour: 'per_hour', perDay: 'per_day', burst: 'burst' } as const satisfies Record<
  keyof Limits,
  string
>;

/**
 * How far a caller may go with keys. With `admin:write` there is no bound. Without, it is its own personal keys, and these
 * can be given no more than the caller has: the permissions of its token and those that self-service gives everybody, the
 * limits of their type's tier.
 *
 * @param selfService permissions that the configuration gives everybody's own keys
 */
export function reachOf(caller: Caller, selfService: readonly string[]): Reach {
  if (mayWrite(caller)) return UNLIMITED;
  const passable = compilePermissions([...caller.permissions], selfService);
  const readsAll = mayRead(caller);
  return {
    sees: (key) => readsAll || isOwn(caller, key),
    allow: (before, after, catalogue) => {
      mustBeOwn(caller, before, after);
      if (after === null) return;
      mustPassOn(before, after, catalogue, passable);
      mustKeepTier(before, after, catalogue);
      mustKeepLimits(before, after);
      mustNotUndo(caller, before, after);
    },
  };
}

/** Whether a key is one that the caller manages by itself. */
function isOwn(caller: Caller, key: KeyRecord): boolean {
  return key.owner === caller.subject && key.type === SELF_SERVICE_TYPE;
}

function mustBeOwn(caller: Caller, before: KeyRecord | null, after: KeyRecord | null): void {
  for (const key of [before, after]) {
    if (key === null || isOwn(caller, key)) continue;
    const field = key.type === SELF_SERVICE_TYPE ? 'owner' : 'type';
    throw beyond(field, `only personal keys of "${caller.subject}" are for this token; others need admin:write`);
  }
}

function mustPassOn(
  before: KeyRecord | null,
  after: KeyRecord,
  catalogue: KeyCatalogue,
  passable: PermissionSet,
): void {
  const had = compilePermissions(before === null ? [] : effectivePermissions(before, catalogue));
  const added = effectivePermissions(after, catalogue).filter((permission) => !had.has(permission));
  const missing = added.filter((permission) => !covers(passable, permission));
  if (missing.length === 0) return;
  throw beyond('permissions', `this token cannot pass on ${missing.slice(0, 20).join(', ')}, which it does not have`);
}

/** Whether one who has these permissions has that one too; a wildcard is covered by a wildcard only. */
export function covers(granted: PermissionSet, permission: string): boolean {
  if (granted.has('*') || granted.has(permission)) return true;
  return granted.has(`${permission.slice(0, permission.indexOf(':'))}:*`);
}

function mustKeepTier(before: KeyRecord | null, after: KeyRecord, catalogue: KeyCatalogue): void {
  const usual = catalogue.keyTypes[after.type]?.tier ?? '';
  if (after.tier !== usual && after.tier !== before?.tier) {
    throw beyond('tier', `keys of this type have the tier "${usual}"; another one needs admin:write`);
  }
  const most = effectiveLimits({ tier: usual, limits: {} }, catalogue);
  const had = before === null ? most : effectiveLimits(before, catalogue);
  const wanted = effectiveLimits(after, catalogue);
  for (const name of Object.keys(LIMIT_FIELDS) as (keyof Limits)[]) {
    const bound = Math.max(most[name], had[name]);
    if (wanted[name] <= bound) continue;
    throw beyond(`limits/${LIMIT_FIELDS[name]}`, `at most ${bound} without admin:write`);
  }
}

/** Limits that are not enforced are none. */
function mustKeepLimits(before: KeyRecord | null, after: KeyRecord): void {
  if (!after.shadow.includes(LIMITS_NAME) || before?.shadow.includes(LIMITS_NAME)) return;
  throw beyond('shadow', `to put ${LIMITS_NAME} in shadow needs admin:write`);
}

/** What somebody else forbade, one cannot allow oneself again. */
function mustNotUndo(caller: Caller, before: KeyRecord | null, after: KeyRecord): void {
  if (before?.status !== 'disabled' || after.status !== 'active' || before.disabledBy === caller.subject) return;
  throw new ManagementError('forbidden', 'this key was disabled by somebody else; to enable it needs admin:write');
}

function beyond(pointer: string, detail: string): ManagementError {
  return new ManagementError('forbidden', detail, [{ pointer: `/${pointer}`, detail }]);
}

/** @throws ManagementError `forbidden` */
export function mustRead(caller: Caller, what: string): void {
  if (!mayRead(caller)) throw new ManagementError('forbidden', `${what} needs admin:read`);
}

/** @throws ManagementError `forbidden` */
export function mustWrite(caller: Caller, what: string): void {
  if (!mayWrite(caller)) throw new ManagementError('forbidden', `${what} needs admin:write`);
}
