import type { LoadedKey } from '../core/decision.ts';
import type { KeyRecord } from '../core/key.ts';
import { sortedPermissions } from '../core/permission.ts';
import type { Route } from '../core/route.ts';
import type { Catalogue } from '../keys/loader.ts';
import type { HeldPermission, PermissionUse } from './replay-report.ts';

/** Keys whose permissions are looked at. */
const MAX_KEYS = 50_000;

interface Uses {
  readonly record: KeyRecord;
  readonly held: ReadonlySet<string>;
  /** The routes that were used, of those that ask for a permission. */
  readonly routes: Set<Route>;
  requests: number;
  first: number;
  last: number;
}

/** Remembers which routes each key used, and says which of its permissions it never needed for them. */
export class PermissionUses {
  readonly #keys = new Map<string, Uses>();
  readonly #leftOut = new Set<string>();
  readonly #maxKeys: number;

  constructor(maxKeys: number = MAX_KEYS) {
    this.#maxKeys = maxKeys;
  }

  /** Keys that there was no room for; when they are very many, at least so many. */
  get leftOut(): number {
    return this.#leftOut.size;
  }

  /** A request that was let through. */
  add({ record, permissions }: LoadedKey, route: Route, at: number): void {
    let uses = this.#keys.get(record.id);
    if (uses === undefined) {
      if (this.#keys.size >= this.#maxKeys) {
        if (this.#leftOut.size < this.#maxKeys) this.#leftOut.add(record.id);
        return;
      }
      uses = { record, held: permissions, routes: new Set(), requests: 0, first: at, last: at };
      this.#keys.set(record.id, uses);
    }
    uses.requests++;
    uses.first = Math.min(uses.first, at);
    uses.last = Math.max(uses.last, at);
    if (route.access === 'permission') uses.routes.add(route);
  }

  /** Of the keys that hold more than they used, those with the most requests first. */
  result(catalogue: Pick<Catalogue, 'presets' | 'roles'>): PermissionUse[] {
    return [...this.#keys.values()]
      .map((uses) => useOf(uses, catalogue))
      .filter(({ neverUsed, wildcards }) => neverUsed.length + wildcards.length > 0)
      .sort((a, b) => b.requests - a.requests || compare(a.keyName, b.keyName) || compare(a.keyId, b.keyId));
  }
}

function useOf(uses: Uses, catalogue: Pick<Catalogue, 'presets' | 'roles'>): PermissionUse {
  const { record, held, requests, first, last } = uses;
  const needed = [...uses.routes].flatMap(({ permissions }) => neededOf(permissions, held));
  const usedAs = new Map<string, Set<string>>();
  for (const { by, permission } of needed) {
    const known = usedAs.get(by);
    if (known === undefined) usedAs.set(by, new Set([permission]));
    else known.add(permission);
  }
  const neverUsed = sortedPermissions(held).filter((permission) => !usedAs.has(permission));
  const wildcards = sortedPermissions(usedAs.keys()).filter((permission) => permission.endsWith('*'));
  return {
    keyId: record.id,
    keyName: record.name,
    requests,
    first,
    last,
    neverUsed: neverUsed.map((permission) => ({ permission, from: givers(permission, record, catalogue) })),
    wildcards: wildcards.map((permission) => ({
      permission,
      usedAs: sortedPermissions(usedAs.get(permission) ?? []),
    })),
    wouldDo: sortedPermissions(needed.map(({ permission }) => permission)),
  };
}

interface Needed {
  /** What the key holds. */
  readonly by: string;
  /** What the route asks for. */
  readonly permission: string;
}

/**
 * Which permissions of a key open a route, of those of which any one does. When it holds several by name, all of them
 * count as used, since nobody can tell which one was meant; a wildcard counts only when none is held by name.
 */
function neededOf(asked: readonly string[], held: ReadonlySet<string>): Needed[] {
  const named = asked.filter((permission) => held.has(permission));
  if (named.length > 0) return named.map((permission) => ({ by: permission, permission }));
  for (const permission of asked) {
    const wildcard = `${permission.slice(0, permission.indexOf(':'))}:*`;
    if (held.has(wildcard)) return [{ by: wildcard, permission }];
  }
  const [permission] = asked;
  return permission !== undefined && held.has('*') ? [{ by: '*', permission }] : [];
}

function givers(permission: string, record: KeyRecord, { presets, roles }: Pick<Catalogue, 'presets' | 'roles'>) {
  const { preset } = record;
  const ofPreset = preset !== null && Object.hasOwn(presets, preset) ? (presets[preset] ?? []) : [];
  return [
    ...(record.permissions.includes(permission) ? ['the key'] : []),
    ...(ofPreset.includes(permission) ? [`preset ${preset}`] : []),
    ...record.roles.filter((role) => roles.get(role)?.includes(permission)).map((role) => `role ${role}`),
  ] satisfies HeldPermission['from'];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
