import { given } from '../../core/given.ts';
import type { TimeRestriction } from '../../core/key.ts';
import type { KeyAnswer, KeyUpdate } from '../../management/schemas/key.ts';
import { type RestrictionValues, SHADOW_NAMES, SIMPLE_RESTRICTIONS } from '../../restrictions/index.ts';
import type { RestrictionOption } from '../../restrictions/restriction.ts';
import type { Args } from '../args.ts';
import type { Flag } from '../command.ts';
import { type Expiry, expiryTime, parseCount, parseDays, parseExpiry, parseMetadata } from './values.ts';

const DEFAULT_TIMEZONE = 'UTC';

/** The options that say something about a key, for `create` and `update` alike. */
export const FIELD_FLAGS: readonly Flag[] = [
  { name: 'name', value: 'NAME', summary: 'What people call the key.' },
  { name: 'owner', value: 'ID', summary: 'Whom it belongs to: a user, organization or service.' },
  { name: 'permission', value: 'R:A', repeatable: true, summary: 'What it may do: domains:read, domains:* or *.' },
  { name: 'preset', value: 'NAME', summary: 'A set of permissions from the configuration, on top of the others.' },
  { name: 'role', value: 'NAME', repeatable: true, summary: 'A set of permissions that "latchkey roles" made.' },
  { name: 'tier', value: 'NAME', summary: "Its limits, instead of its type's tier." },
  { name: 'per-hour', value: 'N', summary: 'Requests in an hour, instead of what its tier says.' },
  { name: 'per-day', value: 'N', summary: 'Requests in a day, instead of what its tier says.' },
  { name: 'burst', value: 'N', summary: 'Requests at once, instead of what its tier says.' },
  {
    name: 'expires',
    value: 'WHEN',
    summary: 'When it ends: 90d, 2027-01-01 (00:00 UTC), 2027-01-01T17:00:00Z or never.',
  },
  ...SIMPLE_RESTRICTIONS.map(({ option }) => flagOf(option)),
  {
    name: 'hours',
    value: 'FROM-TO',
    repeatable: true,
    summary: 'It may be used then only: 09:00-17:00, or 22:00-06:00 over midnight.',
  },
  { name: 'days', value: 'DAYS', summary: 'It may be used on these days only: mon-fri, or mon,wed.' },
  { name: 'timezone', value: 'ZONE', summary: 'The zone of hours and days, like Europe/Amsterdam. UTC by default.' },
  {
    name: 'shadow',
    value: 'WHAT',
    repeatable: true,
    summary: `What is counted and logged, not enforced: ${SHADOW_NAMES.join(', ')}.`,
    suggestions: SHADOW_NAMES,
  },
  { name: 'description', value: 'TEXT', mayBeEmpty: true, summary: 'What it is for.' },
  { name: 'metadata', value: 'NAME=VALUE', repeatable: true, summary: 'Something of your own to remember.' },
];

/** What the key overrides of its tier, and no more than that. */
type LimitOverrides = NonNullable<KeyUpdate['limits']>;

/** What the options say, as far as it can be read without the key and the clock. */
export interface FieldOptions {
  /** What replaces the field as it is. */
  readonly plain: Omit<KeyUpdate, 'expires_at' | 'limits' | 'metadata' | 'time_restrictions'>;
  readonly expiry: Expiry | undefined;
  readonly limits: LimitOverrides;
  readonly metadata: Readonly<Record<string, string>>;
  readonly time: Partial<TimeRestriction>;
}

/** @throws CliError `USAGE` for a value that makes no sense whatever the key is */
export function readFields(args: Args): FieldOptions {
  const expires = args.one('expires');
  return {
    plain: given({
      name: args.one('name'),
      owner: args.one('owner'),
      description: args.one('description'),
      permissions: list(args, 'permission'),
      preset: args.one('preset'),
      roles: list(args, 'role'),
      tier: args.one('tier'),
      shadow: list(args, 'shadow'),
      ...simpleRestrictions(args),
    }),
    expiry: expires === undefined ? undefined : parseExpiry(expires),
    limits: given({
      per_hour: count(args, 'per-hour'),
      per_day: count(args, 'per-day'),
      burst: count(args, 'burst'),
    }),
    metadata: parseMetadata(args.all('metadata')),
    time: given({
      timezone: args.one('timezone'),
      allowed_hours: list(args, 'hours'),
      allowed_days: args.has('days') ? parseDays(args.one('days') ?? '') : undefined,
    }),
  };
}

function flagOf({ name, value, summary, suggestions }: RestrictionOption): Flag {
  const takes = value === null ? {} : { value, repeatable: true };
  return { name, ...takes, summary, ...(suggestions === undefined ? {} : { suggestions }) };
}

/** Those that the options name: a switch, or a list that replaces the one before. */
function simpleRestrictions(args: Args): Pick<KeyUpdate, keyof RestrictionValues> {
  const given = SIMPLE_RESTRICTIONS.filter(({ option }) => args.has(option.name));
  return Object.fromEntries(
    given.map(({ field, option }) => [field, option.value === null ? true : args.all(option.name)]),
  );
}

/** What a key has of the fields that change one part at a time, before the options are applied; a new key has nothing. */
export interface FieldBase {
  readonly limits: LimitOverrides;
  readonly metadata: Readonly<Record<string, string>>;
  readonly time: KeyAnswer['time_restrictions'];
}

export const NOTHING: FieldBase = { limits: {}, metadata: {}, time: null };

/** Whether the options change parts of a field, so that the rest of it must be known. */
export function buildsOn({ limits, metadata, time }: FieldOptions): boolean {
  return [limits, metadata, time].some((parts) => !isEmpty(parts));
}

/** The fields that the options change: lists are replaced, limits, metadata and parts of the time are set one by one. */
export function fieldsOf(options: FieldOptions, base: FieldBase, now: number): KeyUpdate {
  const { plain, expiry, limits, metadata, time } = options;
  const before = base.time ?? { timezone: DEFAULT_TIMEZONE, allowed_hours: [], allowed_days: [] };
  return {
    ...plain,
    ...(expiry === undefined ? {} : { expires_at: isoTime(expiryTime(expiry, now)) }),
    ...(isEmpty(limits) ? {} : { limits: { ...base.limits, ...limits } }),
    ...(isEmpty(metadata) ? {} : { metadata: { ...base.metadata, ...metadata } }),
    ...(isEmpty(time) ? {} : { time_restrictions: writable({ ...before, ...time }) }),
  };
}

/** A time restriction as it is sent. */
export function writable({ timezone, allowed_hours, allowed_days }: TimeRestriction): KeyUpdate['time_restrictions'] {
  return { timezone, allowed_hours: [...allowed_hours], allowed_days: [...allowed_days] };
}

function isoTime(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

function list(args: Args, flag: string): string[] | undefined {
  return args.has(flag) ? [...args.all(flag)] : undefined;
}

function count(args: Args, flag: string): number | undefined {
  const text = args.one(flag);
  return text === undefined ? undefined : parseCount(flag, text);
}

function isEmpty(parts: object): boolean {
  return Object.keys(parts).length === 0;
}
