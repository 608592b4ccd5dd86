import { setImmediate } from 'node:timers/promises';
import type { MaybePromise } from '../core/maybe.ts';
import { KEY_SORTS, type KeyPage, type KeyQuery, MAX_OFFSET, StoreError } from '../core/ports.ts';
import { type ListEntry, PageDraft, passes } from './listing-page.ts';
import {
  afterExpiry,
  beforeExpiry,
  expiryAt,
  type ListOrder,
  type PageToken,
  readToken,
  type SortWalk,
  walkOf,
  writeToken,
} from './positions.ts';

export type { ListEntry } from './listing-page.ts';

/** The most entries that one page looks at besides those that it skips: no filter makes a call walk through every key. */
const MAX_EXAMINED = 2_000;
/** What one filter leaves is read whole when it is no more than this, then filtered further and sorted in memory. */
const MAX_LOADED = 1_000;
/** Characters of records that one page looks at or loads: large keys count for many. */
const MAX_LENGTH = 8 * 1024 * 1024;
/** Entries fetched at a time. Between two times the event loop goes on: requests do not wait for a listing to end. */
const CHUNK = 100;
const MAX_PAGE = 1_000;

/** What an adapter has lists of: all keys, or those with one value of one filter. */
export type ListIndex =
  | { readonly name: 'all' }
  | { readonly name: 'owner' | 'status' | 'type'; readonly value: string };

export interface ListChunk {
  readonly entries: readonly ListEntry[];
  /** Position, in the order that was read, where the next chunk starts; null when the index ends here. */
  readonly next: string | null;
}

export interface ListRead {
  readonly index: ListIndex;
  /** `name` and `expires` with the index `all` only. */
  readonly order: ListOrder;
  /** From the last position to the first. */
  readonly descending: boolean;
  /** Only entries past this text in the direction of the walk, which need not be a position; '' for all. */
  readonly after: string;
  /** Entries to leave out then, 0 to MAX_OFFSET. */
  readonly skip: number;
  /** Entries to read then. */
  readonly count: number;
}

/** What an adapter does for a listing. */
export interface ListReader {
  /** Reads entries in the order of their positions. */
  read(what: ListRead): MaybePromise<ListChunk>;
  /** How many keys an index has; kept, not counted. */
  count(index: ListIndex): MaybePromise<number>;
}

/** How one page is walked for. */
interface Walk extends SortWalk {
  readonly index: ListIndex;
  /** Whether every entry from `after` on belongs to the listing, until it ends. */
  readonly isPure: boolean;
}

/**
 * Collects one page. A listing that is an index of the store's is walked from where the page begins; another is loaded
 * whole when one of its filters leaves few keys, and else found by walking through the keys in its order, a bounded
 * number for each page. A record that cannot be understood is named in `unreadable` and the listing goes on; reading
 * that key by its id says what is wrong with it.
 *
 * @throws StoreError STORE_BAD_QUERY when the token, the size, the offset or the sort is not one
 */
export async function collectPage(query: KeyQuery, reader: ListReader): Promise<KeyPage> {
  checkQuery(query);
  const sort = walkOf(query.sort);
  const filters = filtersOf(query);
  const start: PageToken =
    query.after === undefined ? { position: '', skip: query.offset ?? 0 } : readToken(sort, query.after, MAX_OFFSET);
  const index = pureIndex(query, sort, filters);
  if (index !== null) {
    const walked = walkFor(query, { ...sort, index, isPure: true }, start, reader);
    if (isTimed(query)) return walked;
    const [page, total] = await Promise.all([walked, reader.count(index)]);
    return { ...page, total };
  }
  const sizes = await Promise.all(filters.map(async (filter) => ({ filter, size: await reader.count(filter) })));
  const smallest = sizes.toSorted((a, b) => a.size - b.size)[0];
  const loaded =
    smallest !== undefined && smallest.size <= MAX_LOADED
      ? await loadAll(smallest.filter, reader)
      : await loadExpiring(query, sort, reader);
  if (loaded !== null) return pageOf(query, sort, start, loaded);
  const widest: ListIndex = { name: 'all' };
  // By owner rather than through fewer keys: where a page ends names a key, which must not be one of somebody else's.
  const narrowest = filters.find(({ name }) => name === 'owner') ?? smallest?.filter ?? widest;
  const through = sort.order === 'created' ? narrowest : widest;
  return walkFor(query, { ...sort, index: through, isPure: false }, start, reader);
}

