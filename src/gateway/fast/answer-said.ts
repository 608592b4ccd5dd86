import { UpstreamError } from '../failure.ts';
import { AnswerClass, namesHeaders } from '../headers-client.ts';
import type { AnswerFields } from './answer-fields.ts';

/** Digits of a Content-Length: fewer than a number loses precision at. */
const MOST_LENGTH_DIGITS = 15;

/** What the headers of an answer say of its framing and of the connection. */
export class AnswerSaid {
  /** The `timeout` of Keep-Alive in milliseconds; -1 when there is none. */
  keepAliveMs = -1;
  /** Said by this head, or by an informational one before it. */
  saysClose = false;
  saysKeepAlive = false;
  /** There is a transfer coding, and it is `chunked`, once and alone. */
  isCoded = false;
  isChunked = false;
  #connections = 0;

  /** Another answer is due. */
  begin(): void {
    this.saysClose = false;
  }

  /** Throws UpstreamError when the length is none, or there twice. */
  read(fields: AnswerFields): void {
    this.keepAliveMs = -1;
    this.saysKeepAlive = false;
    this.isCoded = false;
    this.isChunked = false;
    this.#connections = 0;
    for (let i = 0; i < fields.count; i++) {
      const kind = fields.kind(i);
      if (kind > AnswerClass.drop) this.#note(fields, kind, fields.value(i));
    }
  }

  #note(fields: AnswerFields, kind: AnswerClass, value: string): void {
    switch (kind) {
      case AnswerClass.connection:
        if (++this.#connections > 1 || namesHeaders(value)) fields.isPlain = false;
        this.#noteConnection(value);
        break;
      case AnswerClass.keepAlive:
        if (this.keepAliveMs < 0) this.keepAliveMs = keepAliveOf(value);
        break;
      case AnswerClass.contentLength:
        if (fields.length >= 0) throw new UpstreamError('invalid_answer', 'The answer has more than one length');
        fields.length = lengthOf(value);
        // Zeros in front do not go on.
        if (value.length > 1 && value.startsWith('0')) fields.isPlain = false;
        break;
      default:
        this.isChunked = !this.isCoded && value.toLowerCase() === 'chunked';
        this.isCoded = true;
        if (!this.isChunked) fields.isPlain = false;
    }
  }

  #noteConnection(value: string): void {
    if (value === 'keep-alive') this.saysKeepAlive = true;
    else if (value === 'close') this.saysClose = true;
    else
      for (const token of value.toLowerCase().split(',')) {
        const option = token.trim();
        if (option === 'close') this.saysClose = true;
        else if (option === 'keep-alive') this.saysKeepAlive = true;
      }
  }
}

/** The value of a Content-Length; zeros in front are taken. Throws UpstreamError when it is none. */
function lengthOf(value: string): number {
  let length = value.length === 0 || value.length > MOST_LENGTH_DIGITS ? -1 : 0;
  for (let i = 0; i < value.length && length >= 0; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    length = digit >= 0 && digit <= 9 ? length * 10 + digit : -1;
  }
  if (length < 0) throw new UpstreamError('invalid_answer', 'The length of the answer is not a number');
  return length;
}

let lastKeepAlive = '';
let lastKeepAliveMs = -1;

/** The `timeout` of a Keep-Alive header in milliseconds; -1 when it has none. Upstreams say the same each time. */
function keepAliveOf(value: string): number {
  if (value !== lastKeepAlive) {
    const seconds = /timeout=(\d{1,9})/.exec(value)?.[1];
    lastKeepAlive = value;
    lastKeepAliveMs = seconds === undefined ? -1 : Number(seconds) * 1000;
  }
  return lastKeepAliveMs;
}
