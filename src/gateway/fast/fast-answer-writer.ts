import { STATUS_CODES } from 'node:http';
import type { Decision } from '../../core/decision.ts';
import type { AnswerWatcher } from '../answer-writer.ts';
import { type GatewayContext, LINGER_MS, STALLED_TIMES } from '../context.ts';
import type { ExaminedRequest } from '../examine.ts';
import { GatewayAbort } from '../failure.ts';
import { linesOf } from '../header-lines.ts';
import { gatewayLines, relayedHead } from '../headers-client.ts';
import type { Problem } from '../problem.ts';
import type { AnswerFields } from './answer-fields.ts';
import type { ClientLine, LineWatcher } from './client-line.ts';
import { dateLine } from './date.ts';
import type { PieceWriter } from './piece-writer.ts';
import { NEVER_HELD_BYTES } from './socket-writes.ts';

/** Writes an answer straight to the client's connection, as node:http would write it. */
export class FastAnswerWriter implements PieceWriter, LineWatcher {
  ended = false;
  bytes = 0;
  status = 0;
  readonly #context: GatewayContext;
  readonly #line: ClientLine;
  readonly #examined: ExaminedRequest;
  readonly #watcher: AnswerWatcher;
  /** Headers that are written with what comes next; '' when they were. */
  #unsentHead = '';
  #chunked = false;
  #isHandedOver = false;
  #sent = false;
  /** When the client was first waited for to read, by context.now; 0 while it is not. */
  #pausedSince = 0;
  /** When the rest of the request's body began to be thrown away; 0 while it is not. */
  #lingersSince = 0;

  constructor(context: GatewayContext, line: ClientLine, examined: ExaminedRequest, watcher: AnswerWatcher) {
    this.#context = context;
    this.#line = line;
    this.#examined = examined;
    this.#watcher = watcher;
  }

  get isReceiving(): boolean {
    return this.#line.isReceiving;
  }

  get holdsBytes(): boolean {
    return this.#line.holdsBytes;
  }

  /** Never: what has no length goes out in chunks. */
  get endsWithConnection(): boolean {
    return false;
  }

  get wasSent(): boolean {
    return this.ended && (this.#sent || this.#lingersSince > 0);
  }

  problem({ status, headers, body }: Problem, closes: boolean): void {
    if (closes || this.#context.draining) this.#line.closing = true;
    this.status = status;
    this.#unsentHead = statusLine(status) + linesOf(headers) + this.#ending(false);
    if (this.#examined.method !== 'HEAD') {
      this.bytes = Buffer.byteLength(body);
      // A body of ASCII has as many bytes as characters, and can share a string with the head.
      if (this.bytes === body.length) this.#unsentHead += body;
      else {
        this.#flushHead();
        this.#line.write(body, 'utf8');
      }
    }
    this.end();
  }

  information(status: number, raw: readonly string[]): void {
    if (this.status !== 0 || this.#line.needsDrain) return;
    this.#line.write(`${statusLine(status)}${linesOf(relayedHead(raw, true).headers)}\r\n`, 'latin1');
  }

  head(status: number, raw: readonly string[], decision: Decision | null): void {
    const { headers, length, coded } = relayedHead(raw, status === 204);
    if (coded) throw new GatewayAbort('unknown_coding');
    this.#begin(status, linesOf(headers), length, namesDate(headers), decision);
    if (length !== 0) process.nextTick(flushHead, this);
  }

  relay(status: number, fields: AnswerFields, decision: Decision | null): void {
    if (!fields.isPlain) return this.head(status, fields.raw, decision);
    const noBody = status === 204;
    this.#begin(status, fields.lines(noBody), noBody ? -1 : fields.length, fields.hasDate, decision);
  }

  /** @param length of the body; -1 when the upstream did not say */
  #begin(status: number, lines: string, length: number, hasDate: boolean, decision: Decision | null): void {
    const { method, requestId } = this.#examined;
    // The upstream answered before it had the whole request: what is left of that would be read as the next one.
    if (this.#context.draining || this.isReceiving) this.#line.closing = true;
    this.status = status;
    this.#chunked = length < 0 && method !== 'HEAD' && status !== 204 && status !== 304;
    const own = gatewayLines(requestId, decision);
    this.#unsentHead = statusLine(status) + lines + (this.#chunked ? own + CHUNKS : own) + this.#ending(hasDate);
  }

  body(chunk: Buffer): boolean {
    if (this.ended || chunk.length === 0) return true;
    if (chunk.length <= NEVER_HELD_BYTES) return this.smallBody(chunk, 0, chunk.length);
    this.bytes += chunk.length;
    return this.#keepsUp(this.#line.writePieces(this.#before(chunk.length), chunk, this.#chunked ? '\r\n' : ''));
  }

  smallBody(bytes: Buffer, from: number, to: number): boolean {
    if (this.ended || from === to) return true;
    this.bytes += to - from;
    // A latin1 string goes out in one write with what is before it, and is a copy.
    const text = this.#before(to - from) + bytes.toString('latin1', from, to);
    return this.#keepsUp(this.#line.write(this.#chunked ? `${text}\r\n` : text, 'latin1'));
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.#chunked) this.#unsentHead += '0\r\n\r\n';
    this.#flushHead();
    if (!this.isReceiving) return this.#handedOver();
    this.#lingersSince = this.#context.now;
    this.#line.discardBody(this);
  }

  drained(): void {
    this.#pausedSince = 0;
  }

  isStalled(now: number, idle: number): boolean {
    if (this.#lingersSince > 0 && !this.#isHandedOver) {
      if (now - this.#lingersSince > LINGER_MS) this.endLinger();
      return false;
    }
    return this.#pausedSince !== 0 && now - this.#pausedSince > STALLED_TIMES * idle;
  }

  discarded(): void {
    this.#handedOver();
  }

  endLinger(): void {
    this.#line.closing = true;
    this.#handedOver();
  }

  flushed(): void {
    this.#sent = true;
    this.#watcher.closed();
  }

  resumed(): void {
    if (!this.ended) this.#watcher.drained();
  }

  flush(): void {
    if (!this.ended) this.#flushHead();
  }

  #flushHead(): void {
    if (this.#unsentHead === '') return;
    this.#line.write(this.#unsentHead, 'latin1');
    this.#unsentHead = '';
  }

  #handedOver(): void {
    if (this.#isHandedOver) return;
    this.#isHandedOver = true;
    this.#pausedSince = this.#context.now;
    this.#line.whenFlushed(this);
  }

  /** What is written before so many bytes of a body. */
  #before(length: number): string {
    const head = this.#unsentHead;
    this.#unsentHead = '';
    return this.#chunked ? `${head}${length.toString(16)}\r\n` : head;
  }

  #keepsUp(keepsUp: boolean): boolean {
    if (!keepsUp) this.#pausedSince = this.#context.now;
    return keepsUp;
  }

  /** What stands at the end of a head. */
  #ending(hasDate: boolean): string {
    const { closing, keepAliveText } = this.#line;
    const connection = closing ? CLOSE : keepAliveText;
    return hasDate ? connection : dateLine(this.#context.clock.now()) + connection;
  }
}

function flushHead(writer: FastAnswerWriter): void {
  writer.flush();
}

const CHUNKS = 'Transfer-Encoding: chunked\r\n';
const CLOSE = 'Connection: close\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\n';

function statusLine(status: number): string {
  return status === 200 ? OK : `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
}

function namesDate(headers: readonly string[]): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.length === 4 && name.toLowerCase() === 'date') return true;
  }
  return false;
}
