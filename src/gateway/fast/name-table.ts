/** Names remembered as they were spelt, and the longest that is. A power of two: each has one place, by its hash. */
const PLACES = 1024;
const MAX_REMEMBERED_LENGTH = 64;

/** Begins the hash of a name; `hashOn` takes each of its bytes in turn. */
export const NO_HASH = 0;

export function hashOn(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

/**
 * Finds the names of headers by their bytes, and what they mean: names that are in use are not made into strings each
 * time. Names are chosen by those who send them: a made-up one may take the place of one that is in use, which takes it
 * back when it next comes.
 */
export class NameTable<Kind extends number> {
  /** The name that was found last, as it was spelt. Spelt alike it is the same string, which maps find fastest. */
  found = '';
  readonly #classify: (name: string) => Kind;
  readonly #names: string[] = Array.from({ length: PLACES }, () => '');
  readonly #kinds = new Uint8Array(PLACES);
  readonly #spellings = new Uint8Array(PLACES * MAX_REMEMBERED_LENGTH);

  /** @param classify what a name in lower case means, 255 at most */
  constructor(classify: (name: string) => Kind) {
    this.#classify = classify;
  }

  /**
   * Finds the name that stands from `from` to before `to`.
   * @param hash of its bytes in turn
   */
  find(bytes: Buffer, from: number, to: number, hash: number): Kind {
    const length = to - from;
    const place = (hash ^ (hash >>> 10) ^ (hash >>> 20)) & (PLACES - 1);
    const name = this.#names[place] as string;
    if (name.length === length && this.#isSpelt(bytes, from, length, place * MAX_REMEMBERED_LENGTH)) {
      this.found = name;
      return this.#kinds[place] as Kind;
    }
    return this.#learn(bytes, from, to, place);
  }

  #isSpelt(bytes: Buffer, from: number, length: number, start: number): boolean {
    const spellings = this.#spellings;
    for (let i = 0; i < length; i++) {
      if (bytes[from + i] !== spellings[start + i]) return false;
    }
    return true;
  }

  #learn(bytes: Buffer, from: number, to: number, place: number): Kind {
    const name = bytes.toString('latin1', from, to);
    const kind = this.#classify(name.toLowerCase());
    this.found = name;
    if (name.length > MAX_REMEMBERED_LENGTH) return kind;
    this.#names[place] = name;
    this.#kinds[place] = kind;
    bytes.copy(this.#spellings, place * MAX_REMEMBERED_LENGTH, from, to);
    return kind;
  }
}
