/** A value that an MMDB file holds. What no country is told by, like lists and fractions, is null. */
export type MmdbValue = string | number | null | ReadonlyMap<string, MmdbValue>;

/**
 * What one entry may take: an entry about a city, with its names in eight languages, has some two hundred values and
 * 4KiB of text. Pointers let a file of some KiB hold an entry of any size.
 */
const MAX_VALUES = 2_000;
const MAX_TEXT_BYTES = 32 * 1024;
const MAX_DEPTH = 16;

/** Types of values, as the MaxMind DB file format 2.0 numbers them. */
const EXTENDED = 0;
const POINTER = 1;
const TEXT = 2;
const DOUBLE = 3;
const BYTES = 4;
const UINT16 = 5;
const UINT32 = 6;
const MAP = 7;
const INT32 = 8;
const UINT64 = 9;
const UINT128 = 10;
const ARRAY = 11;
const BOOLEAN = 14;
const FLOAT = 15;

/** What is added to a pointer, and to a size, by how many bytes they have beyond the first. */
const POINTER_BASES = [0, 2_048, 526_336, 0] as const;
const SIZE_BASES = [29, 285, 65_821] as const;
/** Larger whole numbers are not exact. */
const MAX_NUMBER_BYTES = 8;

/**
 * Reads a value. The work is bounded, whatever the bytes are.
 *
 * @param section what pointers count from the beginning of, and do not leave
 * @param at      where in it the value begins
 * @returns undefined when the value is damaged, or takes more than an entry may
 */
export function readMmdbValue(section: Buffer, at: number): MmdbValue | undefined {
  try {
    return new Cursor(section, at).value(0);
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}

class Unreadable extends Error {}

class Cursor {
  readonly #section: Buffer;
  #at: number;
  #values = MAX_VALUES;
  #textBytes = MAX_TEXT_BYTES;

  constructor(section: Buffer, at: number) {
    this.#section = section;
    this.#at = at;
  }

  /** The value that begins here; moves behind it. */
  value(depth: number): MmdbValue {
    this.#values--;
    if (this.#values < 0 || depth > MAX_DEPTH) throw new Unreadable();
    const control = this.#number(1);
    const type = control >> 5;
    if (type === POINTER) return this.#pointed(control, depth);
    // An extended type follows, and only then the size.
    return this.#ofType(type === EXTENDED ? this.#number(1) + 7 : type, control, depth);
  }

  #ofType(type: number, control: number, depth: number): MmdbValue {
    const size = this.#size(control & 0x1f);
    switch (type) {
      case TEXT:
        return this.#text(size);
      case MAP:
        return this.#map(size, depth);
      case ARRAY:
        for (let i = 0; i < size; i++) this.value(depth + 1);
        return null;
      case UINT16:
      case UINT32:
      case UINT64:
        return this.#number(size);
      case DOUBLE:
      case BYTES:
      case INT32:
      case UINT128:
      case FLOAT:
        this.#skip(size);
        return null;
      case BOOLEAN:
        return null; // Its size is its value.
      default:
        throw new Unreadable();
    }
  }

  #map(size: number, depth: number): MmdbValue {
    const members = new Map<string, MmdbValue>();
    for (let i = 0; i < size; i++) {
      const name = this.value(depth + 1);
      const value = this.value(depth + 1);
      if (typeof name !== 'string') throw new Unreadable();
      members.set(name, value);
    }
    return members;
  }

  #pointed(control: number, depth: number): MmdbValue {
    const more = (control >> 3) & 3;
    const rest = this.#number(more + 1);
    // Of four bytes, the bits in the first one do not count.
    const high = more === 3 ? 0 : (control & 7) * 256 ** (more + 1);
    const behind = this.#at;
    this.#at = high + rest + (POINTER_BASES[more] ?? 0);
    const value = this.value(depth + 1);
    this.#at = behind;
    return value;
  }

  /** @param written in the control byte: the size, or how many bytes have it */
  #size(written: number): number {
    const base = SIZE_BASES[written - 29];
    return base === undefined ? written : base + this.#number(written - 28);
  }

  #text(size: number): string {
    this.#textBytes -= size;
    if (this.#textBytes < 0) throw new Unreadable();
    const from = this.#at;
    this.#skip(size);
    return this.#section.toString('utf8', from, this.#at);
  }

  #number(size: number): number {
    const from = this.#at;
    this.#skip(size);
    if (size > MAX_NUMBER_BYTES) throw new Unreadable();
    let number = 0;
    for (let at = from; at < this.#at; at++) number = number * 256 + (this.#section[at] ?? 0);
    return number;
  }

  #skip(bytes: number): void {
    this.#at += bytes;
    if (this.#at > this.#section.length) throw new Unreadable();
  }
}
