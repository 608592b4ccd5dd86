/** The head of a message, split without any repair: what the bytes say is what the test sees. */
export interface RawHead {
  /** The first line. */
  readonly start: string;
  /** Names and values in turn, as sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Parses the text before the empty line. */
export function parseHead(text: string): RawHead {
  const [start = '', ...lines] = text.split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  return { start, headers };
}

/** The values of a header, joined with commas; undefined when it is absent. */
export function headerOf(head: RawHead, name: string): string | undefined {
  const values = head.headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(', ');
}

/** How the end of a body is found. */
export type Framing = { kind: 'length'; left: number } | { kind: 'chunked' } | { kind: 'close' };

/** Takes a body out of a stream of bytes, piece by piece. Keeps the first megabyte, counts the rest. */
export class BodyReader {
  static readonly keep = 1024 * 1024;
  bytes = 0;
  done = false;
  /** What was odd about the chunks: an extension, a trailer, a size in another form; null when nothing was. */
  oddity: string | null = null;
  readonly #kept: Buffer[] = [];
  readonly #framing: Framing;
  #chunkLeft = -1;
  #pending: Buffer = Buffer.alloc(0);

  constructor(framing: Framing) {
    this.#framing = framing;
    if (framing.kind === 'length' && framing.left === 0) this.done = true;
  }

  get text(): string {
    return Buffer.concat(this.#kept).toString('latin1');
  }

  /** @returns what comes after the body's end */
  feed(data: Buffer): Buffer {
    const { kind } = this.#framing;
    if (kind === 'chunked') return this.#feedChunked(data);
    if (kind === 'close') {
      this.#take(data);
      return Buffer.alloc(0);
    }
    const framing = this.#framing as { left: number };
    const mine = data.subarray(0, framing.left);
    framing.left -= mine.length;
    this.#take(mine);
    if (framing.left === 0) this.done = true;
    return data.subarray(mine.length);
  }

  #feedChunked(data: Buffer): Buffer {
    this.#pending = this.#pending.length === 0 ? data : Buffer.concat([this.#pending, data]);
    while (!this.done) {
      if (this.#chunkLeft > 0) {
        if (this.#pending.length === 0) break;
        const piece = this.#pending.subarray(0, this.#chunkLeft);
        this.#take(piece);
        this.#chunkLeft -= piece.length;
        this.#pending = this.#pending.subarray(piece.length);
        continue;
      }
      const skip = this.#chunkLeft === 0 ? 2 : 0;
      const end = this.#pending.indexOf('\r\n', skip);
      if (end < 0) break;
      const line = this.#pending.subarray(0, end).toString('latin1');
      const size = Number.parseInt(line.slice(skip), 16);
      if (!/^(?:\r\n)?[0-9a-fA-F]{1,8}$/.test(line) || line.startsWith('\r') !== skip > 0) this.oddity ??= line;
      if (size === 0) {
        const last = this.#pending.indexOf('\r\n\r\n', skip);
        if (last < 0) break;
        if (last > end) this.oddity ??= this.#pending.subarray(end, last).toString('latin1');
        this.done = true;
        return this.#pending.subarray(last + 4);
      }
      this.#chunkLeft = size;
      this.#pending = this.#pending.subarray(end + 2);
    }
    return Buffer.alloc(0);
  }

  #take(piece: Buffer): void {
    if (this.bytes < BodyReader.keep) this.#kept.push(Buffer.from(piece));
    this.bytes += piece.length;
  }
}
