import { UpstreamError } from '../failure.ts';
import type { AnswerFields } from './answer-fields.ts';
import { AnswerSaid } from './answer-said.ts';
import { ChunkedReader } from './chunked-reader.ts';
import { HeadScanner } from './response-head.ts';

/** What `ResponseReader.next` has found. */
export const INCOMPLETE = 0;
export const HEAD = 1;
export const DATA = 2;
export type Found = typeof INCOMPLETE | typeof HEAD | typeof DATA;

/** What the next byte belongs to. */
const IN_HEAD = 0;
const IN_LENGTH = 1;
const IN_CHUNKS = 2;
const UNTIL_CLOSE = 3;
const BEHIND = 4;

const NOTHING = Buffer.alloc(0);

/**
 * Reads the answers that come on one connection, each after a `begin`: strictly, and whatever the pieces that they come
 * in. It holds no more of them than the part of a head that has come.
 */
export class ResponseReader {
  status = 0;
  /** Nothing of the answer follows behind what `next` gave last. */
  isWhole = false;
  /** Whether the upstream leaves the connection open after the answer. */
  keepsAlive = true;
  /** What `next` gave as DATA: bytes from `dataStart` to before `dataEnd`, good until the next `feed`. */
  bytes: Buffer = NOTHING;
  dataStart = 0;
  dataEnd = 0;
  readonly #maxHeadBytes: number;
  readonly #scanner = new HeadScanner();
  readonly #said = new AnswerSaid();
  readonly #chunks: ChunkedReader;
  #phase = BEHIND;
  #isHead = false;
  /** The beginning of a head, of which the rest has not come. */
  #held: Buffer | null = null;
  #headStart = 0;
  #at = 0;
  #to = 0;
  #left = 0;
  /** Bytes of its body that came. */
  #given = 0;
  /** The last head was informational: another one follows. */
  #isInterim = false;

  /** @param maxHeadBytes that a head may have, from its first byte to the end of the empty line; as many for trailers */
  constructor(maxHeadBytes: number) {
    this.#maxHeadBytes = maxHeadBytes;
    this.#chunks = new ChunkedReader(maxHeadBytes);
  }

  /** The header lines of the last head. */
  get fields(): AnswerFields {
    return this.#scanner.fields;
  }

  /** Milliseconds for which the upstream says to leave the connection open; -1 when it says nothing of that. */
  get keepAliveMs(): number {
    return this.#said.keepAliveMs;
  }

  /** Whether the end of the connection is the end of the answer. */
  get endsWithConnection(): boolean {
    return this.#phase === UNTIL_CLOSE;
  }

  /** Whether bytes have come behind the answer. Only to be asked once it is whole. */
  get hasSurplus(): boolean {
    return this.#at < this.#to;
  }

  /** An answer is due. @param isHead to a HEAD request */
  begin(isHead: boolean): void {
    this.#phase = IN_HEAD;
    this.#isHead = isHead;
    this.#held = null;
    this.#at = 0;
    this.#to = 0;
    this.#given = 0;
    this.#said.begin();
    this.isWhole = false;
    this.#beginHead(0);
  }

  /** @param bytes may be changed, and must stay as they are until `next` has returned INCOMPLETE or all is whole */
  feed(bytes: Buffer, length: number): void {
    this.#at = 0;
    this.#to = length;
    this.bytes = bytes;
    if (this.#held === null) return;
    this.bytes = Buffer.concat([this.#held, bytes.subarray(0, length)]);
    this.#to = this.bytes.length;
    this.#held = null;
  }

  /** @returns what comes next in the bytes that were fed. Throws UpstreamError when they are no answer */
  next(): Found {
    if (this.#phase !== IN_HEAD && this.#at === this.#to) return INCOMPLETE;
    switch (this.#phase) {
      case IN_HEAD:
        return this.#readHead();
      case IN_LENGTH:
        return this.#give(Math.min(this.#left, this.#to - this.#at));
      case IN_CHUNKS:
        return this.#readChunks();
      case UNTIL_CLOSE:
        return this.#give(this.#to - this.#at);
      default:
        return INCOMPLETE;
    }
  }

  /** What `next` gave as DATA; good until the next `feed`. */
  get data(): Buffer {
    return this.bytes.subarray(this.dataStart, this.dataEnd);
  }

  /** Bytes of the answer's body that are to come; where that is not known, as many as came. */
  get expected(): number {
    if (this.#phase === IN_LENGTH) return this.#left;
    return this.#phase === IN_CHUNKS || this.#phase === UNTIL_CLOSE ? this.#given : 0;
  }

  #give(length: number): Found {
    this.dataStart = this.#at;
    this.dataEnd = this.#at + length;
    this.#at = this.dataEnd;
    this.#given += length;
    if (this.#phase === IN_LENGTH) {
      this.#left -= length;
      if (this.#left === 0) this.#end();
    }
    return DATA;
  }

  #readChunks(): Found {
    const chunks = this.#chunks;
    this.#at = chunks.read(this.bytes, this.#at, this.#to);
    this.dataStart = chunks.dataStart;
    this.dataEnd = chunks.dataEnd;
    this.#given += this.dataEnd - this.dataStart;
    if (chunks.isDone) this.#end();
    return this.isWhole || this.dataStart < this.dataEnd ? DATA : INCOMPLETE;
  }

  #end(): void {
    this.#phase = BEHIND;
    this.isWhole = true;
  }

  #beginHead(start: number): void {
    this.#isInterim = false;
    this.#headStart = start;
    this.#scanner.begin(start);
  }

  #readHead(): Found {
    const scanner = this.#scanner;
    // Not before: until now the fields of the last one could be asked for.
    if (this.#isInterim) this.#beginHead(this.#at);
    const isHeadWhole = scanner.scan(this.bytes, this.#to);
    if (scanner.at - this.#headStart > this.#maxHeadBytes) {
      throw new UpstreamError('head_too_large', `The head of the answer has more than ${this.#maxHeadBytes} bytes`);
    }
    if (!isHeadWhole) {
      this.#held = Buffer.from(this.bytes.subarray(this.#headStart, this.#to));
      this.#headStart = 0;
      scanner.rebase();
      return INCOMPLETE;
    }
    this.#at = scanner.at;
    this.status = scanner.status;
    scanner.fields.take(this.bytes, this.#at);
    this.#said.read(scanner.fields);
    this.#frame();
    return HEAD;
  }

  /** Decides where the body ends (RFC 9112 §6.3). */
  #frame(): void {
    const { status } = this;
    const { length } = this.#scanner.fields;
    const { isCoded, isChunked, saysClose, saysKeepAlive } = this.#said;
    if (isCoded && length >= 0) {
      throw new UpstreamError('invalid_answer', 'The answer has a length and a transfer coding');
    }
    if (status < 200) {
      this.#isInterim = true;
      return;
    }
    // HTTP/1.0 knows no codings (RFC 9112 §6.1).
    this.keepsAlive = !saysClose && (this.#scanner.minor === 1 || (saysKeepAlive && !isCoded));
    if (this.#isHead || status === 204 || status === 304) {
      // A body that may not be there may have been sent all the same.
      if (!this.#isHead && (isCoded || length > 0)) this.keepsAlive = false;
      return this.#end();
    }
    if (!isCoded && length >= 0) {
      this.#phase = IN_LENGTH;
      this.#left = length;
      if (this.#left === 0) this.#end();
    } else if (isChunked) {
      this.#phase = IN_CHUNKS;
      this.#chunks.begin();
    } else {
      this.#phase = UNTIL_CLOSE;
      this.keepsAlive = false;
    }
  }
}
