import { randomBytes } from 'node:crypto';

const FIN = 0x80;
const MASKED = 0x80;
const OPCODE = 0x0f;
const OPCODE_CLOSE = 0x8;
/** Control frames have this bit in their opcode. */
const CONTROL = 0x8;
const MAX_CONTROL_LENGTH = 125;
const MASK_LENGTH = 4;

/**
 * Follows the frames of one direction (RFC 6455 §5.2) through chunks that are cut anywhere, without keeping any of
 * them: it only knows where a frame ends, so that a Close can be put between two frames and never into one.
 */
export class FrameTracker {
  /** The sender's Close frame has passed whole: nothing of its may follow. */
  closed = false;
  /** Until a header that is none was met: from there on nobody can say where frames end. */
  intact = true;
  readonly #masked: boolean;
  /** Bytes of the current header seen so far; 0 outside a header. */
  #seen = 0;
  /** Where the extended length ends, and the header. Known from its second byte on. */
  #lengthEnd = 2;
  #headerEnd = 2;
  #opcode = 0;
  /** Payload bytes that are still to come; within a header, the length as far as it was read. */
  #left = 0;

  /** @param masked whether frames of this direction are masked: a client's are, a server's are not */
  constructor(masked: boolean) {
    this.#masked = masked;
  }

  /** Whether the next byte, if any, begins a frame. */
  get atBoundary(): boolean {
    return this.intact && this.#seen === 0 && this.#left === 0;
  }

  /**
   * Takes in the next bytes.
   * @param stop stop behind the first frame that ends
   * @returns how many bytes were taken in: all of them, unless it stopped
   */
  advance(chunk: Buffer, stop: boolean): number {
    const { length } = chunk;
    let i = 0;
    while (i < length && this.intact) {
      if (this.#seen === 0 && this.#left > 0) {
        const taken = Math.min(this.#left, length - i);
        this.#left -= taken;
        i += taken;
        if (this.#left > 0) return i;
      } else {
        this.#headerByte(chunk[i++] as number);
        if (this.#seen !== 0 || this.#left > 0) continue;
      }
      if (this.#opcode === OPCODE_CLOSE) this.closed = true;
      if (stop && this.intact) return i;
    }
    return length;
  }

  #headerByte(byte: number): void {
    const position = this.#seen++;
    if (position === 0) this.#first(byte);
    else if (position === 1) this.#second(byte);
    else if (position < this.#lengthEnd) {
      this.#left = this.#left * 256 + byte;
      if (this.#left > Number.MAX_SAFE_INTEGER) this.intact = false;
    }
    if (this.#seen > 1 && this.#seen === this.#headerEnd) this.#seen = 0;
  }

  #first(byte: number): void {
    this.#opcode = byte & OPCODE;
    const reserved = (this.#opcode & ~CONTROL) > 2;
    const fragmentedControl = (this.#opcode & CONTROL) !== 0 && (byte & FIN) === 0;
    if (reserved || fragmentedControl) this.intact = false;
  }

  #second(byte: number): void {
    const length = byte & 0x7f;
    if (((byte & MASKED) !== 0) !== this.#masked) this.intact = false;
    if ((this.#opcode & CONTROL) !== 0 && length > MAX_CONTROL_LENGTH) this.intact = false;
    this.#lengthEnd = length === 127 ? 10 : length === 126 ? 4 : 2;
    this.#headerEnd = this.#lengthEnd + (this.#masked ? MASK_LENGTH : 0);
    this.#left = this.#lengthEnd === 2 ? length : 0;
  }
}

/**
 * A Close frame (RFC 6455 §5.5.1).
 * @param code   status code, like 1001
 * @param reason ASCII, at most 123 characters
 * @param masked as a client sends it
 */
export function closeFrame(code: number, reason: string, masked: boolean): Buffer {
  const payload = Buffer.allocUnsafe(2 + reason.length);
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2, 'latin1');
  if (!masked) return Buffer.concat([Buffer.of(FIN | OPCODE_CLOSE, payload.length), payload]);
  const mask = randomBytes(MASK_LENGTH);
  for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] as number) ^ (mask[i % MASK_LENGTH] as number);
  return Buffer.concat([Buffer.of(FIN | OPCODE_CLOSE, MASKED | payload.length), mask, payload]);
}
