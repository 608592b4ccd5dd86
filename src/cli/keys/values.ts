import { LIFETIME } from '../../config/bounds.ts';
import { parseDuration } from '../../core/duration.ts';
import { usageError } from '../failure.ts';

/** When a key ends, as it was written: what is relative counts from when the key is changed. */
export type Expiry =
  | { readonly kind: 'never' }
  | { readonly kind: 'after'; readonly ms: number }
  | { readonly kind: 'at'; readonly time: number };

const EXPIRES_WHAT = '90d, 2027-01-01 (its first moment in UTC), 2027-01-01T17:00:00Z or never';
const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** With its offset: a bare local time would mean another moment on another machine. */
const DATE_TIME = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** @throws CliError `USAGE` when the text is none */
export function parseExpiry(text: string): Expiry {
  if (text === 'never') return { kind: 'never' };
  const ms = parseDuration(text);
  if (ms !== null) {
    if (ms >= LIFETIME.min && ms <= LIFETIME.max) return { kind: 'after', ms };
    throw usageError(`--expires: "${text}" is not between 1s and ${LIFETIME.max / 86_400_000}d from now`);
  }
  const day = DATE.test(text) ? text : DATE_TIME.exec(text)?.[1];
  const time = Date.parse(text);
  // Date.parse reads the 31st of February as one of March.
  if (day === undefined || Number.isNaN(time) || !isDay(day)) {
    throw usageError(`--expires: "${text}" is not a time; expected ${EXPIRES_WHAT}`);
  }
  return { kind: 'at', time };
}

/**
 * A moment that an option names: a time, or how long it is from now.
 *
 * @param sign 1 when a duration counts from now on, -1 when it counts back
 * @returns ISO 8601, in UTC
 */
export function parseMoment(flag: string, text: string, now: number, sign: 1 | -1): string {
  const ms = parseDuration(text);
  const day = DATE.test(text) ? text : DATE_TIME.exec(text)?.[1];
  const time = ms === null ? Date.parse(text) : now + sign * ms;
  const isTime = ms === null ? day !== undefined && isDay(day) : ms <= LIFETIME.max;
  if (isTime && !Number.isNaN(time)) return new Date(time).toISOString();
  const expected = `7d (${sign === 1 ? 'from now' : 'ago'}), 2027-01-01 (its first moment in UTC) or 2027-01-01T17:00:00Z`;
  throw usageError(`--${flag}: "${text}" is not a time; expected ${expected}`);
}

function isDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day);
}

/** Milliseconds since the epoch; null: never. */
export function expiryTime(expiry: Expiry, now: number): number | null {
  if (expiry.kind === 'never') return null;
  return expiry.kind === 'at' ? expiry.time : now + expiry.ms;
}

const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const DAYS_WHAT = 'days like mon-fri or mon,wed,saturday';

/** `mon-fri`, `mon,wed`, `fri-mon`: full lower-case names in the order of the week. */
export function parseDays(text: string): string[] {
  const chosen = new Set<string>();
  for (const part of text.toLowerCase().split(',')) {
    const [first = '', last = first, ...rest] = part.split('-');
    const from = dayIndex(first);
    const to = dayIndex(last);
    if (from < 0 || to < 0 || rest.length > 0) {
      throw usageError(`--days: "${part}" is not a day or a range of days; expected ${DAYS_WHAT}`);
    }
    for (let day = from; ; day = (day + 1) % DAYS.length) {
      chosen.add(DAYS[day] ?? '');
      if (day === to) break;
    }
  }
  return DAYS.filter((day) => chosen.has(day));
}

/** Three letters or more of a day's name. */
function dayIndex(text: string): number {
  const name = text.trim();
  return name.length < 3 ? -1 : DAYS.findIndex((day) => day.startsWith(name));
}

/** `name=value` pairs. */
export function parseMetadata(pairs: readonly string[]): Record<string, string> {
  const entries = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw usageError(`--metadata: "${pair}" is not name=value, like team=billing`);
    const name = pair.slice(0, equals);
    if (entries.has(name)) throw usageError(`--metadata: "${name}" is given twice`);
    entries.set(name, pair.slice(equals + 1));
  }
  return Object.fromEntries(entries);
}

/** A whole number from 1 on; its upper bound is the key's own affair. */
export function parseCount(flag: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw usageError(`--${flag}: "${text}" is not a whole number`);
}

/** A whole number between two others. */
export function parseBounded(flag: string, text: string, min: number, max: number): number {
  const number = parseCount(flag, text);
  if (number >= min && number <= max) return number;
  throw usageError(`--${flag}: ${number} is out of range; expected ${min} to ${max}`);
}

/** One of some words. */
export function parseChoice<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const known = choices.find((choice) => choice === text);
  if (known !== undefined) return known;
  throw usageError(`--${flag}: "${text}" is not known; expected ${choices.join(', ')}`);
}
