import type { z } from 'zod';
import { didYouMean } from '../core/nearest.ts';

/** What zod found, as it gives it to whoever words it: with the input, and before it has a message. */
export type RawIssue = z.core.$ZodRawIssue;

/** Names in a list that a message repeats. */
const MAX_LISTED = 20;
const MAX_SHOWN = 60;

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
  undefined: 'nothing',
  never: 'nothing',
  void: 'nothing',
  nonoptional: 'a value',
};

const FORMATS: Readonly<Record<string, string>> = {
  datetime: 'a time like 2027-01-17T10:30:00Z',
  date: 'a date like 2027-01-17',
  time: 'a time of day like 10:30:00',
  duration: 'a duration like P90D',
  email: 'an email address',
  url: 'an URL',
  uuid: 'a UUID',
  guid: 'a UUID',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  cidrv4: 'an IPv4 CIDR like 192.0.2.0/24',
  cidrv6: 'an IPv6 CIDR like 2001:db8::/32',
  base64: 'base64',
  base64url: 'base64url',
  safeint: 'a whole number',
  int32: 'a whole number of 32 bits',
};

/**
 * Says what was wrong and what was expected: a fragment that stands behind the name of what it is about, like `is missing;
 * expected a text`. What was sent is repeated only where it is a number or should have been one of a few words: other
 * texts may be secrets.
 */
export function describeIssue(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${state(issue.input)}; expected ${kind(issue.expected)}`;
    case 'too_small':
      return amount(issue, Number(issue.minimum), 'at least', 'more than');
    case 'too_big':
      return amount(issue, Number(issue.maximum), 'at most', 'less than');
    case 'invalid_format':
      return format(issue);
    case 'not_multiple_of':
      return `is ${String(issue.input)}; expected a multiple of ${issue.divisor}`;
    case 'invalid_value':
      return `${shown(issue.input)}; ${choice(issue.input, issue.values)}`;
    case 'invalid_union':
      return union(issue);
    case 'invalid_key':
      return `has a name that may not be: ${issue.issues[0]?.message ?? 'expected another'}`;
    case 'invalid_element':
      return `has an entry that may not be: ${issue.issues[0]?.message ?? 'expected another'}`;
    case 'unrecognized_keys':
      return 'has unknown fields';
    case 'custom':
      return 'is not valid';
    default:
      return 'is not valid';
  }
}

/** `is unknown; did you mean "name"?` */
export function describeUnknown(name: string, known: readonly string[]): string {
  const guess = didYouMean(name, known);
  if (guess !== '' || known.length === 0) return `is unknown${guess}`;
  return `is unknown; expected ${listed(known)}`;
}

function kind(expected: string): string {
  return KINDS[expected] ?? expected;
}

/** What kind of thing came. */
function state(input: unknown): string {
  if (input === undefined) return 'is missing';
  if (input === null) return 'is null';
  if (Array.isArray(input)) return 'is a list';
  if (typeof input === 'number') return Number.isNaN(input) ? 'is no number' : `is ${input}`;
  if (typeof input === 'boolean') return `is ${String(input)}`;
  return typeof input === 'string' ? 'is a text' : 'is an object';
}

/** What came where one of a few values was expected. */
function shown(input: unknown): string {
  if (typeof input !== 'string') return state(input);
  return `is ${JSON.stringify(input.length <= MAX_SHOWN ? input : `${input.slice(0, MAX_SHOWN)}…`)}`;
}

type Sized = {
  readonly origin: string;
  readonly exact?: boolean;
  readonly inclusive?: boolean;
  readonly input: unknown;
};

function amount(issue: Sized, bound: number, inclusive: string, exclusive: string): string {
  const { input, origin } = issue;
  const [is, unit] = sizeOf(input, origin);
  const word = issue.exact === true ? 'exactly' : issue.inclusive === false ? exclusive : inclusive;
  return `${is}; expected ${word} ${bound}${unit === '' ? '' : ` ${bound === 1 ? unit : plural(unit)}`}`;
}

/** How large it is, and what it is counted in. */
function sizeOf(input: unknown, origin: string): readonly [is: string, unit: string] {
  const [size, unit] =
    typeof input === 'string'
      ? [input.length, 'character']
      : Array.isArray(input)
        ? [input.length, 'entry']
        : typeof input === 'object' && input !== null
          ? [Object.keys(input).length, 'field']
          : [null, ''];
  if (size === null)
    return [typeof input === 'number' || typeof input === 'bigint' ? `is ${input}` : `is no ${origin}`, ''];
  if (size === 0) return ['is empty', unit];
  return [`has ${size} ${size === 1 ? unit : plural(unit)}`, unit];
}

function plural(unit: string): string {
  return unit === 'entry' ? 'entries' : `${unit}s`;
}

function format(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidStringFormat>): string {
  const given = issue as Readonly<Record<string, unknown>>;
  if (issue.format === 'regex') return `has another form than expected; it must match ${String(issue.pattern)}`;
  if (issue.format === 'starts_with')
    return `is another text; expected one that begins with ${JSON.stringify(given['prefix'])}`;
  if (issue.format === 'ends_with')
    return `is another text; expected one that ends with ${JSON.stringify(given['suffix'])}`;
  if (issue.format === 'includes')
    return `is another text; expected one with ${JSON.stringify(given['includes'])} in it`;
  return `has another form than expected; it must be ${FORMATS[issue.format] ?? issue.format}`;
}

function choice(input: unknown, values: readonly unknown[]): string {
  const names = values.map(String);
  const guess = typeof input === 'string' ? didYouMean(input, names) : '';
  // The guess already begins with the semicolon.
  return guess === '' ? `expected ${names.length === 1 ? '' : 'one of '}${listed(names)}` : guess.slice(2);
}

function listed(names: readonly string[]): string {
  const more = names.length > MAX_LISTED ? ', …' : '';
  return names.slice(0, MAX_LISTED).join(', ') + more;
}

type UnionIssue = z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>;

/** What is told when no alternative comes near; one that does is spoken of by itself. */
function union(issue: UnionIssue): string {
  const { discriminator, options } = issue as { discriminator?: string; options?: readonly unknown[] };
  if (discriminator !== undefined && options !== undefined) {
    const input = issue.input as Readonly<Record<string, unknown>> | undefined;
    const value = input?.[discriminator];
    return `${shown(value)}; ${choice(value, options)}`;
  }
  const expected = issue.errors.flatMap(([first]) => {
    if (first?.code === 'invalid_type') return [kind(first.expected)];
    return first?.code === 'invalid_value' ? first.values.map(String) : [];
  });
  const words = [...new Set(expected)];
  if (words.length === 0) return 'fits none of the forms that it may have';
  return `${state(issue.input)}; expected ${words.slice(0, MAX_LISTED).join(' or ')}`;
}
