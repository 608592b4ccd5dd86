import type { KeyRecord, KeyRestrictions } from '../../core/key.ts';
import type { Limits } from '../../core/limits.ts';
import type { KeyCatalogue, KeyFields } from '../../keys/key-input.ts';
import type { KeyUpdate } from '../schemas/key.ts';
import { givenPermissions } from './permissions-input.ts';

const UNRESTRICTED: KeyRestrictions = {
  ip_restrictions: [],
  country_restrictions: [],
  block_tor: false,
  time_restrictions: null,
};

/**
 * The fields of a key that a body names.
 *
 * @param before what restrictions that the body does not name are taken from; null: there is no key yet
 */
export function fieldsOf(body: KeyUpdate, before: KeyRecord | null, catalogue: KeyCatalogue): Partial<KeyFields> {
  const { permissions, limits, expires_at: expiresAt } = body;
  return {
    ...given(body, ['name', 'owner', 'description', 'metadata', 'preset', 'roles', 'tier']),
    ...(permissions === undefined ? {} : { permissions: givenPermissions(permissions, catalogue).permissions }),
    ...(limits === undefined ? {} : { limits: limitsOf(limits) }),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt === null ? null : Date.parse(expiresAt) }),
    ...restrictionsOf(body, before?.restrictions ?? UNRESTRICTED),
  };
}

function restrictionsOf(body: KeyUpdate, before: KeyRestrictions): { restrictions?: KeyRestrictions } {
  const { time_restrictions: time } = body;
  const named = {
    ...given(body, ['ip_restrictions', 'country_restrictions', 'block_tor']),
    ...(time === undefined ? {} : { time_restrictions: time === null ? null : wholeTime(time) }),
  };
  return Object.keys(named).length === 0 ? {} : { restrictions: { ...before, ...named } };
}

function wholeTime(time: NonNullable<KeyUpdate['time_restrictions']>): KeyRestrictions['time_restrictions'] {
  return {
    timezone: time.timezone,
    allowed_hours: time.allowed_hours ?? [],
    // "Monday" is a day as well.
    allowed_days: (time.allowed_days ?? []).map((day) => day.toLowerCase()),
  };
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
