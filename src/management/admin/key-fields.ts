import type { KeyRecord, KeyRestrictions } from '../../core/key.ts';
import type { Limits } from '../../core/limits.ts';
import type { KeyCatalogue, KeyFields } from '../../keys/key-input.ts';
import { RESTRICTIONS } from '../../restrictions/index.ts';
import type { KeyUpdate } from '../schemas/key.ts';
import { givenPermissions } from './permissions-input.ts';

/**
 * The fields of a key that a body names.
 *
 * @param before what restrictions that the body does not name are taken from; null: there is no key yet
 */
export function fieldsOf(body: KeyUpdate, before: KeyRecord | null, catalogue: KeyCatalogue): Partial<KeyFields> {
  const { permissions, limits, expires_at: expiresAt } = body;
  return {
    ...given(body, ['name', 'owner', 'description', 'metadata', 'preset', 'roles', 'tier', 'shadow']),
    ...(permissions === undefined ? {} : { permissions: givenPermissions(permissions, catalogue).permissions }),
    ...(limits === undefined ? {} : { limits: limitsOf(limits) }),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt === null ? null : Date.parse(expiresAt) }),
    ...restrictionsOf(body, before?.restrictions ?? {}),
  };
}

function restrictionsOf(body: KeyUpdate, before: KeyRestrictions): { restrictions?: KeyRestrictions } {
  const sent: Readonly<Record<string, unknown>> = body;
  const named = RESTRICTIONS.filter(({ field }) => sent[field] !== undefined);
  if (named.length === 0) return {};
  const restrictions: Record<string, unknown> = { ...before };
  for (const kind of named) restrictions[kind.field] = kind.normal(sent[kind.field]);
  return { restrictions };
}

function limitsOf({ per_hour: perHour, per_day: perDay, burst }: NonNullable<KeyUpdate['limits']>): Partial<Limits> {
  return {
    ...(perHour === undefined ? {} : { perHour }),
    ...(perDay === undefined ? {} : { perDay }),
    ...(burst === undefined ? {} : { burst }),
  };
}

type Named<T, K extends keyof T> = { [P in K]?: Exclude<T[P], undefined> };

/** Those members that are there. */
function given<T extends object, K extends keyof T>(from: T, names: readonly K[]): Named<T, K> {
  const entries = names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]);
  return Object.fromEntries(entries) as Named<T, K>;
}
