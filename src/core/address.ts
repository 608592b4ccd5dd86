import { readIpv6, writeIpv6 } from './ipv6-text.ts';

/**
 * Addresses in one form, so that a rule on an address meets it however it is written. An IPv6 address that only wraps
 * an IPv4 one is that IPv4 address: mapped ::ffff:0:0/96 (RFC 4291), translated ::ffff:0:0:0/96 (RFC 2765), NAT64
 * 64:ff9b::/96 (RFC 6052), 6to4 2002::/16 (RFC 3056), Teredo 2001::/32 (RFC 4380), and the deprecated compatible form
 * ::/96. What is sent to any of these is routed to the IPv4 address, so that nobody else can hold a conversation from it.
 *
 * Other forms stay IPv6. Where the networks' own prefixes for translation hold the IPv4 address, 64:ff9b:1::/48
 * (RFC 8215) among them, is known to those networks alone. And anybody can give an interface the form of ISATAP
 * (RFC 5214) with whatever IPv4 address in it: it is routed by the 64 bits before that.
 */
export interface Address {
  readonly family: 4 | 6;
  /** One word of 32 bits, or four in network order. */
  readonly words: readonly number[];
}

/** A block of addresses: an address and how many leading bits count. */
export interface AddressBlock extends Address {
  readonly prefix: number;
}

const DOT = 0x2e;
const ZERO = 0x30;
const SIX_TO_FOUR = 0x2002;
const NAT64 = 0x0064ff9b;
const TEREDO = 0x20010000;
/** The third word of a mapped address, and of a translated one. */
const MAPPED = 0xffff;
const TRANSLATED = 0xffff0000;

/** Where a text is read into; reading never waits, so one is enough. */
const scratch = new Uint32Array(4);

/**
 * Reads an address.
 * @returns the address with any embedded IPv4 form unwrapped, or null when the text is none
 */
export function parseAddress(text: string): Address | null {
  const words = readWords(withoutZone(text));
  return words === null ? null : unwrap(words);
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
  // A zone is none in a block: readWords knows of no zones.
  const words = readWords(slash < 0 ? text : text.slice(0, slash));
  if (words === null) return null;
  const width = words.length * 32;
  const prefix = slash < 0 ? width : parsePrefix(text.slice(slash + 1));
  if (prefix < 0 || prefix > width) return null;
  const address = unwrap(words);
  // A block within an embedded form is the IPv4 block. One that spans the whole form stays IPv6 and so meets nobody:
  // to read 64:ff9b::/96 in an allow-list as "every IPv4 address" would open what the writer meant to close.
  if (words.length === 4 && address.family === 4) {
    const { bits } = wrappingOf(words[0] as number);
    if (prefix > bits) return { ...address, prefix: Math.min(32, prefix - bits) };
    return { family: 6, words, prefix };
  }
  return { ...address, prefix };
}

/**
 * Whether a block is the whole of a form that wraps IPv4 addresses, or a part of one that says nothing of them: it meets
 * nobody, since whoever is in it is seen by an IPv4 address.
 */
export function isWholeEmbedding({ family, words: [a = 0, b = 0, c = 0, d = 0], prefix }: AddressBlock): boolean {
  return family === 6 && embeddedIpv4(a, b, c, d) >= 0 && prefix >= wrappingOf(a).prefix;
}

/** What is wrong with such a block, for whoever wrote it: the end of a sentence about it. */
export const WHOLE_EMBEDDING =
  'covers a whole range of IPv4-in-IPv6 addresses; such clients are seen by their IPv4 address, so list that';

/** The text form that is compared, logged and forwarded: IPv4 dotted, IPv6 as RFC 5952 writes it, no zone. */
export function canonicalAddress(text: string): string | null {
  // The common case costs no parsing: a plain IPv4 address is its own canonical form.
  if (parseDotted(text) >= 0) return text;
  const address = parseAddress(text);
  if (address === null) return null;
  return address.family === 4 ? dotted(address.words[0] as number) : writeIpv6(address.words);
}

/** The part of an address that one customer holds: an IPv4 address whole, an IPv6 address's /64. */
export function throttleScope(address: string): string {
  if (!address.includes(':')) return address;
  const parsed = parseAddress(address);
  if (parsed === null) return address;
  const [first = 0, second = 0] = parsed.words;
  return parsed.family === 4 ? dotted(first) : writeIpv6([first, second, 0, 0]);
}

/**
 * The IPv4 address that an IPv6 address wraps.
 * @returns -1 when it wraps none
 */
export function embeddedIpv4(a: number, b: number, c: number, d: number): number {
  if (a >>> 16 === SIX_TO_FOUR) return ((a << 16) | (b >>> 16)) >>> 0;
  // Each bit is turned over, so that no device on the way takes it for an address to be rewritten.
  if (a === TEREDO) return ~d >>> 0;
  if (b !== 0) return -1;
  if (a === NAT64) return c === 0 ? d : -1;
  if (a !== 0) return -1;
  if (c === MAPPED || c === TRANSLATED) return d;
  // ::a.b.c.d, but not :: and ::1, which are addresses of their own, nor what stands beside them.
  return c === 0 && d > 0xff ? d : -1;
}

/**
 * Of the form that wraps an IPv4 address and begins with this word: how many leading bits all such addresses have in
 * common, and how many stand before the IPv4 address.
 */
function wrappingOf(first: number): { readonly prefix: number; readonly bits: number } {
  if (first >>> 16 === SIX_TO_FOUR) return { prefix: 16, bits: 16 };
  return { prefix: first === TEREDO ? 32 : 96, bits: 96 };
}

function unwrap(words: readonly number[]): Address {
  if (words.length === 1) return { family: 4, words };
  const embedded = embeddedIpv4(words[0] as number, words[1] as number, words[2] as number, words[3] as number);
  return embedded < 0 ? { family: 6, words } : { family: 4, words: [embedded] };
}

/** Reads an address without a zone as it is written: one word, or four. @returns null when the text is none */
function readWords(text: string): number[] | null {
  const plain = parseDotted(text);
  if (plain >= 0) return [plain];
  if (!readIpv6(text, scratch) && !readIpv6(withoutDots(text), scratch)) return null;
  return [scratch[0] as number, scratch[1] as number, scratch[2] as number, scratch[3] as number];
}

/** The text with an IPv4 address at its end, `::ffff:192.0.2.1`, as two groups. */
function withoutDots(text: string): string {
  const tail = text.lastIndexOf(':') + 1;
  const embedded = parseDotted(text.slice(tail));
  if (embedded < 0) return text;
  return `${text.slice(0, tail)}${(embedded >>> 16).toString(16)}:${(embedded & 0xffff).toString(16)}`;
}

/** @returns -1 when the text is not a plain decimal number of at most three digits */
function parsePrefix(text: string): number {
  return /^(?:0|[1-9][0-9]{0,2})$/.test(text) ? Number(text) : -1;
}

/** Drops the zone of an IPv6 address (RFC 4007 §11), which means nothing on another machine. IPv4 has none. */
function withoutZone(text: string): string {
  const percent = text.indexOf('%');
  if (percent <= 0 || percent === text.length - 1) return text;
  const bare = text.slice(0, percent);
  return bare.includes(':') ? bare : text;
}

function dotted(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;
}
