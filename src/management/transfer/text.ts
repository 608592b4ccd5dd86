import { TransferError } from './fault.ts';

/** A file, piece by piece. */
export type Bytes = AsyncIterable<Uint8Array>;

export interface Line {
  /** 1 for the first. */
  readonly number: number;
  /** Without its end. */
  readonly text: string;
}

/**
 * Decodes UTF-8, without a byte order mark.
 * @throws TransferError when there are more bytes than that, or they are no UTF-8
 */
async function* decode(bytes: Bytes, maxBytes: number): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let size = 0;
  let line = 1;
  const piece = (chunk?: Uint8Array): string => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch {
      throw new TransferError(line + linesBefore(chunk), 'is not UTF-8 text here; save the file as UTF-8');
    }
  };
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > maxBytes) throw new TransferError(null, `is too large; expected at most ${maxBytes} bytes`);
    const text = piece(chunk);
    line += newlines(text);
    yield text;
  }
  yield piece();
}

/** Lines before the first character that could not be decoded. */
function linesBefore(chunk: Uint8Array | undefined): number {
  const text = new TextDecoder('utf-8').decode(chunk);
  return newlines(text, 0, Math.max(0, text.indexOf('\ufffd')));
}

/**
 * The lines of a text, whether they end with LF or CRLF, in little memory.
 * @throws TransferError for a line with more characters than `maxLine`, and as `decode`
 */
export async function* linesOf(bytes: Bytes, bounds: { maxBytes: number; maxLine: number }): AsyncGenerator<Line> {
  let number = 1;
  let rest = '';
  const check = (text: string): string => {
    if (text.length <= bounds.maxLine) return text.endsWith('\r') ? text.slice(0, -1) : text;
    throw new TransferError(number, `the line is too long; expected at most ${bounds.maxLine} characters`);
  };
  for await (const piece of decode(bytes, bounds.maxBytes)) {
    const parts = (rest + piece).split('\n');
    rest = parts.pop() ?? '';
    for (const text of parts) {
      yield { number, text: check(text) };
      number++;
    }
    check(rest);
  }
  if (rest !== '') yield { number, text: check(rest) };
}

/** A whole text, with LF alone at the ends of its lines. @throws TransferError as `decode` */
export async function wholeText(bytes: Bytes, maxBytes: number): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of decode(bytes, maxBytes)) pieces.push(piece);
  return pieces.join('').replaceAll('\r\n', '\n');
}

/** How many line feeds a text has between two places. */
export function newlines(text: string, from = 0, to: number = text.length): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
