import type { KeyRestrictions, TimeRestriction } from '../../core/key.ts';
import type { Limits } from '../../core/limits.ts';
import type { KeyFields } from '../../keys/key-input.ts';
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
  { name: 'tier', value: 'NAME', summary: "Its limits, instead of its type's tier." },
  { name: 'per-hour', value: 'N', summary: 'Requests in an hour, instead of what its tier says.' },
  { name: 'per-day', value: 'N', summary: 'Requests in a day, instead of what its tier says.' },
  { name: 'burst', value: 'N', summary: 'Requests at once, instead of what its tier says.' },
  {
    name: 'expires',
    value: 'WHEN',
    summary: 'When it ends: 90d, 2027-01-01 (00:00 UTC), 2027-01-01T17:00:00Z or never.',
  },
  { name: 'ip', value: 'CIDR', repeatable: true, summary: 'It may be used from there only: 192.0.2.7 or 10.0.0.0/8.' },
  {
    name: 'hours',
    value: 'FROM-TO',
    repeatable: true,
    summary: 'It may be used then only: 09:00-17:00, or 22:00-06:00 over midnight.',
  },
  { name: 'days', value: 'DAYS', summary: 'It may be used on these days only: mon-fri, or mon,wed.' },
  { name: 'timezone', value: 'ZONE', summary: 'The zone of hours and days, like Europe/Amsterdam. UTC by default.' },
  { name: 'description', value: 'TEXT', mayBeEmpty: true, summary: 'What it is for.' },
  { name: 'metadata', value: 'NAME=VALUE', repeatable: true, summary: 'Something of your own to remember.' },
];

/** What the options say, as far as it can be read without the key and the clock. */
export interface FieldOptions {
  /** What replaces the field as it is. */
  readonly plain: Partial<Pick<KeyFields, 'name' | 'owner' | 'description' | 'permissions' | 'preset' | 'tier'>>;
  readonly expiry: Expiry | undefined;
  readonly limits: Partial<Limits>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly ip: readonly string[] | undefined;
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
      permissions: args.has('permission') ? args.all('permission') : undefined,
      preset: args.one('preset'),
      tier: args.one('tier'),
    }),
    expiry: expires === undefined ? undefined : parseExpiry(expires),
    limits: given({
      perHour: count(args, 'per-hour'),
      perDay: count(args, 'per-day'),
      burst: count(args, 'burst'),
    }),
    metadata: parseMetadata(args.all('metadata')),
    ip: args.has('ip') ? args.all('ip') : undefined,
    time: given({
      timezone: args.one('timezone'),
      allowed_hours: args.has('hours') ? args.all('hours') : undefined,
      allowed_days: args.has('days') ? parseDays(args.one('days') ?? '') : undefined,
    }),
  };
}

/** What a key has before the options are applied to it; a new key has nothing. */
export interface FieldBase {
  readonly limits: Partial<Limits>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly restrictions: KeyRestrictions;
}

export const NOTHING: FieldBase = {
  limits: {},
  metadata: {},
  restrictions: { ip_restrictions: [], time_restrictions: null },
};

/** The fields that the options change: lists are replaced, limits, metadata and parts of the time are set one by one. */
export function fieldsOf(options: FieldOptions, base: FieldBase, now: number): Partial<KeyFields> {
  const { plain, expiry, limits, metadata, ip, time } = options;
  const restricts = ip !== undefined || Object.keys(time).length > 0;
  return {
    ...plain,
    ...(expiry === undefined ? {} : { expiresAt: expiryTime(expiry, now) }),
    ...(Object.keys(limits).length === 0 ? {} : { limits: { ...base.limits, ...limits } }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata: { ...base.metadata, ...metadata } }),
    ...(restricts ? { restrictions: restrictionsOf(options, base.restrictions) } : {}),
  };
}

function restrictionsOf({ ip, time }: FieldOptions, base: KeyRestrictions): KeyRestrictions {
  const before = base.time_restrictions ?? { timezone: DEFAULT_TIMEZONE, allowed_hours: [], allowed_days: [] };
  return {
    ip_restrictions: ip ?? base.ip_restrictions,
    time_restrictions: Object.keys(time).length === 0 ? base.time_restrictions : { ...before, ...time },
  };
}

function count(args: Args, flag: string): number | undefined {
  const text = args.one(flag);
  return text === undefined ? undefined : parseCount(flag, text);
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what is undefined: to say nothing about a field leaves it alone. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}
