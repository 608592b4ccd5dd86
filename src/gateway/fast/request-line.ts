import { canonicalTarget, isFault } from '../../core/target.ts';
import { DOT, expectBytes, IN_QUERY, IN_SEGMENT, MEANING, MORE, OTHER, PERCENT, QUESTION, SLASH } from './bytes.ts';

/** The methods of plain requests, each with the bytes that it begins a request with. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const OPENINGS = METHODS.map((method) => Buffer.from(`${method} /`, 'latin1'));

const NO_METHOD = 255;
/** By its first byte which method it can be; of those that begin with `P` the first. */
const BY_FIRST = new Uint8Array(256).fill(NO_METHOD);
for (let i = METHODS.length - 1; i >= 0; i--) BY_FIRST[(METHODS[i] as string).charCodeAt(0)] = i;
const POST = METHODS.indexOf('POST');
const PUT = METHODS.indexOf('PUT');
const PATCH = METHODS.indexOf('PATCH');
const BYTE_P = 0x50;
const BYTE_U = 0x55;
const BYTE_A = 0x41;

const VERSION = Buffer.from(' HTTP/1.1\r\n', 'latin1');

/** Whatever is allowed in paths: one with a `;` in any form is not plain. */
const STRICT = { allowPathParameters: false };

/** @returns the index of the method that the bytes begin with, up to the `/` of the target; MORE or OTHER */
export function findMethod(bytes: Buffer, from: number, to: number): number {
  if (from >= to) return MORE;
  const first = bytes[from] as number;
  let index = BY_FIRST[first] as number;
  if (index === NO_METHOD) return OTHER;
  if (first === BYTE_P && from + 1 < to) {
    const second = bytes[from + 1] as number;
    index = second === BYTE_U ? PUT : second === BYTE_A ? PATCH : POST;
  }
  const end = expectBytes(bytes, from, to, OPENINGS[index] as Buffer);
  return end < 0 ? end : index;
}

/** @param index what `findMethod` returned */
export function methodAt(index: number): string {
  return METHODS[index] as string;
}

/**
 * Finds the end of a target that is canonical as it stands (core/target.ts). Whether a space is what ends it is
 * left to `findLineEnd`.
 * @param from offset of the `/` that it begins with
 * @param most bytes that it may have
 * @returns the offset behind it, MORE or OTHER
 */
export function findTargetEnd(bytes: Buffer, from: number, to: number, most: number): number {
  let isEncoded = false;
  let segment = from + 1;
  let i = segment;
  let byte = 0;
  for (; i < to; i++) {
    byte = bytes[i] as number;
    if (((MEANING[byte] as number) & IN_SEGMENT) !== 0) {
      if (byte === PERCENT) isEncoded = true;
      continue;
    }
    if (byte === SLASH) {
      if (i === segment || isDots(bytes, segment, i)) return OTHER;
      segment = i + 1;
      continue;
    }
    if (isDots(bytes, segment, i)) return OTHER;
    break;
  }
  if (byte === QUESTION) while (i < to && ((MEANING[bytes[i] as number] as number) & IN_QUERY) !== 0) i++;
  if (i - from > most) return OTHER;
  if (i === to) return MORE;
  return isEncoded && !isCanonical(bytes.toString('latin1', from, i)) ? OTHER : i;
}

/** @param from offset behind the target @returns the offset behind the request line, MORE or OTHER */
export function findLineEnd(bytes: Buffer, from: number, to: number): number {
  return expectBytes(bytes, from, to, VERSION);
}

/** Whether a segment is `.` or `..`. */
function isDots(bytes: Buffer, from: number, to: number): boolean {
  if (bytes[from] !== DOT) return false;
  return to - from === 1 || (to - from === 2 && bytes[from + 1] === DOT);
}

/** Asked for paths with `%` alone: which of those are canonical is for one place to know. */
function isCanonical(target: string): boolean {
  const canonical = canonicalTarget(target, STRICT);
  return !isFault(canonical) && canonical.path + canonical.query === target;
}
