/** The ways in which people write the values of a key. Each gives a fault as a Wrong. */
export class Wrong {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

const MAX_LIST = 10_000;

export function textValue(value: unknown): string | Wrong {
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return new Wrong('is no text');
}

/** `a b`, `a;b`, `a,b`, or a list of texts; as one text also `["a b", "c"]`, for entries with spaces. */
export function listValue(value: unknown): string[] | Wrong {
  const list = typeof value === 'string' ? (jsonList(value) ?? partsOf(value)) : value;
  if (!Array.isArray(list) || !list.every((each) => typeof each === 'string')) {
    return new Wrong('is no list; expected texts, or one text with spaces, commas or semicolons between its parts');
  }
  return list.length <= MAX_LIST ? list : new Wrong(`has ${list.length} entries; expected at most ${MAX_LIST}`);
}

function jsonList(text: string): unknown[] | null {
  if (!/^\s*\[.*\]\s*$/s.test(text)) return null;
  try {
    return JSON.parse(text) as unknown[];
  } catch {
    return null;
  }
}

function partsOf(text: string): string[] {
  return text.split(/[\s,;]+/).filter((part) => part !== '');
}

/** As a list, or `{"domains": ["read"]}`, or `{"domains": {"read": true}}`. */
export function permissionsValue(value: unknown): string[] | Wrong {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return listValue(value);
  const found: string[] = [];
  for (const [resource, actions] of Object.entries(value) as [string, unknown][]) {
    const granted = actionsOf(actions);
    if (granted === null) {
      return new Wrong('is no list and no object like {"domains": ["read"]} or {"domains": {"read": true}}');
    }
    found.push(...granted.map((action) => `${resource}:${action}`));
  }
  return found;
}

function actionsOf(actions: unknown): string[] | null {
  if (Array.isArray(actions)) return actions.every((each) => typeof each === 'string') ? actions : null;
  if (typeof actions !== 'object' || actions === null) return null;
  const entries = Object.entries(actions) as [string, unknown][];
  if (!entries.every(([, isGranted]) => typeof isGranted === 'boolean')) return null;
  return entries.filter(([, isGranted]) => isGranted === true).map(([action]) => action);
}

const YES = new Set(['true', 'yes', '1']);
const NO = new Set(['false', 'no', '0']);

export function booleanValue(value: unknown): boolean | Wrong {
  const word = String(value).trim().toLowerCase();
  if (YES.has(word)) return true;
  return NO.has(word) ? false : new Wrong('is neither true nor false');
}

export function metadataValue(value: unknown): Record<string, string> | Wrong {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return new Wrong('is no object; expected one of texts, or columns like metadata.team');
  }
  const texts = Object.entries(value).map(([name, each]) => [name, textValue(each)] as const);
  const wrong = texts.find(([, each]) => each instanceof Wrong);
  return wrong === undefined
    ? (Object.fromEntries(texts) as Record<string, string>)
    : new Wrong('holds what is no text');
}

const TIME_WHAT = 'expected a time like 2024-05-01T12:00:00Z, 2024-05-01 12:00 (UTC), 2024-05-01 or seconds since 1970';
const DATE_TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(Z|UTC|[+-]\d{2}:?\d{2})?)?$/i;
/** The end of the year 9999. */
const MAX_TIME = Date.UTC(10_000, 0) - 1;
/** Ten digits are seconds (until the year 2286), more are milliseconds. */
const EPOCH = /^\d{9,13}$/;
const MAX_SECONDS_DIGITS = 10;

/** Milliseconds since the epoch. Without an offset the time is taken as UTC. */
export function timeValue(value: unknown): number | Wrong {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '';
  const time = EPOCH.test(text) ? epochTime(text) : calendarTime(text);
  return Number.isInteger(time) && time >= 0 && time <= MAX_TIME ? time : new Wrong(`is no time; ${TIME_WHAT}`);
}

function epochTime(text: string): number {
  return text.length <= MAX_SECONDS_DIGITS ? Number(text) * 1000 : Number(text);
}

function calendarTime(text: string): number {
  const found = DATE_TIME.exec(text);
  if (found === null) return Number.NaN;
  const [, day = '', clock = '00:00', offset = 'Z'] = found;
  // Date.parse reads the 31st of February as one of March.
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day)) return Number.NaN;
  const zone = /^(?:z|utc)$/i.test(offset) ? 'Z' : `${offset.slice(0, 3)}:${offset.slice(-2)}`;
  return Date.parse(`${day}T${clock}${zone}`);
}

/** A time, or null for `never`. */
export function expiryValue(value: unknown): number | null | Wrong {
  if (typeof value === 'string' && value.trim().toLowerCase() === 'never') return null;
  return timeValue(value);
}
