import { type Address, type AddressBlock, parseAddress, parseDotted } from './address.ts';

/**
 * A set of address blocks, merged into sorted ranges when it is made: membership is one binary search over flat
 * arrays, whether there are three blocks or ten thousand.
 */
export class AddressSet {
  readonly #v4: Ranges<number>;
  readonly #v6: Ranges<bigint>;

  constructor(blocks: readonly AddressBlock[]) {
    const v4 = rangesOf(blocks.filter((block) => block.family === 4));
    // 32 bits are exact as numbers, which are several times faster than big integers.
    this.#v4 = { starts: v4.starts.map(Number), ends: v4.ends.map(Number) };
    this.#v6 = rangesOf(blocks.filter((block) => block.family === 6));
  }

  get isEmpty(): boolean {
    return this.#v4.starts.length === 0 && this.#v6.starts.length === 0;
  }

  has(address: Address): boolean {
    if (address.family === 4) return contains(this.#v4, word(address.bytes, 0));
    return this.#v6.starts.length > 0 && contains(this.#v6, numberOf(address.bytes));
  }

  /** Whether the text is an address in the set; a text that is no address is in none. */
  hasText(text: string): boolean {
    const dotted = parseDotted(text);
    if (dotted >= 0) return contains(this.#v4, dotted);
    const address = parseAddress(text);
    return address !== null && this.has(address);
  }
}

interface Ranges<T> {
  /** First addresses, ascending; ranges do not overlap. */
  readonly starts: readonly T[];
  readonly ends: readonly T[];
}

function rangesOf(blocks: readonly AddressBlock[]): Ranges<bigint> {
  const spans = blocks.map(spanOf).sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const starts: bigint[] = [];
  const ends: bigint[] = [];
  for (const { start, end } of spans) {
    const last = ends.length - 1;
    if (last >= 0 && start <= (ends[last] as bigint) + 1n) {
      if (end > (ends[last] as bigint)) ends[last] = end;
    } else {
      starts.push(start);
      ends.push(end);
    }
  }
  return { starts, ends };
}

function spanOf(block: AddressBlock): { start: bigint; end: bigint } {
  const width = block.family === 4 ? 32 : 128;
  const free = BigInt(width - block.prefix);
  const start = (numberOf(block.bytes) >> free) << free;
  return { start, end: start + (1n << free) - 1n };
}

function numberOf(bytes: readonly number[]): bigint {
  let value = 0n;
  // Four bytes at a time: far fewer big integers than one a byte.
  for (let i = 0; i < bytes.length; i += 4) value = (value << 32n) | BigInt(word(bytes, i));
  return value;
}

function word(bytes: readonly number[], i: number): number {
  return (
    (((bytes[i] as number) << 24) |
      ((bytes[i + 1] as number) << 16) |
      ((bytes[i + 2] as number) << 8) |
      (bytes[i + 3] as number)) >>>
    0
  );
}

function contains<T extends number | bigint>({ starts, ends }: Ranges<T>, value: T): boolean {
  let low = 0;
  let high = starts.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as T) > value) high = middle - 1;
    else if ((ends[middle] as T) < value) low = middle + 1;
    else return true;
  }
  return false;
}
