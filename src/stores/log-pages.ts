import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { MaybePromise } from '../core/maybe.ts';
import { StoreError } from '../core/ports.ts';
import type { LoggedRequest, LogPage, LogQuery, PositionedRequest } from '../core/request-log.ts';

/** The most entries that one page looks at, so that no filter makes a call walk through a whole log. */
const MAX_EXAMINED = 2_000;
/** Fewest entries to fetch at a time when some will be filtered out. */
const FILTERED_CHUNK = 200;
const MAX_PAGE = 1_000;

/**
 * Where an entry stands in the log of its key: its time, and what tells it from others of that millisecond. Both stores
 * sort by this text, and all of it is unique, so that a page goes on exactly where the last one ended.
 */
const POSITION = /^\d{16}:[0-9a-z]{15}$/;
const TIME_DIGITS = 16;
const COUNTER_DIGITS = 7;
const COUNTER_RANGE = 36 ** COUNTER_DIGITS;
const PROCESS_DIGITS = 8;

export function isPosition(text: string): boolean {
  return POSITION.test(text);
}

/** Makes positions that no other process makes; those of one millisecond are in the order in which they were made. */
export class Positions {
  readonly #process = base36(randomBytes(6).readUIntBE(0, 6), PROCESS_DIGITS);
  #made = 0;

  next(at: number): string {
    this.#made = (this.#made + 1) % COUNTER_RANGE;
    return `${beginOf(at)}:${base36(this.#made, COUNTER_DIGITS)}${this.#process}`;
  }
}

/** What every position at this time begins with. @param at milliseconds since the epoch */
export function beginOf(at: number): string {
  return String(at).padStart(TIME_DIGITS, '0');
}

/** Positions to read: greater than `above` and less than `below`, in the order of the query. */
export interface LogRange {
  readonly above: string;
  readonly below: string;
  readonly order: LogQuery['order'];
}

export interface StoredEntry {
  readonly position: string;
  readonly text: string;
}

/** Reads up to `count` entries in the order of the range. */
export type ReadEntries = (range: LogRange, count: number) => MaybePromise<readonly StoredEntry[]>;

/**
 * Collects one page of a log. An entry that cannot be understood is left out: it must not hide the others.
 *
 * @throws StoreError STORE_BAD_QUERY when the position or the size is not one
 */
export async function collectLogPage(query: LogQuery, read: ReadEntries): Promise<LogPage> {
  if (!Number.isInteger(query.limit) || query.limit < 1 || query.limit > MAX_PAGE) {
    throw new StoreError('STORE_BAD_QUERY', `A page holds 1 to ${MAX_PAGE} entries`);
  }
  const count = query.where === undefined ? query.limit + 1 : Math.max(FILTERED_CHUNK, query.limit + 1);
  const entries: PositionedRequest[] = [];
  let range = rangeOf(query);
  let last: string | null = null;
  let examined = 0;
  for (;;) {
    const found = await read(range, count);
    for (const { position, text } of found) {
      if (entries.length === query.limit || examined === MAX_EXAMINED) return pageOf(entries, last, true);
      examined++;
      last = position;
      const entry = decodeEntry(query.keyId, text);
      if (entry !== null && query.where?.(entry) !== false) entries.push({ ...entry, position: token(position) });
    }
    if (found.length < count || last === null) return pageOf(entries, last, false);
    range = rest(range, last);
  }
}

function rangeOf(query: LogQuery): LogRange {
  const { order, from, to } = query;
  const range = {
    above: from === undefined ? '' : beginOf(from),
    // The character that follows the colon, and the one that follows all digits.
    below: to === undefined ? ':' : `${beginOf(to)};`,
    order,
  };
  if (query.after === undefined) return range;
  const position = Buffer.from(query.after, 'base64url').toString();
  if (!isPosition(position))
    throw new StoreError('STORE_BAD_QUERY', 'The position is not one that a page of a log gave');
  return rest(range, position);
}

/** What of a range comes after a position. */
function rest(range: LogRange, position: string): LogRange {
  if (range.order === 'oldest') return position > range.above ? { ...range, above: position } : range;
  return position < range.below ? { ...range, below: position } : range;
}

function pageOf(entries: readonly PositionedRequest[], last: string | null, more: boolean): LogPage {
  return { entries, last: last === null ? null : token(last), more };
}

function token(position: string): string {
  return Buffer.from(position).toString('base64url');
}

function base36(number: number, digits: number): string {
  return number.toString(36).padStart(digits, '0').slice(-digits);
}

const text = z.string().nullable();
/** Later versions may add to the end. What is in shadow was added so: earlier entries, and nearly all others, have none. */
const schema = z.tuple(
  [
    z.int(),
    z.string(),
    z.string(),
    text,
    z.string(),
    z.string(),
    text,
    z.int(),
    text,
    z.int(),
    z.array(z.string()).default([]),
  ],
  z.unknown(),
);

/** The stored form: a list, as the names would take as much room as the values. */
export function encodeEntry(entry: LoggedRequest): string {
  const { at, requestId, address, userAgent, method, path, route, status, code, durationUs, wouldDeny } = entry;
  const values = [at, requestId, address, userAgent, method, path, route, status, code, durationUs];
  return JSON.stringify(wouldDeny.length === 0 ? values : [...values, wouldDeny]);
}

/** @returns null when it cannot be understood */
export function decodeEntry(keyId: string, json: string): LoggedRequest | null {
  const parsed = schema.safeParse(parseJson(json));
  if (!parsed.success) return null;
  const [at, requestId, address, userAgent, method, path, route, status, code, durationUs, wouldDeny] = parsed.data;
  return { keyId, requestId, at, address, userAgent, method, path, route, status, code, wouldDeny, durationUs };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
