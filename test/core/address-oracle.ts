/**
 * Addresses and blocks by the letter of RFC 4291 and RFC 5952, as big integers: slow, plain, and without a line in common
 * with what it is compared to.
 */

/** An address as it is written: so many bits, and their value. */
interface Written {
  readonly width: 32 | 128;
  readonly value: bigint;
}

/** What an address means: an IPv4 one, also where an IPv6 one wraps it, or an IPv6 one. */
export interface Meant {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A block as the first and the last address in it. */
export interface Range {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/** The first 96 bits: mapped, translated, NAT64. */
const WRAPPINGS = new Set([0xffffn, 0xffff0000n, 0x64ff9bn << 64n]);
const TEREDO = 0x20010000n;

export function meantBy(text: string): Meant | null {
  const zone = /^([^%]*:[^%]*)%.+$/s.exec(text);
  const written = read(zone?.[1] ?? text);
  return written === null ? null : meaning(written);
}

export function rangeOf(text: string): Range | null {
  const parts = text.split('/');
  const written = read(parts[0] ?? '');
  if (written === null || parts.length > 2) return null;
  const prefix = parts.length === 1 ? written.width : numberIn(parts[1] ?? '', written.width);
  if (prefix === null) return null;
  const meant = meaning(written);
  if (written.width === 32 || meant.family === 6) return range(meant, written.width, prefix);
  const wrapping = written.value >> 112n === 0x2002n ? 16 : 96;
  if (prefix > wrapping) return range(meant, 32, Math.min(32, prefix - wrapping));
  return range({ family: 6, value: written.value }, 128, prefix);
}

export function isIn(ranges: readonly Range[], address: Meant | null): boolean {
  if (address === null) return false;
  const { family, value } = address;
  return ranges.some((each) => each.family === family && each.first <= value && value <= each.last);
}

/** The one text of an address: RFC 5952, or dotted. */
export function textOf({ family, value }: Meant): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = groupsOf(value).map((group) => group.toString(16));
  for (let length = 8; length >= 2; length--) {
    for (let start = 0; start + length <= 8; start++) {
      if (groups.slice(start, start + length).some((group) => group !== '0')) continue;
      return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
    }
  }
  return groups.join(':');
}

export function groupsOf(value: bigint): number[] {
  return [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => Number((value >> shift) & 0xffffn));
}

function range({ family, value }: Meant, width: number, prefix: number): Range {
  const size = 2n ** BigInt(width - prefix);
  const first = value - (value % size);
  return { family, first, last: first + size - 1n };
}

function meaning({ width, value }: Written): Meant {
  if (width === 32) return { family: 4, value };
  const last = value % 2n ** 32n;
  if (WRAPPINGS.has(value >> 32n)) return { family: 4, value: last };
  if (value >> 112n === 0x2002n) return { family: 4, value: (value >> 80n) % 2n ** 32n };
  // Each bit of it is turned over.
  if (value >> 96n === TEREDO) return { family: 4, value: 2n ** 32n - 1n - last };
  if (value > 0xffn && value === last) return { family: 4, value };
  return { family: 6, value };
}

function read(text: string): Written | null {
  const dotted = readDotted(text);
  if (dotted !== null) return { width: 32, value: dotted };
  const tail = /^(.*:)([^:]*\.[^:]*)$/s.exec(text);
  if (tail === null) return readGroups(text);
  const embedded = readDotted(tail[2] ?? '');
  if (embedded === null) return null;
  return readGroups(`${tail[1]}${(embedded >> 16n).toString(16)}:${(embedded % 0x10000n).toString(16)}`);
}

function readDotted(text: string): bigint | null {
  const octets = text.split('.').map((octet) => numberIn(octet, 255));
  if (octets.length !== 4) return null;
  return octets.reduce<bigint | null>(
    (value, octet) => (value === null || octet === null ? null : value * 256n + BigInt(octet)),
    0n,
  );
}

function readGroups(text: string): Written | null {
  const sides = text.split('::').map((side) => (side === '' ? [] : side.split(':')));
  const [left = [], right = []] = sides;
  const missing = 8 - left.length - right.length;
  if (sides.length > 2 || (sides.length === 1 ? missing !== 0 : missing < 1)) return null;
  const groups = [...left, ...Array.from({ length: missing }, () => '0'), ...right];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return null;
  return { width: 128, value: BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`) };
}

/** A decimal number without leading zeros, up to a greatest one. */
function numberIn(text: string, most: number): number | null {
  return /^(?:0|[1-9][0-9]*)$/.test(text) && Number(text) <= most ? Number(text) : null;
}
