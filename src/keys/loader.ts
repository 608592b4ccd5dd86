import type { LoadedKey } from '../core/decision.ts';
import type { KeyRecord } from '../core/key.ts';
import type { Limits } from '../core/limits.ts';
import { compilePermissions, sortedPermissions } from '../core/permission.ts';
import { compileRestrictions } from '../restrictions/index.ts';

/** What a key's names stand for: the part of the configuration that a key is parsed against. */
export interface Catalogue {
  readonly tiers: Readonly<Record<string, Limits>>;
  readonly presets: Readonly<Record<string, readonly string[]>>;
}

/** The strictest limits there are: what a key gets whose tier is no longer configured. */
const LEAST: Limits = { perHour: 1, perDay: 1, burst: 1 };

/** The permissions that a key has: its own and its preset's, sorted. A preset that is gone gives none. */
export function effectivePermissions(record: KeyRecord, catalogue: Catalogue): string[] {
  const preset = record.preset === null ? [] : (named(catalogue.presets, record.preset) ?? []);
  return sortedPermissions([...record.permissions, ...preset]);
}

/** The limits that hold for a key: its tier's, and what it overrides of them. */
export function effectiveLimits(record: KeyRecord, catalogue: Catalogue): Limits {
  return { ...(named(catalogue.tiers, record.tier) ?? LEAST), ...record.limits };
}

/** A stored name like `constructor` must not find what every object has. */
function named<T>(entries: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}

/** Parses a stored key into what the checks use. Never throws: what cannot be understood gives less, not more. */
export function loadKey(record: KeyRecord, catalogue: Catalogue): LoadedKey {
  const permissions = effectivePermissions(record, catalogue);
  return {
    record,
    permissions: compilePermissions(permissions),
    limits: effectiveLimits(record, catalogue),
    restrictions: compileRestrictions(record.restrictions),
    permissionsHeader: permissions.join(' '),
    recent: { address: '', lease: null },
  };
}
