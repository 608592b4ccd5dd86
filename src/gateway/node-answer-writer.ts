import type { IncomingMessage } from 'node:http';
import type { Decision } from '../core/decision.ts';
import { type Answer, discardBody } from './answer.ts';
import type { AnswerWriter } from './answer-writer.ts';
import type { ClientConnection } from './client-connection.ts';
import { type GatewayContext, LINGER_BYTES, LINGER_MS, STALLED_TIMES } from './context.ts';
import type { ExaminedRequest } from './examine.ts';
import { GatewayAbort } from './failure.ts';
import { pushGatewayHeaders, relayedHead } from './headers-client.ts';
import type { Problem } from './problem.ts';

/** A body up to this size that came whole with the head is sent with it in one piece. */
const ONE_PIECE_BYTES = 16 * 1024;

/** Writes an answer through node:http. */
export class NodeAnswerWriter implements AnswerWriter {
  readonly #answer: Answer;
  ended = false;
  bytes = 0;
  readonly #context: GatewayContext;
  readonly #connection: ClientConnection;
  readonly #request: IncomingMessage;
  readonly #examined: ExaminedRequest;
  #length = -1;
  #bodyBegan = false;
  /** When the client was first waited for to read, by context.now; 0 while it is not. */
  #pausedSince = 0;
  /** When the rest of the request's body began to be thrown away; 0 while it is not. */
  #lingersSince = 0;

  constructor(
    context: GatewayContext,
    connection: ClientConnection,
    request: IncomingMessage,
    answer: Answer,
    examined: ExaminedRequest,
  ) {
    this.#context = context;
    this.#connection = connection;
    this.#request = request;
    this.#examined = examined;
    this.#answer = answer;
  }

  get status(): number {
    return this.#answer.headersSent ? this.#answer.statusCode : 0;
  }

  get isReceiving(): boolean {
    return this.#examined.bodyLength !== 0 && !this.#request.complete;
  }

  get endsWithConnection(): boolean {
    return this.#length < 0 && this.#request.httpVersionMinor === 0;
  }

  get wasSent(): boolean {
    // Node takes the socket away from an answer that was sent, and leaves it to one that the connection's end cut short.
    return this.ended && (this.#lingersSince > 0 || (this.#answer.socket === null && this.#answer.writableFinished));
  }

  problem({ status, headers, body }: Problem, closes: boolean): void {
    if (closes || this.#context.draining) this.#closeAfter();
    this.#answer.writeHead(status, headers);
    if (this.#examined.method === 'HEAD') {
      this.#answer.flushHeaders();
    } else {
      this.bytes = Buffer.byteLength(body);
      this.#answer.write(body);
    }
    this.end();
  }

  information(status: number, raw: readonly string[]): void {
    const answer = this.#answer;
    // Behind another answer it would be sent before that one's end.
    if (this.#request.httpVersionMinor === 0 || answer.socket === null || answer.headersSent) return;
    if (answer.socket.writableNeedDrain) return;
    answer.writeInformation(status, relayedHead(raw, true).headers);
  }

  head(status: number, raw: readonly string[], decision: Decision | null): void {
    const { headers, length, coded } = relayedHead(raw, status === 204);
    if (coded) throw new GatewayAbort('unknown_coding');
    pushGatewayHeaders(headers, this.#examined.requestId, decision);
    // The upstream answered before it had the whole request: what is left of that would be read as the next one.
    if (this.#context.draining || this.isReceiving) this.#closeAfter();
    this.#answer.writeHead(status, headers);
    this.#length = length;
    if (length !== 0) process.nextTick(flushHead, this);
  }

  body(chunk: Buffer): boolean {
    if (this.ended) return true;
    const answer = this.#answer;
    this.bytes += chunk.length;
    if (!this.#bodyBegan) {
      this.#bodyBegan = true;
      if (chunk.length === this.#length && chunk.length <= ONE_PIECE_BYTES && !this.isReceiving) {
        // A latin1 string goes out with the head in one write; a Buffer would be a second one.
        this.ended = true;
        this.#pausedSince = this.#context.now;
        answer.end(chunk.toString('latin1'), 'latin1');
        return true;
      }
    }
    if (answer.write(chunk)) return true;
    this.#pausedSince = this.#context.now;
    answer.onceDrained();
    return false;
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (!this.isReceiving) return this.#endAnswer();
    this.#pausedSince = 0;
    this.#lingersSince = this.#context.now;
    discardBody(
      this.#request,
      LINGER_BYTES,
      () => this.#endLinger(),
      () => this.#endAnswer(),
    );
  }

  drained(): void {
    this.#pausedSince = 0;
  }

  /** Sends the head when no body came with it, so that a stream's client knows that it has begun. */
  flushHead(): void {
    // An empty piece takes the head along. flushHeaders would do too, but writes it as UTF-8.
    if (!this.#bodyBegan && !this.ended && !this.#answer.destroyed) this.#answer.write('', 'latin1');
  }

  isStalled(now: number, idle: number): boolean {
    if (this.#lingersSince > 0 && this.#pausedSince === 0) {
      if (now - this.#lingersSince > LINGER_MS) this.#endLinger();
      return false;
    }
    if (this.#pausedSince === 0) return false;
    // Behind another answer it is not this one that the client does not read.
    if (this.#answer.socket === null) this.#pausedSince = now;
    return now - this.#pausedSince > STALLED_TIMES * idle;
  }

  #closeAfter(): void {
    this.#answer.shouldKeepAlive = false;
    this.#connection.closeBehindAnswer();
  }

  /** From here on the client is only waited for to read. */
  #endAnswer(): void {
    this.#pausedSince = this.#context.now;
    this.#answer.end();
  }

  #endLinger(): void {
    this.#connection.closing = true;
    if (this.#pausedSince === 0) this.#endAnswer();
  }
}

function flushHead(writer: NodeAnswerWriter): void {
  writer.flushHead();
}
