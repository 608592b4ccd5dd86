import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Addresses in one form, so that a rule on an address meets it however it is written. An IPv6 address that only wraps
 * an IPv4 one is that IPv4 address: mapped ::ffff:0:0/96 (RFC 4291), NAT64 64:ff9b::/96 (RFC 6052), 6to4 2002::/16
 * (RFC 3056), and the deprecated compatible form ::/96.
 */
export interface Address {
  readonly family: 4 | 6;
  /** 4 or 16 bytes, network order. */
  readonly bytes: readonly number[];
}

const DOT = 0x2e;
const ZERO = 0x30;

/** A block of addresses: an address and how many leading bits count. */
export interface AddressBlock extends Address {
  readonly prefix: number;
}

/**
 * Reads an address. `net.isIP` decides what is one, since ipaddr.js takes `1`, `0x7f.1` and octal forms.
 * @returns the address with any embedded IPv4 form unwrapped, or null when the text is none
 */
export function parseAddress(text: string): Address | null {
  const bare = withoutZone(text);
  return isIP(bare) === 0 ? null : unwrap(ipaddr.parse(bare).toByteArray());
}

/**
 * The common case, quickly: a dotted IPv4 address as a number.
 * @returns -1 when the text is not exactly four decimal numbers from 0 to 255 without leading zeros
 */
export function parseDotted(text: string): number {
  let address = 0;
  let octet = -1;
  let octets = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (octet < 0 || ++octets > 3) return -1;
      address = address * 256 + octet;
      octet = -1;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || octet === 0) return -1;
    octet = octet < 0 ? digit : octet * 10 + digit;
    if (octet > 255) return -1;
  }
  return octets === 3 && octet >= 0 ? address * 256 + octet : -1;
}

/**
 * Reads a CIDR or a single address. Bits beyond the prefix are ignored, as in routing tables.
 * @returns null when the text is neither
 */
export function parseBlock(text: string): AddressBlock | null {
  const slash = text.indexOf('/');
  const base = slash < 0 ? text : text.slice(0, slash);
  const family = isIP(base);
  if (family === 0 || base.includes('%')) return null;
  const width = family === 4 ? 32 : 128;
  const digits = slash < 0 ? String(width) : text.slice(slash + 1);
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(digits)) return null;
  const prefix = Number(digits);
  if (prefix > width) return null;
  const written = ipaddr.parse(base).toByteArray();
  const address = unwrap(written);
  // A block within an embedded form is the IPv4 block. One that spans the whole form stays IPv6 and so meets nobody:
  // to read 64:ff9b::/96 in an allow-list as "every IPv4 address" would open what the writer meant to close.
  if (family === 6 && address.family === 4) {
    const hidden = isSixToFour(written) ? 16 : 96;
    if (prefix > hidden) return { ...address, prefix: Math.min(32, prefix - hidden) };
    return { family: 6, bytes: written, prefix };
  }
  return { ...address, prefix };
}

/** The text form that is compared, logged and forwarded: IPv4 dotted, IPv6 as RFC 5952 writes it, no zone. */
export function canonicalAddress(text: string): string | null {
  // The common case costs no parsing: a plain IPv4 address is its own canonical form.
  if (parseDotted(text) >= 0) return text;
  const address = parseAddress(text);
  if (address === null) return null;
  return ipaddr.fromByteArray([...address.bytes]).toString();
}

/** The part of an address that one customer holds: an IPv4 address whole, an IPv6 address's /64. */
export function throttleScope(address: string): string {
  if (!address.includes(':')) return address;
  const parsed = parseAddress(address);
  if (parsed === null) return address;
  return parsed.family === 4 ? parsed.bytes.join('.') : parsed.bytes.slice(0, 8).join('.');
}

/** Drops the zone of an IPv6 address (RFC 4007 §11), which means nothing on another machine. IPv4 has none. */
function withoutZone(text: string): string {
  const percent = text.indexOf('%');
  return percent > 0 && percent < text.length - 1 && text.includes(':') ? text.slice(0, percent) : text;
}

function unwrap(bytes: number[]): Address {
  if (bytes.length === 4) return { family: 4, bytes };
  if (isSixToFour(bytes)) return { family: 4, bytes: bytes.slice(2, 6) };
  if (wrapsInLast32(bytes)) return { family: 4, bytes: bytes.slice(12) };
  return { family: 6, bytes };
}

function isSixToFour(bytes: readonly number[]): boolean {
  return bytes.length === 16 && bytes[0] === 0x20 && bytes[1] === 0x02;
}

function wrapsInLast32(bytes: readonly number[]): boolean {
  const nat64 = bytes[0] === 0 && bytes[1] === 0x64 && bytes[2] === 0xff && bytes[3] === 0x9b && zero(bytes, 4, 12);
  if (nat64) return true;
  if (!zero(bytes, 0, 10)) return false;
  if (bytes[10] === 0xff && bytes[11] === 0xff) return true;
  // ::a.b.c.d, but not :: and ::1, which are addresses of their own.
  return bytes[10] === 0 && bytes[11] === 0 && !zero(bytes, 12, 15);
}

function zero(bytes: readonly number[], from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}
