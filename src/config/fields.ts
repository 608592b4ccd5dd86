import { z } from 'zod';
import { formatDuration, parseDuration } from '../core/duration.ts';
import { formatSize, parseSize } from '../core/size.ts';

/**
 * The kinds of single values that settings have. Each is a zod schema that takes what YAML gave and yields what the
 * program uses; the JSON Schema that editors see is stated beside it, and lets `${NAME}` stand anywhere.
 */

/** Why a value cannot be used: a fragment, like `expected a duration like 30s, got "soon"`. */
export class Invalid {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** What editors are told of a value. */
type EditorSchema = Readonly<Record<string, unknown>>;

const INTERPOLATED = '\\$\\{';

/**
 * @param what   what was expected, with an example: `a duration like 30s`
 * @param editor the JSON Schema of the value as it is written
 * @param parse  gets what YAML gave, never undefined
 */
export function leaf<T>(what: string, editor: EditorSchema, parse: (input: unknown) => T | Invalid) {
  return z
    .unknown()
    .meta(editor)
    .transform((input, context): T => {
      const value = input === undefined ? new Invalid(`missing; expected ${what}`) : parse(input);
      if (!(value instanceof Invalid)) return value;
      context.addIssue({ code: 'custom', message: value.message });
      return z.NEVER;
    });
}

/** `expected a duration like 30s, got "soon"` */
export function unexpected(what: string, input: unknown): Invalid {
  return new Invalid(`expected ${what}, got ${shown(input)}`);
}

/** A value as a message shows it: on one line, bounded. */
export function shown(input: unknown): string {
  if (typeof input === 'string') {
    const text = JSON.stringify(input);
    return text.length <= 82 ? text : `${text.slice(0, 80)}…"`;
  }
  if (input === null) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'number' || typeof input === 'boolean') return String(input);
  return 'a map';
}

/** A text that `parse` understands. */
export function text<T>(what: string, parse: (input: string) => T | Invalid, pattern?: string) {
  const editor = pattern === undefined ? { type: 'string' } : { type: 'string', pattern: `${pattern}|${INTERPOLATED}` };
  return leaf(what, editor, (input) => (typeof input === 'string' ? parse(input) : unexpected(what, input)));
}

/** A text that is never shown in a message, since it may hold a secret. */
export function secretText<T>(what: string, parse: (input: string) => T | Invalid) {
  return leaf(what, { type: 'string' }, (input) =>
    typeof input === 'string' ? parse(input) : new Invalid(`expected ${what}`),
  );
}

const PATH_WHAT = 'the path of a file';

/** The path of a file, as it is written. Whether the file is there is seen by whoever opens it. */
export function filePath() {
  return text(PATH_WHAT, (input) => (input === '' || input.includes('\0') ? unexpected(PATH_WHAT, input) : input));
}

/** A name or another text that matches a pattern. */
export function matching(what: string, pattern: RegExp) {
  return text(what, (input) => (pattern.test(input) ? input : unexpected(what, input)), pattern.source);
}

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** A whole number. Digits in quotes count as well: a value from the environment is a text. */
export function count(bounds: Bounds) {
  const what = `a whole number from ${bounds.min} to ${bounds.max}`;
  const editor = {
    anyOf: [
      { type: 'integer', minimum: bounds.min, maximum: bounds.max },
      { type: 'string', pattern: `^\\d+$|${INTERPOLATED}` },
    ],
  };
  return leaf(what, editor, (input) => {
    const number = typeof input === 'string' && /^\d{1,16}$/.test(input) ? Number(input) : input;
    const fits = typeof number === 'number' && Number.isSafeInteger(number) && within(number, bounds);
    return fits ? number : unexpected(what, input);
  });
}

/** Yields milliseconds. Bounds are in milliseconds; 0 is allowed beside them when `zero` says so. */
export function duration(bounds: Bounds & { readonly zero?: boolean }) {
  const range = `from ${formatDuration(bounds.min)} to ${formatDuration(bounds.max)}${bounds.zero ? ', or 0' : ''}`;
  const what = `a duration like 100ms, 30s, 15m, 24h or 90d, ${range}`;
  return leaf(what, durationEditor('^\\d+(ms|s|m|h|d)$|^0$'), (input) => {
    const ms = input === 0 ? 0 : typeof input === 'string' ? parseDuration(input) : null;
    return ms !== null && (within(ms, bounds) || (ms === 0 && bounds.zero === true)) ? ms : unexpected(what, input);
  });
}

/** Yields milliseconds, or null for `never`. */
export function durationOrNever(bounds: Bounds) {
  const what = `"never" or a duration like 90d, from ${formatDuration(bounds.min)} to ${formatDuration(bounds.max)}`;
  return leaf(what, durationEditor('^\\d+(ms|s|m|h|d)$|^never$'), (input): number | null | Invalid => {
    if (input === 'never') return null;
    const ms = typeof input === 'string' ? parseDuration(input) : null;
    return ms !== null && within(ms, bounds) ? ms : unexpected(what, input);
  });
}

function durationEditor(pattern: string): EditorSchema {
  return { anyOf: [{ type: 'string', pattern: `${pattern}|${INTERPOLATED}` }, { const: 0 }] };
}

/** Yields bytes. */
export function size(bounds: Bounds) {
  const what = `a size like 64KiB, 10MiB or 1GiB, from ${formatSize(bounds.min)} to ${formatSize(bounds.max)}`;
  const editor = {
    anyOf: [
      { type: 'string', pattern: `^\\d+(B|KiB|MiB|GiB|TiB)?$|${INTERPOLATED}` },
      { type: 'integer', minimum: bounds.min, maximum: bounds.max },
    ],
  };
  return leaf(what, editor, (input) => {
    const bytes = typeof input === 'string' || typeof input === 'number' ? parseSize(String(input)) : null;
    return bytes !== null && within(bytes, bounds) ? bytes : unexpected(what, input);
  });
}

/** True or false. The words in quotes count as well: a value from the environment is a text. */
export function flag() {
  const editor = { anyOf: [{ type: 'boolean' }, { type: 'string', pattern: `^(true|false)$|${INTERPOLATED}` }] };
  return leaf('true or false', editor, (input) => {
    if (input === true || input === 'true') return true;
    return input === false || input === 'false' ? false : unexpected('true or false', input);
  });
}

/** One of a few words. */
export function choice<const T extends string>(words: readonly T[]) {
  const what = `one of ${words.join(', ')}`;
  const editor = { anyOf: [{ enum: words }, { type: 'string', pattern: INTERPOLATED }] };
  return leaf(what, editor, (input) => words.find((word) => word === input) ?? unexpected(what, input));
}

function within(value: number, bounds: Bounds): boolean {
  return value >= bounds.min && value <= bounds.max;
}
