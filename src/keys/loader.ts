import { type LoadedKey, noRecentUse, noTexts } from '../core/decision.ts';
import type { KeyRecord } from '../core/key.ts';
import type { Limits } from '../core/limits.ts';
import { compilePermissions, type PermissionSet, sortedPermissions } from '../core/permission.ts';
import { NO_PLACES, type Places } from '../core/places.ts';
import type { RolePermissions } from '../core/role.ts';
import { SharedValues } from '../core/shared-values.ts';
import { compileRestrictions } from '../restrictions/compile.ts';
import { LIMITS_NAME } from '../restrictions/index.ts';

/** What a key's names stand for: the configuration's part, and the roles that were made over the API. */
export interface Catalogue {
  readonly tiers: Readonly<Record<string, Limits>>;
  readonly presets: Readonly<Record<string, readonly string[]>>;
  readonly roles: RolePermissions;
}

/** What a key is parsed with. */
export interface LoadSettings extends Catalogue {
  /** Kinds of restrictions, and `limits`, that are not enforced for any key. */
  readonly shadow: readonly string[];
}

/** The strictest limits there are: what a key gets whose tier is no longer configured. */
const LEAST: Limits = { perHour: 1, perDay: 1, burst: 1 };

/** The part of a key that says what it may do. */
export type Grant = Pick<KeyRecord, 'permissions' | 'preset' | 'roles'>;

/** The permissions that a key has: its own, its preset's and its roles', sorted. A name that is gone gives none. */
export function effectivePermissions(grant: Grant, catalogue: Pick<Catalogue, 'presets' | 'roles'>): string[] {
  const preset = grant.preset === null ? [] : (named(catalogue.presets, grant.preset) ?? []);
  const roles = grant.roles.flatMap((name) => catalogue.roles.get(name) ?? []);
  return sortedPermissions([...grant.permissions, ...preset, ...roles]);
}

/** The limits that hold for a key: its tier's, and what it overrides of them. */
export function effectiveLimits(
  record: Pick<KeyRecord, 'tier' | 'limits'>,
  catalogue: Pick<Catalogue, 'tiers'>,
): Limits {
  const tier = named(catalogue.tiers, record.tier) ?? LEAST;
  // Most keys override nothing, and share one object.
  return Object.keys(record.limits).length === 0 ? tier : { ...tier, ...record.limits };
}

/** A stored name like `constructor` must not find what every object has. */
function named<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}

/**
 * Parses a stored key into what the checks use. Never throws: what cannot be understood gives less, not more.
 *
 * @param places what is known of addresses
 */
export function loadKey(record: KeyRecord, catalogue: LoadSettings, places: Places = NO_PLACES): LoadedKey {
  const granted = shared(effectivePermissions(record, catalogue));
  const shadow = new Set([...record.shadow, ...catalogue.shadow]);
  return {
    id: record.id,
    worksUntil: worksUntil(record),
    restrictions: compileRestrictions(record.restrictions, places, shadow),
    permissions: granted.set,
    recent: noRecentUse(),
    limits: effectiveLimits(record, catalogue),
    texts: noTexts(),
    type: record.type,
    owner: record.owner,
    previousWorksUntil: record.previous?.expiresAt ?? Number.NEGATIVE_INFINITY,
    shadowsLimits: shadow.has(LIMITS_NAME),
    permissionsHeader: granted.text,
    record,
  };
}

interface SharedPermissions {
  readonly set: PermissionSet;
  readonly text: string;
}

/** By the list as JSON: joined in any other way, one odd permission could look like two. */
const sharedPermissions = new SharedValues<SharedPermissions>();

function shared(permissions: readonly string[]): SharedPermissions {
  const make = () => ({ set: compilePermissions(permissions), text: permissions.join(' ') });
  return sharedPermissions.of(JSON.stringify(permissions), make);
}

/** Until when a key works by its status and expiry. @returns milliseconds since the epoch; -Infinity: it does not */
export function worksUntil({ status, expiresAt }: Pick<KeyRecord, 'status' | 'expiresAt'>): number {
  if (status !== 'active') return Number.NEGATIVE_INFINITY;
  return expiresAt ?? Number.POSITIVE_INFINITY;
}
