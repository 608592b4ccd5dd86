import { type Address, type AddressBlock, embeddedIpv4, parseAddress, parseBlock, parseDotted } from './address.ts';
import { readIpv6 } from './ipv6-text.ts';

/** Where a text is read into; reading never waits, so one is enough. */
const scratch = new Uint32Array(4);

/**
 * A set of address blocks, merged into sorted ranges when it is made: membership is one binary search over flat
 * arrays, whether there are three blocks or ten thousand.
 */
export class AddressSet {
  readonly #v4: Ranges;
  readonly #v6: Ranges;

  constructor(blocks: readonly AddressBlock[]) {
    this.#v4 = rangesOf(blocks, 4, 1);
    this.#v6 = rangesOf(blocks, 6, 4);
  }

  /** @param texts CIDRs and addresses; what is neither is left out, and is for others to complain of */
  static of(texts: readonly string[]): AddressSet {
    return new AddressSet(texts.map(parseBlock).filter((block) => block !== null));
  }

  get isEmpty(): boolean {
    return this.#v4.starts.length === 0 && this.#v6.starts.length === 0;
  }

  has({ family, words: [a = 0, b = 0, c = 0, d = 0] }: Address): boolean {
    return family === 4 ? containsV4(this.#v4, a) : containsV6(this.#v6, a, b, c, d);
  }

  /** Whether the text is an address in the set; a text that is no address is in none. */
  hasText(text: string): boolean {
    const dotted = parseDotted(text);
    if (dotted >= 0) return containsV4(this.#v4, dotted);
    if (!readIpv6(text, scratch)) {
      const address = parseAddress(text);
      return address !== null && this.has(address);
    }
    const [a, b, c, d] = [scratch[0] as number, scratch[1] as number, scratch[2] as number, scratch[3] as number];
    const embedded = embeddedIpv4(a, b, c, d);
    return embedded < 0 ? containsV6(this.#v6, a, b, c, d) : containsV4(this.#v4, embedded);
  }
}

/** First and last addresses of ranges, ascending; ranges do not overlap. Each takes one word, or four. */
interface Ranges {
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

function rangesOf(blocks: readonly AddressBlock[], family: 4 | 6, width: number): Ranges {
  const { starts, ends } = boundsOf(blocks, family, width);
  const order = Uint32Array.from({ length: starts.length / width }, (_, i) => i * width);
  order.sort((a, b) => compare(starts, a, starts, b, width));
  const merged = { starts: new Uint32Array(starts.length), ends: new Uint32Array(ends.length) };
  let used = 0;
  for (const place of order) {
    const last = used - width;
    if (used > 0 && compare(starts, place, merged.ends, last, width) <= 0) {
      // It begins within the range before it, and so lies there as a whole, unless both have one start.
      if (compare(ends, place, merged.ends, last, width) > 0) copy(ends, place, merged.ends, last, width);
      continue;
    }
    copy(starts, place, merged.starts, used, width);
    copy(ends, place, merged.ends, used, width);
    used += width;
  }
  return { starts: merged.starts.slice(0, used), ends: merged.ends.slice(0, used) };
}

/** The first and last address of each block of a family, as the blocks come. */
function boundsOf(blocks: readonly AddressBlock[], family: 4 | 6, width: number): Ranges {
  const mine = blocks.filter((block) => block.family === family);
  const starts = new Uint32Array(mine.length * width);
  const ends = new Uint32Array(mine.length * width);
  let used = 0;
  for (const { words, prefix } of mine) {
    for (let i = 0; i < width; i++) {
      const word = words[i] as number;
      const mask = networkMask(prefix - i * 32);
      starts[used] = word & mask;
      ends[used++] = word | ~mask;
    }
  }
  return { starts, ends };
}

/** A word in which so many of the leading bits are set. */
function networkMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}

/** Negative, zero or positive, as the address at place a is before, the same as or after the one at place b. */
function compare(as: Uint32Array, a: number, bs: Uint32Array, b: number, width: number): number {
  for (let i = 0; i < width; i++) {
    const difference = (as[a + i] as number) - (bs[b + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function copy(from: Uint32Array, place: number, to: Uint32Array, at: number, width: number): void {
  for (let i = 0; i < width; i++) to[at + i] = from[place + i] as number;
}

function containsV4({ starts, ends }: Ranges, address: number): boolean {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as number) > address) high = middle;
    else low = middle + 1;
  }
  return low > 0 && (ends[low - 1] as number) >= address;
}

function containsV6({ starts, ends }: Ranges, a: number, b: number, c: number, d: number): boolean {
  let low = 0;
  let high = starts.length >>> 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAbove(starts, middle, a, b, c, d)) high = middle;
    else low = middle + 1;
  }
  if (low === 0) return false;
  const last = low - 1;
  const i = last << 2;
  const isEnd = ends[i] === a && ends[i + 1] === b && ends[i + 2] === c && ends[i + 3] === d;
  return isEnd || isAbove(ends, last, a, b, c, d);
}

/** Whether the address at this place is greater than that of the words. */
function isAbove(addresses: Uint32Array, place: number, a: number, b: number, c: number, d: number): boolean {
  const i = place << 2;
  if (addresses[i] !== a) return (addresses[i] as number) > a;
  if (addresses[i + 1] !== b) return (addresses[i + 1] as number) > b;
  if (addresses[i + 2] !== c) return (addresses[i + 2] as number) > c;
  return (addresses[i + 3] as number) > d;
}
