import { UpstreamError } from '../failure.ts';
import { AnswerClass, answerClassOf } from '../headers-client.ts';
import { AnswerFields } from './answer-fields.ts';
import { COLON, CR, DIGIT_0, IN_NAME, LF, MEANING, SPACE } from './bytes.ts';
import { hashOn, NameTable, NO_HASH } from './name-table.ts';

const TAB = 0x09;
const DELETE = 0x7f;

/** What the next byte belongs to. */
const VERSION = 0;
const STATUS = 1;
const AFTER_STATUS = 2;
const REASON = 3;
const REASON_LF = 4;
const LINE = 5;
const NAME = 6;
const BEFORE_VALUE = 7;
const VALUE = 8;
const VALUE_LF = 9;
const END_LF = 10;

/** `HTTP/1.`, and behind it one digit and a space. */
const PROTOCOL = Buffer.from('HTTP/1.', 'latin1');
const VERSION_BYTES = PROTOCOL.length + 2;

const NAMES = new NameTable(answerClassOf);

/** Whether a byte may stand in a header's value or a reason phrase (RFC 9110 §5.5). */
export function isText(byte: number): boolean {
  return byte >= SPACE ? byte !== DELETE : byte === TAB;
}

/**
 * Finds where the parts of an answer's head are, a byte at a time: it goes on where the bytes ended before. Names, values
 * and line ends must be exactly as RFC 9112 has them; nothing is repaired.
 */
export class HeadScanner {
  /** Offset of the next byte to look at. */
  at = 0;
  readonly fields = new AnswerFields();
  status = 0;
  /** 1 for HTTP/1.1, 0 for HTTP/1.0. */
  minor = 1;
  #start = 0;
  #state = VERSION;
  /** Of the header that is being read: of its name the beginning, the hash so far, the end and the meaning; its value. */
  #name = 0;
  #hash = NO_HASH;
  #nameEnd = 0;
  #kind: AnswerClass = AnswerClass.pass;
  #value = 0;

  /** @param start offset of the head's first byte */
  begin(start: number): void {
    this.at = start;
    this.#start = start;
    this.#state = VERSION;
    this.status = 0;
    this.fields.clear();
  }

  /** The bytes were moved so that the head now begins at 0. */
  rebase(): void {
    const start = this.#start;
    this.#start = 0;
    this.at -= start;
    if (start === 0) return;
    this.#name -= start;
    this.#nameEnd -= start;
    this.#value -= start;
    this.fields.move(start);
  }

  /**
   * @param to offset behind the last byte that is there
   * @returns whether the head is whole; `at` is then behind it. Throws UpstreamError when it is none
   */
  scan(bytes: Buffer, to: number): boolean {
    return (this.#state >= LINE || this.#scanStatusLine(bytes, to)) && this.#scanFields(bytes, to);
  }

  #scanStatusLine(bytes: Buffer, to: number): boolean {
    for (let at = this.at; at < to; at++) {
      const byte = bytes[at] as number;
      switch (this.#state) {
        case VERSION:
          this.#version(byte, at - this.#start);
          break;
        case STATUS:
          if (byte < DIGIT_0 || byte > DIGIT_0 + 9) throw invalid('status');
          this.status = this.status * 10 + byte - DIGIT_0;
          if (at - this.#start < VERSION_BYTES + 2) break;
          if (this.status < 100) throw invalid('status');
          this.#state = AFTER_STATUS;
          break;
        case AFTER_STATUS:
          if (byte !== SPACE && byte !== CR) throw invalid('status');
          this.#state = byte === CR ? REASON_LF : REASON;
          break;
        case REASON:
          if (byte === CR) this.#state = REASON_LF;
          else if (!isText(byte)) throw invalid('reason phrase');
          break;
        default:
          if (byte !== LF) throw invalid('line end');
          this.#state = LINE;
          this.at = at + 1;
          return true;
      }
    }
    this.at = to;
    return false;
  }

  #version(byte: number, index: number): void {
    if (index < PROTOCOL.length) {
      if (byte !== PROTOCOL[index]) throw invalid('protocol');
    } else if (index === PROTOCOL.length) {
      this.minor = byte - DIGIT_0;
      if (this.minor !== 0 && this.minor !== 1) throw invalid('protocol version');
    } else {
      if (byte !== SPACE) throw invalid('protocol version');
      this.#state = STATUS;
    }
  }

  #scanFields(bytes: Buffer, to: number): boolean {
    let at = this.at;
    let state = this.#state;
    let hash = this.#hash;
    while (at < to) {
      let byte = bytes[at] as number;
      switch (state) {
        case LINE:
          state = byte === CR ? END_LF : NAME;
          if (state === END_LF) break;
          this.#name = at;
          hash = NO_HASH;
          continue;
        case NAME:
          while (((MEANING[byte] as number) & IN_NAME) !== 0) {
            hash = hashOn(hash, byte);
            if (++at === to) break;
            byte = bytes[at] as number;
          }
          if (at === to) continue;
          if (byte !== COLON || at === this.#name) throw invalid('header name');
          this.#kind = NAMES.find(bytes, this.#name, at, hash);
          this.#nameEnd = at;
          state = BEFORE_VALUE;
          break;
        case BEFORE_VALUE:
          if (byte === SPACE || byte === TAB) break;
          this.#value = at;
          state = VALUE;
          continue;
        case VALUE:
          while (isText(byte) && ++at < to) byte = bytes[at] as number;
          if (at === to) continue;
          if (byte !== CR) throw invalid('header value');
          this.#endValue(bytes, at);
          state = VALUE_LF;
          break;
        default:
          if (byte !== LF) throw invalid('line end');
          if (state === END_LF) {
            this.at = at + 1;
            return true;
          }
          state = LINE;
      }
      at++;
    }
    this.at = at;
    this.#state = state;
    this.#hash = hash;
    return false;
  }

  #endValue(bytes: Buffer, at: number): void {
    const { fields } = this;
    const nameEnd = this.#nameEnd;
    const value = this.#value;
    const end = trimmed(bytes, value, at);
    if (value !== nameEnd + 2 || bytes[nameEnd + 1] !== SPACE || end !== at) fields.isPlain = false;
    fields.add(this.#kind, this.#name, nameEnd, value, end);
  }
}

/** The end of a value without the white space behind it. */
function trimmed(bytes: Buffer, from: number, to: number): number {
  let end = to;
  while (end > from && (bytes[end - 1] === SPACE || bytes[end - 1] === TAB)) end--;
  return end;
}

function invalid(part: string): UpstreamError {
  return new UpstreamError('invalid_answer', `The ${part} of the answer is not HTTP/1.1`);
}
