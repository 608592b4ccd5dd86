import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import type { KeyRestrictions } from '../core/key.ts';
import { didYouMean } from '../core/nearest.ts';
import type { Places } from '../core/places.ts';
import { country } from './country.ts';
import { ip } from './ip.ts';
import type { RestrictionKind, RestrictionOption } from './restriction.ts';
import { time } from './time.ts';
import { tor } from './tor.ts';
import { userAgent } from './user-agent.ts';

/** Every kind of restriction, in the order in which a request meets them. */
const KINDS = [ip, country, tor, time, userAgent] as const;

type Kind = (typeof KINDS)[number];
type FieldOf<K extends Kind> = K['field'];

export const RESTRICTIONS: readonly RestrictionKind[] = KINDS;

/** Those whose value is a list of texts or a switch, so that one option or one column gives all of it. */
export const SIMPLE_RESTRICTIONS: readonly SimpleRestriction[] = RESTRICTIONS.filter(isSimple);

type SimpleRestriction = RestrictionKind & { readonly option: RestrictionOption };

function isSimple(kind: RestrictionKind): kind is SimpleRestriction {
  return kind.option !== null;
}

/** What callers of the API may send for each field. */
export const RESTRICTION_INPUTS = byField((kind) => kind.input) as { [K in Kind as FieldOf<K>]: K['input'] };
/** What each field holds in answers and in the store. */
export const RESTRICTION_VALUES = byField((kind) => kind.stored) as { [K in Kind as FieldOf<K>]: K['stored'] };

/** The restrictions on a key, each with its value, also where that restricts nothing. */
export type RestrictionValues = { readonly [K in Kind as FieldOf<K>]: z.infer<K['stored']> };

/** What stands for limits in a list of what is in shadow. */
export const LIMITS_NAME = 'limits';
/** All that can be in shadow. */
export const SHADOW_NAMES: readonly string[] = [...KINDS.map(({ name }) => name), LIMITS_NAME];

function byField<T>(of: (kind: RestrictionKind) => T): Record<string, T> {
  return Object.fromEntries(RESTRICTIONS.map((kind) => [kind.field, of(kind)]));
}

/** What is wrong with the restrictions as written, as `field: message`; empty when nothing is. */
export function restrictionFaults(restrictions: KeyRestrictions): string[] {
  return Object.entries(restrictions).flatMap(([field, value]) => faultsOfField(field, value));
}

/** What is wrong with one of them, as `field: message`; empty when nothing is. */
export function faultsOfField(field: string, value: unknown): readonly string[] {
  const kind = RESTRICTIONS.find((known) => known.field === field);
  if (kind === undefined) {
    const fields = RESTRICTIONS.map((known) => known.field);
    return [`${field}: is no restriction${didYouMean(field, fields)}`];
  }
  const parsed = kind.stored.safeParse(value);
  if (parsed.success) return kind.faults(parsed.data);
  const issue = parsed.error.issues[0];
  const path = (issue?.path ?? []).map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`));
  return [`${field}${path.join('')}: ${issue?.message ?? 'cannot be read'}`];
}

/**
 * What of the restrictions restricts something, each entry of a list once: the form in which they are stored. What cannot
 * be read stays as it is.
 */
export function storedRestrictions(restrictions: KeyRestrictions): KeyRestrictions {
  const kept = Object.entries(restrictions).flatMap(([field, value]): [string, unknown][] => {
    const kind = RESTRICTIONS.find((known) => known.field === field);
    if (kind === undefined) return [[field, value]];
    if (isDeepStrictEqual(value, kind.none)) return [];
    return [[field, kind.stored.safeParse(value).success ? withoutRepeats(value) : value]];
  });
  return Object.fromEntries(kept);
}

/** A value with the lists in it, each entry where it stands first. */
function withoutRepeats(value: unknown): unknown {
  if (Array.isArray(value)) return [...new Set<unknown>(value)];
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withoutRepeats(part)]));
}

/** Every field with its value. One that cannot be read is given as it is stored. */
export function restrictionValues(restrictions: KeyRestrictions): RestrictionValues {
  return byField((kind) => valueOf(kind, restrictions)) as RestrictionValues;
}

/** The value of a kind; what restricts nothing when there is none. */
export function valueOf(kind: RestrictionKind, restrictions: KeyRestrictions): unknown {
  return Object.hasOwn(restrictions, kind.field) ? restrictions[kind.field] : kind.none;
}

/** Restrictions that a newer version wrote: what they restrict is not known here. */
export function unknownRestrictions(restrictions: KeyRestrictions): KeyRestrictions {
  const entries = Object.entries(restrictions);
  return Object.fromEntries(entries.filter(([field]) => !RESTRICTIONS.some((kind) => kind.field === field)));
}

/**
 * Why a key so restricted can never be used on a gateway that knows these places, as `field: message`: its writer wants
 * to know. Empty when nothing is in the way.
 *
 * @param shadow names of the kinds that are not enforced
 */
export function explainPlaces(restrictions: KeyRestrictions, places: Places, shadow: ReadonlySet<string>): string[] {
  const unknown = Object.keys(unknownRestrictions(restrictions)).map(cannotBeRead);
  const known = RESTRICTIONS.map((kind) => {
    const value = valueOf(kind, restrictions);
    // In shadow too: see denyUnreadable.
    if (faultsOfField(kind.field, value).length > 0) return cannotBeRead(kind.field);
    const reason = kind.warning?.(value, places) ?? null;
    return reason === null ? null : `${reason}, ${consequence(shadow.has(kind.name))}`;
  });
  return [...unknown, ...known.filter((text) => text !== null)];
}

function consequence(isShadow: boolean): string {
  return isShadow
    ? 'so every request with this key would be refused if it were not in shadow'
    : 'so every request with this key is refused';
}

function cannotBeRead(field: string): string {
  return `${field}: cannot be read by this version, ${consequence(false)}`;
}