function checkQuery({ limit, offset, after, sort, expiresBefore, aliveAt }: KeyQuery): void {
  const bad = (what: string): StoreError => new StoreError('STORE_BAD_QUERY', what);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) throw bad(`A page holds 1 to ${MAX_PAGE} keys`);
  if (offset !== undefined) {
    if (after !== undefined) throw bad('A page begins at an offset or after another page, not both');
    const isOne = Number.isInteger(offset) && offset >= 0 && offset <= MAX_OFFSET;
    if (!isOne) throw bad(`An offset is 0 to ${MAX_OFFSET}; pages after one another reach further`);
  }
  if (sort !== undefined && !KEY_SORTS.includes(sort)) throw bad(`Keys are sorted by ${KEY_SORTS.join(', ')}`);
  for (const time of [expiresBefore, aliveAt]) {
    if (time !== undefined && !(Number.isSafeInteger(time) && time >= 0)) throw bad('A time is in milliseconds');
  }
}

function filtersOf({ owner, status, type }: KeyQuery): ListIndex[] {
  const filters: ListIndex[] = [];
  if (owner !== undefined) filters.push({ name: 'owner', value: owner });
  if (status !== undefined) filters.push({ name: 'status', value: status });
  if (type !== undefined) filters.push({ name: 'type', value: type });
  return filters;
}

function isTimed({ expiresBefore, aliveAt }: KeyQuery): boolean {
  return expiresBefore !== undefined || aliveAt !== undefined;
}

/** The index of which the listing is one unbroken stretch; null when there is none. */
function pureIndex(query: KeyQuery, { order }: SortWalk, filters: readonly ListIndex[]): ListIndex | null {
  if (query.where !== undefined || filters.length > 1) return null;
  if (isTimed(query) && (order !== 'expires' || filters.length > 0)) return null;
  const only = filters[0];
  if (only === undefined) return { name: 'all' };
  return order === 'created' ? only : null;
}

function loadAll(index: ListIndex, reader: ListReader): Promise<readonly ListEntry[] | null> {
  return load({ index, order: 'created', after: '' }, reader, () => false);
}

/** Keys that end soon are few, and stand together in the order of their ends. */
async function loadExpiring(
  { expiresBefore, aliveAt }: KeyQuery,
  sort: SortWalk,
  reader: ListReader,
): Promise<readonly ListEntry[] | null> {
  // In that order the walk ends with them anyway.
  if (expiresBefore === undefined || sort.order === 'expires') return null;
  const after = aliveAt === undefined ? '' : afterExpiry(aliveAt);
  const end = beforeExpiry(expiresBefore);
  const soonest = { index: { name: 'all' }, order: 'expires', after } as const;
  return load(soonest, reader, ({ positions }) => positions.expires >= end);
}

/** All entries up to the first that is past the end; null when they are too many, or too large. */
async function load(
  what: Pick<ListRead, 'index' | 'order' | 'after'>,
  reader: ListReader,
  isPastEnd: (entry: ListEntry) => boolean,
): Promise<readonly ListEntry[] | null> {
  // By id: one that moves in the meantime could be met twice.
  const found = new Map<string, ListEntry>();
  let length = 0;
  for (let { after } = what; ; await setImmediate()) {
    const chunk = await reader.read({ ...what, after, descending: false, skip: 0, count: CHUNK });
    for (const entry of chunk.entries) {
      if (isPastEnd(entry)) return [...found.values()];
      found.set(entry.id, entry);
      length += entry.json.length;
      if (found.size > MAX_LOADED || length > MAX_LENGTH) return null;
    }
    if (chunk.next === null) return [...found.values()];
    after = chunk.next;
  }
}

