import type { KeyRecord } from '../core/key.ts';
import { type KeySort, StoreError } from '../core/ports.ts';

/** What a listing goes by: newest first, by name, or by when a key expires. */
export type ListOrder = 'created' | 'name' | 'expires';

/** Where a key stands in each order: text that sorts, byte by byte in UTF-8, as the keys do, and ends in the key's id. */
export type Positions = Readonly<Record<ListOrder, string>>;

/** A walk through an order, from its beginning or, when `descending`, from its end. */
export interface SortWalk {
  readonly order: ListOrder;
  readonly descending: boolean;
}

const SORTS: Readonly<Record<KeySort, SortWalk>> = {
  '-created_at': { order: 'created', descending: false },
  created_at: { order: 'created', descending: true },
  name: { order: 'name', descending: false },
  '-name': { order: 'name', descending: true },
  expires_at: { order: 'expires', descending: false },
  '-expires_at': { order: 'expires', descending: true },
};

const DIGITS = 16;
const NEVER = '9'.repeat(DIGITS);
/** Of a name, what its place depends on; keys that differ later only stand in the order of their ids. */
const NAME_LENGTH = 200;
/** Sorts before all that a folded name holds, so that a name stands before the longer ones that begin with it. */
const NAME_END = '\u0001';
const FORMS: Readonly<Record<ListOrder, RegExp>> = {
  created: /^\d{16}:./,
  expires: /^\d{16}:./,
  name: /^\P{Cc}*\p{Cc}./u,
};

/** How to walk for a sort; newest first when there is none. */
export function walkOf(sort: KeySort = '-created_at'): SortWalk {
  return SORTS[sort];
}

/** Both stores keep these as text, so that a page starts where the last one ended in one index look-up. */
export function positionsOf(record: Pick<KeyRecord, 'id' | 'name' | 'createdAt' | 'expiresAt'>): Positions {
  const { id, name, createdAt, expiresAt } = record;
  return {
    created: `${digits(Number.MAX_SAFE_INTEGER - createdAt)}:${id}`,
    name: `${foldName(name)}${NAME_END}${id}`,
    expires: `${expiresAt === null ? NEVER : digits(expiresAt)}:${id}`,
  };
}

/** The id in a position. */
export function idAt(order: ListOrder, position: string): string {
  return order === 'name' ? position.slice(position.indexOf(NAME_END) + 1) : position.slice(DIGITS + 1);
}

/** When the key at a position of the order `expires` does; null: never. Milliseconds since the epoch. */
export function expiryAt(position: string): number | null {
  const text = position.slice(0, DIGITS);
  return text === NEVER ? null : Number(text);
}

/** In the order `expires`: before all keys that expire at this time or later, and after all that do so earlier. */
export function beforeExpiry(at: number): string {
  return digits(at);
}

/** In the order `expires`: after all keys that expire at this time or earlier, and before all that do so later. */
export function afterExpiry(at: number): string {
  // The character that follows the colon.
  return `${digits(at)};`;
}

/** What `next` of a page says: where it ended in which sort, and how many keys of its offset were not skipped yet. */
export interface PageToken {
  readonly position: string;
  readonly skip: number;
}

/** @returns opaque text, for the same sort only */
export function writeToken(walk: SortWalk, token: PageToken): string {
  return Buffer.from(`${signOf(walk)} ${token.skip} ${token.position}`).toString('base64url');
}

/** @throws StoreError STORE_BAD_QUERY when it is no token, or one of another sort */
export function readToken(walk: SortWalk, text: string, maxSkip: number): PageToken {
  const [sign, skip, ...rest] = Buffer.from(text, 'base64url').toString().split(' ');
  const position = rest.join(' ');
  const isWhole = skip !== undefined && /^\d{1,6}$/.test(skip) && Number(skip) <= maxSkip;
  if (sign !== signOf(walk) || !isWhole || !FORMS[walk.order].test(position)) {
    throw new StoreError('STORE_BAD_QUERY', 'The page token is not one that a page of this listing, so sorted, gave');
  }
  return { position, skip: Number(skip) };
}

function signOf({ order, descending }: SortWalk): string {
  return descending ? `-${order}` : order;
}

function foldName(name: string): string {
  const folded = name.toLowerCase().replace(/\p{Cc}/gu, ' ');
  // A cut may part a pair of surrogates, which stores would not give back as they are.
  return folded.slice(0, NAME_LENGTH).toWellFormed();
}

function digits(value: number): string {
  return String(value).padStart(DIGITS, '0');
}
