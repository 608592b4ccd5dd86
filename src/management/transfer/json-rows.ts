import { TransferError } from './fault.ts';
import { newlines } from './text.ts';

/** One row as it stands in the file. */
export interface JsonRow {
  readonly line: number;
  readonly text: string;
}

const SPACE = /[ \t\n\r]/;
const SCALAR_END = /[,\]} \t\n\r]/;
const WHAT = 'expected an array of objects, an object with such an array as "keys", or one object to a line';

/**
 * The rows of a JSON document: the elements of an array, of the array that an object has as `keys`, or one object to a
 * line. They are found without parsing the whole, so that each keeps the line that it stands on.
 *
 * @throws TransferError where the text around the rows is no JSON; the rows themselves are not looked at
 */
export function* jsonRows(text: string): Generator<JsonRow, undefined> {
  const start = skipSpace(text, 0);
  if (text[start] === '[') return yield* elements(text, start);
  const array = text[start] === '{' ? keysArray(text, start) : null;
  if (array !== null) return yield* elements(text, array);
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    if (line.trim() !== '') yield { line: number, text: line };
  }
  return undefined;
}

/** @param open where the array begins */
function* elements(text: string, open: number): Generator<JsonRow, undefined> {
  let line = 1 + newlines(text, 0, open);
  let counted = open;
  let at = skipSpace(text, open + 1);
  if (text[at] === ']') return undefined;
  for (;;) {
    line += newlines(text, counted, at);
    counted = at;
    const end = valueEnd(text, at);
    if (end === at || end > text.length) throw notJson(text, at, 'a value is missing or does not end');
    yield { line, text: text.slice(at, end) };
    at = skipSpace(text, end);
    if (text[at] === ']') return undefined;
    if (text[at] !== ',') throw notJson(text, at, 'expected a comma, or the end of the array');
    at = skipSpace(text, at + 1);
  }
}

/** Where the array begins that an object has as `keys`; null when it has none. */
function keysArray(text: string, open: number): number | null {
  let at = skipSpace(text, open + 1);
  while (text[at] === '"') {
    const end = stringEnd(text, at);
    const name = text.slice(at + 1, end - 1);
    at = skipSpace(text, end);
    if (text[at] !== ':') return null;
    at = skipSpace(text, at + 1);
    if (name === 'keys' && text[at] === '[') return at;
    at = skipSpace(text, valueEnd(text, at));
    if (text[at] !== ',') return null;
    at = skipSpace(text, at + 1);
  }
  return null;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && SPACE.test(text[at] ?? '')) at++;
  return at;
}

/** Past the closing quotation mark; past the text when there is none. */
function stringEnd(text: string, open: number): number {
  let at = open + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** Past the value that begins there; past the text when it does not end. */
function valueEnd(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const character = text[at] ?? '';
    if (character === '"') at = stringEnd(text, at);
    else if (character === '{' || character === '[') {
      depth++;
      at++;
    } else if (character === '}' || character === ']') {
      if (depth === 0) return at;
      depth--;
      at++;
    } else if (depth === 0) {
      while (at < text.length && !SCALAR_END.test(text[at] ?? '')) at++;
      return at;
    } else at++;
    if (depth === 0) return at;
  }
  return text.length + 1;
}

function notJson(text: string, at: number, why: string): TransferError {
  return new TransferError(1 + newlines(text, 0, at), `is not JSON here: ${why} (${WHAT})`);
}
