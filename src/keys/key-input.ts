import { formatDuration } from '../core/duration.ts';
import type { KeyRestrictions } from '../core/key.ts';
import type { Limits } from '../core/limits.ts';
import { MAX_LIMIT } from '../core/limits.ts';
import { didYouMean, nearestName } from '../core/nearest.ts';
import { isPermission, sortedPermissions } from '../core/permission.ts';
import { restrictionFaults, SHADOW_NAMES, storedRestrictions } from '../restrictions/index.ts';
import type { KeyFault } from './key-error.ts';
import type { Catalogue } from './loader.ts';

/** What a person or a program may say about a key. */
export interface KeyFields {
  readonly name: string;
  readonly owner: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** `resource:action`, `resource:*` or `*`. */
  readonly permissions: readonly string[];
  readonly preset: string | null;
  readonly roles: readonly string[];
  readonly tier: string;
  readonly limits: Partial<Limits>;
  /** Milliseconds since the epoch; null: never. */
  readonly expiresAt: number | null;
  readonly restrictions: KeyRestrictions;
  /** Names of what is counted and logged, not enforced. */
  readonly shadow: readonly string[];
}

export interface KeyTypePolicy {
  readonly tier: string;
  readonly defaultExpiryMs: number | null;
  /** The longest that a key may live, from when its expiry is set; null: for ever. */
  readonly maxExpiryMs: number | null;
  readonly rotationDueMs: number | null;
}

/** What a key may refer to: the part of the configuration that keys are checked against. */
export interface KeyCatalogue extends Catalogue {
  readonly keyTypes: Readonly<Record<string, KeyTypePolicy>>;
  /** Every permission that a route asks for. */
  readonly permissions: readonly string[];
}

const MAX_NAME = 200;
const MAX_DESCRIPTION = 2_000;
const MAX_METADATA = 50;
const MAX_METADATA_NAME = 64;
const MAX_METADATA_VALUE = 500;
const MAX_PERMISSIONS = 500;
const MAX_KEY_ROLES = 100;
/** The end of the year 9999: the last time that ISO 8601 writes with four digits. */
const MAX_TIME = Date.UTC(10_000, 0) - 1;
const CONTROL = /\p{Cc}/u;
/** In a name, also what moves, hides or ends the text around it: line separators, marks of direction, half characters. */
const UNFIT_FOR_NAME = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u;
const LIMIT_NAMES: readonly string[] = ['perHour', 'perDay', 'burst'] satisfies (keyof Limits)[];

/**
 * What is wrong with a key's fields; empty when nothing is.
 *
 * @param type the type of the key, whose policy the expiry must keep to
 * @param now  compared with the expiry
 */
export function fieldFaults(
  fields: Partial<KeyFields>,
  type: string,
  catalogue: KeyCatalogue,
  now: number,
): KeyFault[] {
  const maxExpiryMs = Object.hasOwn(catalogue.keyTypes, type) ? (catalogue.keyTypes[type]?.maxExpiryMs ?? null) : null;
  return [
    ...textFaults('name', fields.name, 1, MAX_NAME),
    ...textFaults('owner', fields.owner, 1, MAX_NAME),
    ...textFaults('description', fields.description, 0, MAX_DESCRIPTION, true),
    ...metadataFaults(fields.metadata ?? {}),
    ...permissionFaults(fields.permissions ?? [], catalogue),
    ...nameFaults('preset', fields.preset, Object.keys(catalogue.presets)),
    ...roleFaults(fields.roles ?? [], catalogue),
    ...nameFaults('tier', fields.tier, Object.keys(catalogue.tiers)),
    ...limitFaults(fields.limits ?? {}),
    ...expiryFaults(fields.expiresAt, now, maxExpiryMs),
    ...(fields.restrictions === undefined ? [] : restrictionFaults(fields.restrictions).map(splitField)),
    ...(fields.shadow ?? []).flatMap((name, index) => nameFaults(`shadow[${index}]`, name, SHADOW_NAMES)),
  ];
}

