import { CliError } from '../failure.ts';

/** The longest line that is read: a page of entries is one, and no request's line comes near. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = '\ufeff';

/** How compressed files begin, and what takes them apart. */
const COMPRESSED: readonly { readonly magic: readonly number[]; readonly name: string; readonly tool: string }[] = [
  { magic: [0x1f, 0x8b], name: 'gzip', tool: 'gunzip -c' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], name: 'zstd', tool: 'zstd -dc' },
];

/** One line without its end; null: it is longer than a line may be, and was passed over. */
export type Line = string | null;

/**
 * The lines of a text in UTF-8 as it comes, in bounded memory.
 *
 * @param name what the text is called in messages
 * @throws CliError `INPUT_FAILED` when it is compressed
 */
export async function* linesOf(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  maxLineBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<readonly Line[]> {
  const splitter = new Splitter(maxLineBytes);
  let isFirst = true;
  for await (const piece of bytes) {
    const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    if (isFirst) mustBeText(chunk, name);
    isFirst = false;
    const lines = splitter.split(chunk);
    if (lines.length > 0) yield lines;
  }
  const last = splitter.end();
  if (last !== undefined) yield [last];
}

function mustBeText(chunk: Buffer, name: string): void {
  const found = COMPRESSED.find(({ magic }) => magic.every((byte, index) => chunk[index] === byte));
  if (found === undefined) return;
  const from = name === 'standard input' ? 'FILE' : name;
  const how = `${found.tool} ${from} | latchkey explain --replay -`;
  throw new CliError('INPUT_FAILED', `${name} is compressed (${found.name}); take it apart first: ${how}`);
}

/** Cuts chunks into lines, and keeps what is left of one for the next. */
class Splitter {
  readonly #maxBytes: number;
  #rest: Buffer[] = [];
  #restBytes = 0;
  #isTooLong = false;
  #isFirst = true;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  split(chunk: Buffer): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      this.#keep(chunk.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return lines;
  }

  /** What follows the last line feed; undefined: nothing. */
  end(): Line | undefined {
    return this.#restBytes === 0 && !this.#isTooLong ? undefined : this.#take();
  }

  #keep(part: Buffer): void {
    if (this.#isTooLong) return;
    this.#restBytes += part.length;
    this.#rest.push(part);
    if (this.#restBytes <= this.#maxBytes) return;
    this.#isTooLong = true;
    this.#rest = [];
  }

  #take(): Line {
    const line = this.#isTooLong ? null : textOf(this.#rest);
    this.#rest = [];
    this.#restBytes = 0;
    this.#isTooLong = false;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    return isFirst && line?.startsWith(BYTE_ORDER_MARK) === true ? line.slice(1) : line;
  }
}

function textOf(parts: readonly Buffer[]): string {
  const line = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  const end = line[line.length - 1] === CARRIAGE_RETURN ? line.length - 1 : line.length;
  return line.toString('utf8', 0, end);
}
