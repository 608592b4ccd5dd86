import type { IncomingMessage } from 'node:http';
import type { Decision } from '../core/decision.ts';
import { type Answer, discardBody } from './answer.ts';
import type { ClientConnection } from './client-connection.ts';
import { type GatewayContext, LINGER_BYTES, LINGER_MS } from './context.ts';
import type { ExaminedRequest } from './examine.ts';
import { GatewayAbort } from './failure.ts';
import { pushGatewayHeaders, relayedHead } from './headers-client.ts';
import type { Problem } from './problem.ts';

/** A body up to this size that came whole with the head is sent with it in one piece. */
const ONE_PIECE_BYTES = 16 * 1024;
/**
 * How many times longer than for a client that sends we wait for one that reads: the system takes more from us only when
 * a good part of its own buffer is free again, and a slow but honest reader needs a while for that.
 */
const STALLED_TIMES = 4;

/** Writes one answer: the upstream's as it comes, or a problem of the gateway's own. */
export class AnswerWriter {
  readonly answer: Answer;
  /** Nothing more is written: all of the answer was handed over, or the connection was cut. */
  ended = false;
  /** Bytes of the body that were written. */
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
    this.answer = answer;
  }

  /** Whether the client still owes a part of the request's body. */
  get isReceiving(): boolean {
    return this.#examined.bodyLength !== 0 && !this.#request.complete;
  }

  /** Whether only the end of the connection tells the end of the body. */
  get endsWithConnection(): boolean {
    return this.#length < 0 && this.#request.httpVersionMinor === 0;
  }

  /** Whether the answer has reached the system whole. Only to be asked once it is closed. */
  get wasSent(): boolean {
    // Node takes the socket away from an answer that was sent, and leaves it to one that the connection's end cut short.
    return this.ended && (this.#lingersSince > 0 || (this.answer.socket === null && this.answer.writableFinished));
  }

  /** @param closes the connection must not carry another request */
  problem({ status, headers, body }: Problem, closes: boolean): void {
    if (closes || this.#context.draining) this.#closeAfter();
    this.answer.writeHead(status, headers);
    if (this.#examined.method === 'HEAD') {
      this.answer.flushHeaders();
    } else {
      this.bytes = Buffer.byteLength(body);
      this.answer.write(body);
    }
    this.end();
  }

  /** Relays a 1xx answer to a client that knows of them and keeps up: it may do without, and none is kept for it. */
  information(status: number, raw: readonly Buffer[]): void {
    const { answer } = this;
    // Behind another answer it would be sent before that one's end.
    if (this.#request.httpVersionMinor === 0 || answer.socket === null || answer.headersSent) return;
    if (answer.socket.writableNeedDrain) return;
    answer.writeInformation(status, relayedHead(raw, true).headers);
  }

  /** Throws when the upstream's head is none that can be sent. */
  head(status: number, raw: readonly Buffer[], decision: Decision | null): void {
    const { headers, length, coded } = relayedHead(raw, status === 204);
    if (coded) throw new GatewayAbort('unknown_coding');
    pushGatewayHeaders(headers, this.#examined.requestId, decision);
    // The upstream answered before it had the whole request: what is left of that would be read as the next one.
    if (this.#context.draining || this.isReceiving) this.#closeAfter();
    this.answer.writeHead(status, headers);
    this.#length = length;
    if (length !== 0) process.nextTick(flushHead, this);
  }

  /** @returns whether the client keeps up; when not, the answer's watcher is told once it does */
  body(chunk: Buffer): boolean {
    if (this.ended) return true;
    const { answer } = this;
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

  /** All of the answer was written. While the client still sends, closing would take the answer from it. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (!this.isReceiving) {
      this.#pausedSince = this.#context.now;
      this.answer.end();
      return;
    }
    this.#lingersSince = this.#context.now;
    discardBody(
      this.#request,
      LINGER_BYTES,
      () => this.#endLinger(),
      () => this.answer.end(),
    );
  }

  drained(): void {
    this.#pausedSince = 0;
  }

  /** Sends the head when no body came with it, so that a stream's client knows that it has begun. */
  flushHead(): void {
    // An empty piece takes the head along. flushHeaders would do too, but writes it as UTF-8.
    if (!this.#bodyBegan && !this.ended && !this.answer.destroyed) this.answer.write('', 'latin1');
  }

  /**
   * Ends what has lingered long enough.
   * @param now  performance.now()
   * @param idle milliseconds that a client may pause while it sends
   * @returns whether the client has not read for too long
   */
  isStalled(now: number, idle: number): boolean {
    if (this.#lingersSince > 0) {
      if (now - this.#lingersSince > LINGER_MS) this.#endLinger();
      return false;
    }
    if (this.#pausedSince === 0) return false;
    // Behind another answer it is not this one that the client does not read.
    if (this.answer.socket === null) this.#pausedSince = now;
    return now - this.#pausedSince > STALLED_TIMES * idle;
  }

  #closeAfter(): void {
    this.answer.shouldKeepAlive = false;
    this.#connection.closing = true;
  }

  #endLinger(): void {
    this.#connection.closing = true;
    this.answer.end();
  }
}

function flushHead(writer: AnswerWriter): void {
  writer.flushHead();
}
