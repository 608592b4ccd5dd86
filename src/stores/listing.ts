import type { KeyRecord } from '../core/key.ts';
import type { MaybePromise } from '../core/maybe.ts';
import { type KeyPage, type KeyQuery, StoreError } from '../core/ports.ts';
import { decodeRecord } from './record.ts';

/** The most entries that one page looks at, so that no filter makes a call walk through every key. */
const MAX_EXAMINED = 2_000;
/** Fewest entries to fetch at a time when some will be filtered out. */
const FILTERED_CHUNK = 200;
const MAX_PAGE = 1_000;

const POSITION = /^\d{16}:/;
const POSITION_DIGITS = 16;

/** The order in which an adapter walks: all keys, or those with one value of one filter. */
export type ListIndex =
  | { readonly name: 'all' }
  | { readonly name: 'owner' | 'status' | 'type'; readonly value: string };

/** An entry of an index, with what the remaining filters look at. */
export interface ListEntry {
  readonly position: string;
  readonly id: string;
  readonly type: string;
  readonly owner: string;
  readonly status: string;
  readonly json: string;
}

export interface ListChunk {
  readonly entries: readonly ListEntry[];
  /** Where the next chunk starts; null when the index ends here. */
  readonly next: string | null;
}

/** Reads up to `count` entries whose position is greater than `after`, in order. */
export type ReadChunk = (index: ListIndex, after: string, count: number) => MaybePromise<ListChunk>;

/**
 * Where a key stands in a listing: text that sorts newest first, then by id. Both stores keep it as text, so that a
 * page starts where the last one ended in one index look-up, however many keys share a millisecond.
 */
export function positionOf(record: KeyRecord): string {
  return `${String(Number.MAX_SAFE_INTEGER - record.createdAt).padStart(POSITION_DIGITS, '0')}:${record.id}`;
}

/** The id in a position. */
export function idAt(position: string): string {
  return position.slice(POSITION_DIGITS + 1);
}

/**
 * Collects one page: walks the most selective index and filters the rest. A record that cannot be understood is named
 * in `unreadable` and the listing goes on; reading that key by its id says what is wrong with it.
 *
 * @throws StoreError STORE_BAD_QUERY when the token or the size is not one
 */
export async function collectPage(query: KeyQuery, read: ReadChunk): Promise<KeyPage> {
  if (!Number.isInteger(query.limit) || query.limit < 1 || query.limit > MAX_PAGE) {
    throw new StoreError('STORE_BAD_QUERY', `A page holds 1 to ${MAX_PAGE} keys`);
  }
  const index = chooseIndex(query);
  const chunk = isFiltered(query, index) ? Math.max(FILTERED_CHUNK, query.limit + 1) : query.limit + 1;
  const page = { keys: new Array<KeyRecord>(), unreadable: new Array<string>() };
  let after = query.after === undefined ? '' : readToken(query.after);
  for (let examined = 0; examined < MAX_EXAMINED; examined += chunk) {
    const { entries, next } = await read(index, after, chunk);
    for (const entry of entries) {
      if (!matches(query, entry)) {
        after = entry.position;
        continue;
      }
      if (page.keys.length + page.unreadable.length === query.limit) return { ...page, next: writeToken(after) };
      add(page, entry);
      after = entry.position;
    }
    if (next === null) return { ...page, next: null };
    after = next;
  }
  return { ...page, next: writeToken(after) };
}

/** Owners have few keys each, so theirs is the shortest walk; most keys share a type. */
function chooseIndex(query: KeyQuery): ListIndex {
  if (query.owner !== undefined) return { name: 'owner', value: query.owner };
  if (query.status !== undefined) return { name: 'status', value: query.status };
  if (query.type !== undefined) return { name: 'type', value: query.type };
  return { name: 'all' };
}

function isFiltered(query: KeyQuery, index: ListIndex): boolean {
  return (query.status !== undefined && index.name !== 'status') || (query.type !== undefined && index.name !== 'type');
}

function matches(query: KeyQuery, entry: ListEntry): boolean {
  return (
    (query.owner === undefined || query.owner === entry.owner) &&
    (query.status === undefined || query.status === entry.status) &&
    (query.type === undefined || query.type === entry.type)
  );
}

function add(page: { keys: KeyRecord[]; unreadable: string[] }, entry: ListEntry): void {
  try {
    page.keys.push(decodeRecord(entry.id, entry.json));
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    page.unreadable.push(entry.id);
  }
}

function writeToken(position: string): string {
  return Buffer.from(position).toString('base64url');
}

function readToken(token: string): string {
  const position = Buffer.from(token, 'base64url').toString();
  if (!POSITION.test(position)) {
    throw new StoreError('STORE_BAD_QUERY', 'The page token is not one that a page of this listing gave');
  }
  return position;
}
