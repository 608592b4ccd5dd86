/** Headers of the PROXY protocol as a proxy would write them, put together byte by byte from the specification. */

export const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A header of version 2. @param rest addresses and TLVs @param length what it says of their length */
export function version2(command: number, family: number, rest: Buffer, length = rest.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.of(command, family, length >> 8, length & 0xff), rest]);
}

/** Source, destination and ports 4711 and 443, each address in hexadecimal. */
export function addresses(source: string, destination: string): Buffer {
  return Buffer.from(`${source}${destination}126701bb`, 'hex');
}

export function tlv(type: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of(type, value.length >> 8, value.length & 0xff), value]);
}

/** 203.0.113.7, to 192.0.2.1. */
export const IPV4 = addresses('cb007107', 'c0000201');
/** 2001:db8::7, to 2001:db8::1. */
export const IPV6 = addresses('20010db8000000000000000000000007', '20010db8000000000000000000000001');