/** A page of a listing whose keys are all among these. */
function pageOf(query: KeyQuery, sort: SortWalk, start: PageToken, entries: readonly ListEntry[]): KeyPage {
  const bytes = (position: string): Buffer => Buffer.from(position);
  const sign = sort.descending ? -1 : 1;
  const placed = entries.map((entry) => ({ entry, place: bytes(entry.positions[sort.order]) }));
  placed.sort((a, b) => sign * Buffer.compare(a.place, b.place));
  const from = bytes(start.position);
  const draft = new PageDraft(query, start.skip);
  let total = 0;
  let hasMore = false;
  for (const { entry, place } of placed) {
    if (!passes(query, entry)) continue;
    total++;
    if (start.position !== '' && sign * Buffer.compare(place, from) <= 0) continue;
    hasMore ||= !draft.add(entry);
  }
  const last = draft.last?.positions[sort.order];
  const next = hasMore && last !== undefined ? writeToken(sort, { position: last, skip: 0 }) : null;
  return { ...draft.page, next, total };
}

async function walkFor(query: KeyQuery, walk: Walk, start: PageToken, reader: ListReader): Promise<KeyPage> {
  const { index, order, descending, isPure } = walk;
  const count = isPure ? Math.min(CHUNK, query.limit + 1) : CHUNK;
  const skipped = isPure ? start.skip : 0;
  const draft = new PageDraft(query, start.skip - skipped);
  let after = start.position === '' ? beginningOf(query, walk) : start.position;
  const next = (): string => writeToken(walk, { position: after, skip: draft.toSkip });
  let length = 0;
  for (let examined = 0; examined < MAX_EXAMINED + start.skip && length < MAX_LENGTH; examined += count) {
    if (examined > 0) await setImmediate();
    const skip = examined === 0 ? skipped : 0;
    const chunk = await reader.read({ index, order, descending, after, skip, count });
    for (const entry of chunk.entries) {
      if (isPast(query, walk, entry)) return ended(draft, start, skipped);
      if (passes(query, entry) && !draft.add(entry)) return { ...draft.page, next: next(), total: null };
      after = entry.positions[order];
      length += entry.json.length;
    }
    if (chunk.next === null) return ended(draft, start, skipped);
    after = chunk.next;
  }
  return { ...draft.page, next: next(), total: null };
}

/** The last page. What the store skipped was there only if something came after it. */
function ended(draft: PageDraft, start: PageToken, skipped: number): KeyPage {
  const isCounted = start.position === '' && (skipped === 0 || draft.last !== null);
  return { ...draft.page, next: null, total: isCounted ? skipped + draft.seen : null };
}

/** Where a walk in the order of expiry may begin, given which times are asked for. */
function beginningOf({ expiresBefore, aliveAt }: KeyQuery, { order, descending }: SortWalk): string {
  if (order !== 'expires') return '';
  if (descending) return expiresBefore === undefined ? '' : beforeExpiry(expiresBefore);
  return aliveAt === undefined ? '' : afterExpiry(aliveAt);
}

/** Whether a walk in the order of expiry can find no more at this entry and after it. */
function isPast({ expiresBefore, aliveAt }: KeyQuery, { order, descending }: SortWalk, entry: ListEntry): boolean {
  if (order !== 'expires') return false;
  const expiry = expiryAt(entry.positions.expires) ?? Number.POSITIVE_INFINITY;
  return descending
    ? aliveAt !== undefined && expiry <= aliveAt
    : expiresBefore !== undefined && expiry >= expiresBefore;
}