/** The fields that are given, in the form in which they are stored, and nothing else that came with them. */
export function normalFields(fields: Partial<KeyFields>): Partial<KeyFields> {
  const { name, owner, description, metadata, permissions, preset, roles, tier, limits } = fields;
  const { expiresAt, restrictions, shadow } = fields;
  return {
    ...(name === undefined ? {} : { name: name.trim() }),
    ...(owner === undefined ? {} : { owner: owner.trim() }),
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
    ...(permissions === undefined ? {} : { permissions: sortedPermissions(permissions) }),
    ...(preset === undefined ? {} : { preset }),
    ...(roles === undefined ? {} : { roles: [...new Set(roles)].sort() }),
    ...(tier === undefined ? {} : { tier }),
    ...(limits === undefined ? {} : { limits: { ...limits } }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(restrictions === undefined ? {} : { restrictions: storedRestrictions(restrictions) }),
    ...(shadow === undefined ? {} : { shadow: [...new Set(shadow)].sort() }),
  };
}

/** What is wrong with a key type's name; empty when it is one that is configured. */
export function typeFaults(type: string, catalogue: KeyCatalogue): KeyFault[] {
  return nameFaults('type', type, Object.keys(catalogue.keyTypes));
}

function textFaults(field: string, text: string | undefined, min: number, max: number, lines = false): KeyFault[] {
  if (text === undefined) return [];
  if (text.trim().length < min) return [{ field, message: 'is empty; expected some text' }];
  if (text.length > max) return [{ field, message: `has ${text.length} characters; expected at most ${max}` }];
  if (lines ? CONTROL.test(text.replaceAll('\n', '')) : UNFIT_FOR_NAME.test(text)) {
    return [{ field, message: 'has control characters; expected plain text' }];
  }
  return [];
}

function metadataFaults(metadata: Readonly<Record<string, string>>): KeyFault[] {
  const entries = Object.entries(metadata);
  if (entries.length > MAX_METADATA) {
    return [{ field: 'metadata', message: `has ${entries.length} entries; expected at most ${MAX_METADATA}` }];
  }
  return entries.flatMap(([name, value]) => [
    ...textFaults(`metadata.${name.slice(0, MAX_METADATA_NAME)}`, name, 1, MAX_METADATA_NAME),
    ...textFaults(`metadata.${name.slice(0, MAX_METADATA_NAME)}`, value, 0, MAX_METADATA_VALUE, true),
  ]);
}

/** What is wrong with the permissions of a key or a role; a fault's field is `permissions[0]`, `permissions[1]`, … */
export function permissionFaults(
  permissions: readonly string[],
  catalogue: Pick<KeyCatalogue, 'permissions'>,
): KeyFault[] {
  if (permissions.length > MAX_PERMISSIONS) {
    const message = `has ${permissions.length} entries; expected at most ${MAX_PERMISSIONS}`;
    return [{ field: 'permissions', message }];
  }
  const resources = new Set(catalogue.permissions.map((known) => known.slice(0, known.indexOf(':'))));
  return permissions.flatMap((permission, index) => {
    const field = `permissions[${index}]`;
    if (!isPermission(permission)) {
      return [{ field, message: `"${permission}" is not a permission; expected resource:action, resource:* or *` }];
    }
    if (permission === '*' || catalogue.permissions.includes(permission)) return [];
    if (permission.endsWith(':*') && resources.has(permission.slice(0, -2))) return [];
    const wildcards = [...resources].map((resource) => `${resource}:*`);
    return nameFaults(field, permission, [...catalogue.permissions, ...wildcards]);
  });
}

function roleFaults(roles: readonly string[], catalogue: KeyCatalogue): KeyFault[] {
  if (roles.length > MAX_KEY_ROLES) {
    return [{ field: 'roles', message: `has ${roles.length} entries; expected at most ${MAX_KEY_ROLES}` }];
  }
  const known = [...catalogue.roles.keys()];
  return roles.flatMap((role, index) => nameFaults(`roles[${index}]`, role, known));
}

function nameFaults(field: string, name: string | null | undefined, known: readonly string[]): KeyFault[] {
  if (name === null || name === undefined || known.includes(name)) return [];
  if (known.length === 0) return [{ field, message: `"${name}" is not known; none is configured` }];
  const nearest = nearestName(name, known);
  const hint = nearest === null ? `expected one of ${known.slice(0, 20).join(', ')}` : `did you mean "${nearest}"?`;
  return [{ field, message: `"${name}" is not known; ${hint}` }];
}

function limitFaults(limits: Partial<Limits>): KeyFault[] {
  return Object.entries(limits).flatMap(([name, value]) => {
    const field = `limits.${name.slice(0, MAX_METADATA_NAME)}`;
    if (!LIMIT_NAMES.includes(name)) return [{ field, message: `is no limit${didYouMean(name, LIMIT_NAMES)}` }];
    if (Number.isInteger(value) && value >= 1 && value <= MAX_LIMIT) return [];
    return [{ field, message: `is ${value}; expected a whole number from 1 to ${MAX_LIMIT}` }];
  });
}

function expiryFaults(expiresAt: number | null | undefined, now: number, maxMs: number | null): KeyFault[] {
  if (expiresAt === undefined) return [];
  const longest = maxMs === null ? '' : `; keys of this type live for at most ${formatDuration(maxMs)}`;
  const fault = (message: string): KeyFault[] => [{ field: 'expires_at', message }];
  if (expiresAt === null) return maxMs === null ? [] : fault(`is never${longest}`);
  if (!Number.isInteger(expiresAt) || Math.abs(expiresAt) > MAX_TIME) {
    return fault('is not a time; expected one before the year 10000');
  }
  const shown = new Date(expiresAt).toISOString();
  if (expiresAt <= now) return fault(`${shown} has passed; expected a time to come`);
  return maxMs !== null && expiresAt > now + maxMs ? fault(`${shown} is too late${longest}`) : [];
}

/** Restriction faults come as `field: message`. */
function splitField(fault: string): KeyFault {
  const colon = fault.indexOf(': ');
  return { field: fault.slice(0, colon), message: fault.slice(colon + 2) };
}
