import { isIP } from 'node:net';
import { canonicalAddress, parseDotted } from '../core/address.ts';

/**
 * The header of the PROXY protocol (HAProxy's doc/proxy-protocol.txt, versions 1 and 2), with which a proxy that passes
 * bytes on tells whose they are. Only bytes in, and what they mean out: whoever has the connection does the rest.
 */
export interface ProxyHeader {
  /** Bytes of the header; what comes behind them is the client's. */
  readonly length: number;
  /** Where the client connects from, in canonical form; null: nobody else is named, the connection is its peer's own. */
  readonly source: string | null;
}

/** `more`: so far it may be a header, and it is not whole. `invalid`: whatever comes, it is none. */
export type ProxyReading = ProxyHeader | 'more' | 'invalid';

/** The longest header that is read, in bytes: TLVs with certificates and names fit in many times over. */
export const MAX_PROXY_HEADER = 4096;

const PREFIX_1 = Buffer.from('PROXY ', 'latin1');
const PREFIX_2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** @param bytes all that came on the connection so far */
export function readProxyHeader(bytes: Buffer): ProxyReading {
  if (begins(bytes, PREFIX_1)) return bytes.length < PREFIX_1.length ? 'more' : readVersion1(bytes);
  if (begins(bytes, PREFIX_2)) return readVersion2(bytes);
  return 'invalid';
}

/** Whether one is the beginning of the other. */
function begins(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length);
  return bytes.compare(prefix, 0, length, 0, length) === 0;
}

/** The longest line of version 1, with its CRLF. */
const MAX_LINE = 107;

function readVersion1(bytes: Buffer): ProxyReading {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, MAX_LINE));
  const end = text.indexOf('\r\n');
  if (end < 0) return text.length < MAX_LINE && /^[ -~]*\r?$/.test(text) ? 'more' : 'invalid';
  const line = text.slice(0, end);
  const length = end + 2;
  if (!/^[ -~]*$/.test(line)) return 'invalid';
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN ')) return { length, source: null };
  const [, family, source = '', target = '', ...ports] = line.split(' ');
  const isAddress = family === 'TCP4' ? isVersion4 : family === 'TCP6' ? isVersion6 : null;
  if (isAddress === null || !isAddress(source) || !isAddress(target)) return 'invalid';
  if (ports.length !== 2 || !ports.every(isPort)) return 'invalid';
  return { length, source: canonicalAddress(source) };
}

function isVersion4(text: string): boolean {
  return parseDotted(text) >= 0;
}

function isVersion6(text: string): boolean {
  return isIP(text) === 6 && !text.includes('%');
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535;
}

/** Bytes before the addresses: the prefix, version and command, family and protocol, and the length of the rest. */
const FIXED_BYTES = 16;
const LOCAL = 0x20;
const PROXY = 0x21;
const TCP_4 = 0x11;
const TCP_6 = 0x21;
/** The highest family (UNIX) and protocol (datagrams) that there are. */
const MAX_FAMILY = 3;
const MAX_PROTOCOL = 2;

function readVersion2(bytes: Buffer): ProxyReading {
  const command = bytes[12];
  if (command !== undefined && command !== LOCAL && command !== PROXY) return 'invalid';
  if (bytes.length < FIXED_BYTES) return 'more';
  const family = bytes.readUInt8(13);
  const rest = bytes.readUInt16BE(14);
  const length = FIXED_BYTES + rest;
  if (length > MAX_PROXY_HEADER) return 'invalid';
  // What a local connection says besides is to be ignored.
  if (command === PROXY && !isComplete(family, rest)) return 'invalid';
  if (bytes.length < length) return 'more';
  return { length, source: command === LOCAL ? null : sourceIn(bytes, family) };
}

/** Whether there is such a family, and its addresses fit into what is announced. TLVs may follow them. */
function isComplete(family: number, rest: number): boolean {
  if (family === TCP_4) return rest >= 12;
  if (family === TCP_6) return rest >= 36;
  return family >> 4 <= MAX_FAMILY && (family & 15) <= MAX_PROTOCOL;
}

/** null for what is not TCP: to be taken like a connection of which nothing is known. */
function sourceIn(bytes: Buffer, family: number): string | null {
  if (family === TCP_4) return bytes.subarray(FIXED_BYTES, FIXED_BYTES + 4).join('.');
  if (family !== TCP_6) return null;
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(FIXED_BYTES + 2 * i).toString(16));
  return canonicalAddress(groups.join(':'));
}
