import { isHost } from '../framing.ts';
import { DIGIT_0, IS_DIGIT, MEANING } from './bytes.ts';

/** Digits of a Content-Length; fewer than a number loses precision at. */
const MOST_LENGTH_DIGITS = 15;

const KEEP_ALIVE = Buffer.from('keep-alive', 'latin1');
const CLOSE = Buffer.from('close', 'latin1');
const LOWER_CASE = 0x20;

/** The host that was plain last, and the longest that is remembered: nearly all requests ask for the same few. */
const lastHost = Buffer.alloc(64);
let lastHostLength = 0;

/**
 * Whether these bytes are a host that one is asked for by (framing.ts).
 * @param isWhole no more of it follows; else whether it may become one
 */
export function isPlainHost(bytes: Buffer, from: number, to: number, isWhole: boolean): boolean {
  if (to - from === lastHostLength && isLastHost(bytes, from)) return true;
  const text = bytes.toString('latin1', from, to);
  if (!isHost(text)) {
    // What is missing at most: the rest of an address and its bracket, or the digits of a port.
    return !isWhole && (isHost(`${text}0`) || isHost(`${text}0]`));
  }
  if (text.length <= lastHost.length) lastHostLength = bytes.copy(lastHost, 0, from, to);
  return true;
}

function isLastHost(bytes: Buffer, from: number): boolean {
  for (let i = 0; i < lastHostLength; i++) {
    if (bytes[from + i] !== lastHost[i]) return false;
  }
  return lastHostLength > 0;
}

/** @returns the number that these bytes are, a decimal one without leading zeros (0 for no bytes); -1: they are none */
export function plainLength(bytes: Buffer, from: number, to: number): number {
  if (to - from > MOST_LENGTH_DIGITS || (to - from > 1 && bytes[from] === DIGIT_0)) return -1;
  let length = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (((MEANING[byte] as number) & IS_DIGIT) === 0) return -1;
    length = length * 10 + (byte - DIGIT_0);
  }
  return length;
}

export function isKeepAlive(bytes: Buffer, from: number, to: number, isWhole: boolean): boolean {
  return isWord(bytes, from, to, KEEP_ALIVE, isWhole);
}

export function isClose(bytes: Buffer, from: number, to: number, isWhole: boolean): boolean {
  return isWord(bytes, from, to, CLOSE, isWhole);
}

/** Whether bytes that may stand in a value are this word, in any case, or its beginning where they are not whole. */
function isWord(bytes: Buffer, from: number, to: number, word: Buffer, isWhole: boolean): boolean {
  const length = to - from;
  if (isWhole ? length !== word.length : length > word.length) return false;
  for (let i = 0; i < length; i++) {
    if (((bytes[from + i] as number) | LOWER_CASE) !== word[i]) return false;
  }
  return true;
}
