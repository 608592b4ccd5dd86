import type { LimitState } from '../../core/limits.ts';

/** Keys whose numbers are in one array, so that room for more is made in small steps. */
const KEYS_IN_CHUNK = 1_024;
/** The numbers of one state. */
const FIELDS = 6;
/** Of one key: its state, and what the file says. */
const WIDTH = 2 * FIELDS;
/** Stands for the hour of a state that is not there. */
const NOTHING = Number.NaN;

/** A state that is written over. */
export type WritableState = { -readonly [Field in keyof LimitState]: LimitState[Field] };

/** One to read into. */
export function writableState(): WritableState {
  // Of the kinds of numbers that the fields will hold, so that they need not be made again.
  return { hour: 0, hourUsed: 0, day: 0, dayUsed: 0, units: 0.5, at: 0.5 };
}

/**
 * How the limits of keys stand, and what the file says of each: plain numbers in a few large arrays, not objects. A key
 * takes 96 bytes beside its name, the collector of garbage has nothing to follow, and what is counted for a request leaves
 * nothing behind.
 *
 * A place is the number of a key here; the key that has been here longest gives its place to the next one once there are
 * `maxKeys`.
 */
export class LimitMemory {
  readonly #maxKeys: number;
  readonly #places = new Map<string, number>();
  #ids: string[] = [];
  #chunks: Float64Array[] = [];
  /** Where the next key goes once all places are taken. */
  #oldest = 0;

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  /** Places that are taken: 0 to before this. */
  get size(): number {
    return this.#ids.length;
  }

  /** The key at a place. */
  idAt(place: number): string {
    return this.#ids[place] as string;
  }

  /**
   * Where a key is; -1 when it is nowhere here.
   *
   * @param hint where it may be
   */
  placeOf(keyId: string, hint = -1): number {
    if (hint >= 0 && hint < this.#ids.length && this.#ids[hint] === keyId) return hint;
    return this.#places.get(keyId) ?? -1;
  }

  /** The place whose key goes when another one comes; -1: there is room. */
  get placeToClear(): number {
    return this.#ids.length < this.#maxKeys ? -1 : this.#oldest;
  }

  /** Takes in a key that is not here, of which the file says this; another one goes when there is no room. @returns its place */
  add(keyId: string, kept: LimitState | null): number {
    const place = this.#newPlace();
    this.#ids[place] = keyId;
    this.#places.set(keyId, place);
    this.#write(place, 0, kept);
    this.#write(place, FIELDS, kept);
    return place;
  }

  /** @returns false: the key was never used, and nothing was read */
  readState(place: number, into: WritableState): boolean {
    return this.#read(place, 0, into);
  }

  writeState(place: number, state: LimitState): void {
    this.#write(place, 0, state);
  }

  /** What the file says. @returns false: nothing */
  readKept(place: number, into: WritableState): boolean {
    return this.#read(place, FIELDS, into);
  }

  writeKept(place: number, kept: LimitState): void {
    this.#write(place, FIELDS, kept);
  }

  /** Whether the file says of a key what holds, or need not say anything. */
  isWritten(place: number): boolean {
    const chunk = this.#chunkOf(place);
    const from = startOf(place);
    if (Number.isNaN(chunk[from])) return true;
    for (let i = from; i < from + FIELDS; i++) if (chunk[i] !== chunk[i + FIELDS]) return false;
    return true;
  }

  clear(): void {
    this.#places.clear();
    this.#ids = [];
    this.#chunks = [];
    this.#oldest = 0;
  }

  #newPlace(): number {
    const place = this.placeToClear;
    if (place >= 0) {
      this.#places.delete(this.idAt(place));
      this.#oldest = (place + 1) % this.#maxKeys;
      return place;
    }
    if (this.#ids.length % KEYS_IN_CHUNK === 0) this.#chunks.push(new Float64Array(KEYS_IN_CHUNK * WIDTH));
    return this.#ids.length;
  }

  #read(place: number, offset: number, into: WritableState): boolean {
    const chunk = this.#chunkOf(place);
    const from = startOf(place) + offset;
    const hour = chunk[from] as number;
    if (Number.isNaN(hour)) return false;
    into.hour = hour;
    into.hourUsed = chunk[from + 1] as number;
    into.day = chunk[from + 2] as number;
    into.dayUsed = chunk[from + 3] as number;
    into.units = chunk[from + 4] as number;
    into.at = chunk[from + 5] as number;
    return true;
  }

  #write(place: number, offset: number, state: LimitState | null): void {
    const chunk = this.#chunkOf(place);
    const from = startOf(place) + offset;
    chunk[from] = state === null ? NOTHING : state.hour;
    if (state === null) return;
    chunk[from + 1] = state.hourUsed;
    chunk[from + 2] = state.day;
    chunk[from + 3] = state.dayUsed;
    chunk[from + 4] = state.units;
    chunk[from + 5] = state.at;
  }

  #chunkOf(place: number): Float64Array {
    return this.#chunks[Math.floor(place / KEYS_IN_CHUNK)] as Float64Array;
  }
}

function startOf(place: number): number {
  return (place % KEYS_IN_CHUNK) * WIDTH;
}
