import type { ClearHead } from '../examine.ts';
import { COLON, CR, IN_NAME, IN_VALUE, LF, MEANING, MORE, OTHER, SPACE } from './bytes.ts';
import { FieldKind, REQUEST_NAMES } from './field-names.ts';
import { isClose, isKeepAlive, isPlainHost, plainLength } from './field-values.ts';
import { hashOn, NO_HASH } from './name-table.ts';
import { findLineEnd, findMethod, findTargetEnd, methodAt } from './request-line.ts';

/** The head of a request in the strict common form. */
export interface PlainHead extends ClearHead {
  readonly url: string;
  /** Offset of the first byte behind the head. */
  readonly end: number;
  /** false when the client wants the connection closed after the answer. */
  readonly keepsAlive: boolean;
}

export interface HeadBounds {
  /** From the first byte of the request line to the end of the empty line. */
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxTargetBytes: number;
}

/** Headers that a plain request has at most, whatever the bounds allow. */
const MOST_HEADERS = 256;

/** Where the values of the head that is being read begin and end, in turn. Reading one never waits: one is enough. */
const marks = new Int32Array(2 * MOST_HEADERS);

/** What the headers say that the connection must know. One, for the same reason. */
const said = { kinds: 0, bodyLength: 0, keepsAlive: true };

/** Headers that may be there once. */
const SINGLE = [FieldKind.host, FieldKind.authorization, FieldKind.contentLength, FieldKind.connection];
const SINGLES = SINGLE.reduce((bits, kind) => bits | (1 << kind), 0);

/**
 * Reads the head of a request that is in the strict common form: what nearly all clients send, in which nothing can mean
 * two things. It recognises or it does not: nothing is repaired.
 * @param from where the request begins
 * @param to   behind the last byte that is there
 * @returns the head; 'more': it may become one when more bytes come; 'other': it is not in this form or beyond a bound,
 *   and somebody else must read it, from `from` on. Both words are said of the same bytes alike, and 'other' as soon as
 *   no bytes that could follow would make it a plain head (in a path with `%`: as soon as the target is whole)
 */
export function readPlainHead(
  bytes: Buffer,
  from: number,
  to: number,
  bounds: HeadBounds,
): PlainHead | 'more' | 'other' {
  const bound = from + bounds.maxHeaderBytes;
  const limit = to < bound ? to : bound;
  const unfinished = to < bound ? 'more' : 'other';
  const method = findMethod(bytes, from, limit);
  if (method < 0) return method === MORE ? unfinished : 'other';
  const name = methodAt(method);
  const target = from + name.length + 1;
  const targetEnd = findTargetEnd(bytes, target, limit, bounds.maxTargetBytes);
  if (targetEnd < 0) return targetEnd === MORE ? unfinished : 'other';
  const fields = findLineEnd(bytes, targetEnd, limit);
  if (fields < 0) return fields === MORE ? unfinished : 'other';
  const rawHeaders: string[] = [];
  const end = readFields(bytes, fields, limit, bounds.maxHeaders, rawHeaders);
  if (end < 0) return end === MORE ? unfinished : 'other';
  fillValues(bytes, fields, end, rawHeaders);
  // A string of its own, as it outlives the request: it must not keep the other bytes of the head in memory.
  const url = bytes.toString('latin1', target, targetEnd);
  const mark = url.indexOf('?');
  return {
    isClear: true,
    method: name,
    url,
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark),
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    rawHeaders,
    end,
    bodyLength: said.bodyLength,
    keepsAlive: said.keepsAlive,
  };
}

/**
 * Reads the header lines and the empty line behind them.
 * @param raw gets the names, and a place for each value
 * @returns the offset behind them, MORE or OTHER
 */
function readFields(bytes: Buffer, from: number, to: number, maxHeaders: number, raw: string[]): number {
  const most = 2 * (maxHeaders < MOST_HEADERS ? maxHeaders : MOST_HEADERS);
  said.kinds = 0;
  said.bodyLength = 0;
  said.keepsAlive = true;
  let i = from;
  while (i < to && bytes[i] !== CR) {
    if (raw.length === most) return OTHER;
    const nameFrom = i;
    let hash = NO_HASH;
    let byte = bytes[i] as number;
    while (((MEANING[byte] as number) & IN_NAME) !== 0) {
      hash = hashOn(hash, byte);
      if (++i === to) return MORE;
      byte = bytes[i] as number;
    }
    if (byte !== COLON || i === nameFrom) return OTHER;
    const kind = REQUEST_NAMES.find(bytes, nameFrom, i, hash);
    if (kind !== FieldKind.ordinary && !mayStand(kind)) return OTHER;
    i = readValue(bytes, i + 1, to, kind, raw);
    if (i < 0) return i;
  }
  if (i === to) return MORE;
  // A plain request names its host.
  if ((said.kinds & (1 << FieldKind.host)) === 0) return OTHER;
  if (i + 1 === to) return MORE;
  return bytes[i + 1] === LF ? i + 2 : OTHER;
}

/** Whether a header of this kind may stand here: it is not foreign, nor there again where it may be there once. */
function mayStand(kind: FieldKind): boolean {
  if (kind === FieldKind.foreign) return false;
  const bit = 1 << kind;
  if ((said.kinds & bit & SINGLES) !== 0) return false;
  said.kinds |= bit;
  return true;
}

/**
 * Reads the value of a header: at most one space, then what neither begins nor ends with one, and is not nothing.
 * @param afterColon offset behind the colon
 * @returns the offset behind the line, MORE or OTHER
 */
function readValue(bytes: Buffer, afterColon: number, to: number, kind: FieldKind, raw: string[]): number {
  if (afterColon === to) return MORE;
  const from = bytes[afterColon] === SPACE ? afterColon + 1 : afterColon;
  let i = from;
  while (i < to && ((MEANING[bytes[i] as number] as number) & IN_VALUE) !== 0) i++;
  if (i > from && bytes[from] === SPACE) return OTHER;
  const isWhole = i < to;
  if (isWhole && (bytes[i] !== CR || i === from || bytes[i - 1] === SPACE)) return OTHER;
  if (kind !== FieldKind.ordinary && kind !== FieldKind.kept && !isPlainValue(bytes, from, i, kind, isWhole))
    return OTHER;
  if (!isWhole || i + 1 === to) return MORE;
  if (bytes[i + 1] !== LF) return OTHER;
  marks[raw.length] = from;
  marks[raw.length + 1] = i;
  raw.push(REQUEST_NAMES.found, kind === FieldKind.kept ? bytes.toString('latin1', from, i) : '');
  return i + 2;
}

/** Whether a value that the request's meaning hangs on is plain; one that is not whole: whether it may become so. */
function isPlainValue(bytes: Buffer, from: number, to: number, kind: FieldKind, isWhole: boolean): boolean {
  switch (kind) {
    case FieldKind.host:
      return isPlainHost(bytes, from, to, isWhole);
    case FieldKind.contentLength:
      said.bodyLength = plainLength(bytes, from, to);
      return said.bodyLength >= 0;
    case FieldKind.connection:
      said.keepsAlive = isKeepAlive(bytes, from, to, isWhole);
      return said.keepsAlive || isClose(bytes, from, to, isWhole);
    default:
      return true;
  }
}

/** Cuts the values out of one string: several times faster than making each from the bytes. */
function fillValues(bytes: Buffer, from: number, to: number, raw: string[]): void {
  const text = bytes.toString('latin1', from, to);
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i + 1] === '') raw[i + 1] = text.substring((marks[i] as number) - from, (marks[i + 1] as number) - from);
  }
}
