import type { KeyRecord } from '../core/key.ts';
import { type KeyQuery, StoreError } from '../core/ports.ts';
import { expiryAt, type Positions } from './positions.ts';
import { decodeRecord } from './record.ts';

/** Characters of records on one page: one that asks for many large keys gets fewer of them, but always one. */
const MAX_PAGE_LENGTH = 512 * 1024;

/** A key as an adapter lists it, with what the filters look at. */
export interface ListEntry {
  readonly positions: Positions;
  readonly id: string;
  readonly type: string;
  readonly owner: string;
  readonly status: string;
  readonly json: string;
}

/** Whether a key belongs to a listing. One that cannot be understood does when nothing that is known of it speaks against. */
export function passes(query: KeyQuery, entry: ListEntry): boolean {
  return (
    (query.owner === undefined || query.owner === entry.owner) &&
    (query.status === undefined || query.status === entry.status) &&
    (query.type === undefined || query.type === entry.type) &&
    isInTime(query, entry) &&
    (query.where === undefined || isWanted(query.where, entry))
  );
}

function isInTime({ expiresBefore, aliveAt }: KeyQuery, entry: ListEntry): boolean {
  const expiry = expiryAt(entry.positions.expires);
  if (expiresBefore !== undefined && (expiry === null || expiry >= expiresBefore)) return false;
  return aliveAt === undefined || expiry === null || expiry > aliveAt;
}

function isWanted(where: (record: KeyRecord) => boolean, entry: ListEntry): boolean {
  const record = read(entry);
  return record === null || where(record);
}

/** A page that is being filled. */
export class PageDraft {
  readonly page: { readonly keys: KeyRecord[]; readonly unreadable: string[] } = { keys: [], unreadable: [] };
  readonly #limit: number;
  #toSkip: number;
  #seen = 0;
  #length = 0;
  #last: ListEntry | null = null;

  /** @param skip keys to leave out before the first */
  constructor({ limit }: KeyQuery, skip: number) {
    this.#limit = limit;
    this.#toSkip = skip;
  }

  /** Keys that are still to be left out. */
  get toSkip(): number {
    return this.#toSkip;
  }

  /** Keys that were added or left out. */
  get seen(): number {
    return this.#seen;
  }

  /** The one that was added last. */
  get last(): ListEntry | null {
    return this.#last;
  }

  /** @returns false when the page is full */
  add(entry: ListEntry): boolean {
    if (this.#toSkip === 0 && this.#isFullFor(entry)) return false;
    this.#seen++;
    if (this.#toSkip > 0) {
      this.#toSkip--;
      return true;
    }
    const record = read(entry);
    if (record === null) this.page.unreadable.push(entry.id);
    else this.page.keys.push(record);
    this.#length += entry.json.length;
    this.#last = entry;
    return true;
  }

  #isFullFor(entry: ListEntry): boolean {
    const { keys, unreadable } = this.page;
    const size = keys.length + unreadable.length;
    return size === this.#limit || (size > 0 && this.#length + entry.json.length > MAX_PAGE_LENGTH);
  }
}

/** null when it cannot be understood. */
function read(entry: ListEntry): KeyRecord | null {
  try {
    return decodeRecord(entry.id, entry.json);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return null;
  }
}
