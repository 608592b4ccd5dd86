import { UpstreamError } from '../failure.ts';
import { COLON, CR, DIGIT_0, IN_NAME, LF, MEANING } from './bytes.ts';
import { isText } from './response-head.ts';

/** Digits of a chunk's size, zeros in front among them. */
const MAX_SIZE_DIGITS = 15;
/** Bytes of the extensions of one chunk. They are thrown away. */
const MAX_EXTENSION_BYTES = 4096;

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What the next byte belongs to. */
const SIZE = 0;
const EXTENSION_START = 1;
const EXTENSION = 2;
const QUOTED = 3;
const ESCAPED = 4;
const SIZE_LF = 5;
const DATA = 6;
const DATA_CR = 7;
const DATA_LF = 8;
const LINE = 9;
const NAME = 10;
const VALUE = 11;
const VALUE_LF = 12;
const END_LF = 13;
const DONE = 14;

/** Takes the chunks of a body apart (RFC 9112 §7.1). Extensions and trailers end here. */
export class ChunkedReader {
  /** Where the data of the last `read` are: one piece, also when they came in several chunks. */
  dataStart = 0;
  dataEnd = 0;
  readonly #maxTrailerBytes: number;
  #state = SIZE;
  /** Bytes that are missing of the chunk. */
  #left = 0;
  #digits = 0;
  /** Bytes of this chunk's extensions, or of the trailers. */
  #dropped = 0;

  constructor(maxTrailerBytes: number) {
    this.#maxTrailerBytes = maxTrailerBytes;
  }

  /** Whether the last byte of the body was read. */
  get isDone(): boolean {
    return this.#state === DONE;
  }

  begin(): void {
    this.#state = SIZE;
    this.#left = 0;
    this.#digits = 0;
    this.#dropped = 0;
  }

  /**
   * Reads on. The data are moved together within `bytes`, which are used up by that.
   * @param to offset behind the last byte that is there
   * @returns the offset behind what was read: `to`, unless the body ended before, or is none from there on. Throws
   *   UpstreamError when it is none from the beginning
   */
  read(bytes: Buffer, from: number, to: number): number {
    this.dataStart = from;
    this.dataEnd = from;
    let at = from;
    try {
      while (at < to && this.#state !== DONE) at = this.#step(bytes, at, to);
    } catch (error) {
      // What came before it is handed on first: asked again for the rest, it throws again.
      if (this.dataEnd === this.dataStart) throw error;
    }
    return at;
  }

  /** @returns the offset behind what it read: a piece of data, or one byte around them */
  #step(bytes: Buffer, at: number, to: number): number {
    if (this.#state === DATA) {
      const length = Math.min(this.#left, to - at);
      this.#take(bytes, at, at + length);
      this.#left -= length;
      if (this.#left === 0) this.#state = DATA_CR;
      return at + length;
    }
    const byte = bytes[at] as number;
    if (this.#state < DATA) this.#readSize(byte);
    else if (this.#state < LINE) this.#readDataEnd(byte);
    else this.#readTrailer(byte);
    return at + 1;
  }

  #take(bytes: Buffer, from: number, to: number): void {
    if (this.dataEnd === this.dataStart) {
      this.dataStart = from;
      this.dataEnd = to;
      return;
    }
    bytes.copyWithin(this.dataEnd, from, to);
    this.dataEnd += to - from;
  }

  #readSize(byte: number): void {
    switch (this.#state) {
      case SIZE:
        return this.#readSizeByte(byte);
      case SIZE_LF:
        if (byte !== LF) throw invalid('line end');
        this.#state = this.#left > 0 ? DATA : LINE;
        this.#digits = 0;
        this.#dropped = 0;
        return;
      case EXTENSION:
        if (byte === CR) this.#state = SIZE_LF;
        else if (byte === SEMICOLON) this.#state = EXTENSION_START;
        else if (byte === QUOTE) this.#state = QUOTED;
        else if (byte !== EQUALS && !isToken(byte)) throw invalid('chunk extension');
        break;
      case EXTENSION_START:
        if (!isToken(byte)) throw invalid('chunk extension');
        this.#state = EXTENSION;
        break;
      default:
        if (!isText(byte)) throw invalid('chunk extension');
        this.#state = this.#state === QUOTED ? afterQuoted(byte) : QUOTED;
    }
    if (++this.#dropped > MAX_EXTENSION_BYTES) throw invalid('length of the chunk extensions');
  }

  #readSizeByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#digits > MAX_SIZE_DIGITS) throw invalid('chunk size');
      this.#left = this.#left * 16 + digit;
      if (this.#left > Number.MAX_SAFE_INTEGER) throw invalid('chunk size');
      return;
    }
    if (this.#digits === 0 || (byte !== CR && byte !== SEMICOLON)) throw invalid('chunk size');
    this.#state = byte === CR ? SIZE_LF : EXTENSION_START;
  }

  #readDataEnd(byte: number): void {
    if (byte !== (this.#state === DATA_CR ? CR : LF)) throw invalid('end of a chunk');
    this.#state = this.#state === DATA_CR ? DATA_LF : SIZE;
  }

  #readTrailer(byte: number): void {
    if (++this.#dropped > this.#maxTrailerBytes) throw invalid('length of the trailers');
    switch (this.#state) {
      case LINE:
        if (byte === CR) this.#state = END_LF;
        else if (isToken(byte)) this.#state = NAME;
        else throw invalid('trailer');
        break;
      case NAME:
        if (byte === COLON) this.#state = VALUE;
        else if (!isToken(byte)) throw invalid('trailer');
        break;
      case VALUE:
        if (byte === CR) this.#state = VALUE_LF;
        else if (!isText(byte)) throw invalid('trailer');
        break;
      default:
        if (byte !== LF) throw invalid('line end');
        this.#state = this.#state === END_LF ? DONE : LINE;
    }
  }
}

function afterQuoted(byte: number): number {
  if (byte === BACKSLASH) return ESCAPED;
  return byte === QUOTE ? EXTENSION : QUOTED;
}

function isToken(byte: number): boolean {
  return ((MEANING[byte] as number) & IN_NAME) !== 0;
}

function hexDigit(byte: number): number {
  if (byte >= DIGIT_0 && byte <= DIGIT_0 + 9) return byte - DIGIT_0;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

function invalid(part: string): UpstreamError {
  return new UpstreamError('invalid_answer', `The ${part} in the answer is not valid`);
}
