import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { canonicalAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { newRequestId } from '../core/request-id.ts';
import { FAILURES, type FailureCode, ManagementError } from './failures.ts';
import { problemOf } from './problems.ts';
import { FIXED_HEADERS, LINGER_MS } from './respond.ts';

/** Requests that a client may send without waiting for answers; one that sends more is cut off. */
const MAX_PIPELINED = 16;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What a client was sent when what came was no request, or no whole one. */
export interface Refusal {
  readonly requestId: string;
  readonly status: number;
  readonly code: FailureCode;
}

/** One connection of a client: its requests are answered one after the other. */
export class Connection {
  /** The remote address in canonical form; '' when it was gone before it could be read. */
  readonly address: string;
  /** It closes after the answers that are due. */
  closing = false;
  /** What was sent last on it, when that is not the answer to a request. */
  refusal: Refusal | null = null;
  readonly #socket: Socket;
  /** Requests that have no whole answer yet, in the order in which they came. */
  readonly #open: Exchange[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(socket: Socket) {
    const address = socket.remoteAddress ?? '';
    this.address = canonicalAddress(address) ?? address;
    this.#socket = socket;
    socket.on('error', () => undefined);
  }

  /** @param answer never rejects */
  add(request: IncomingMessage, response: ServerResponse, answer: () => Promise<void>): void {
    if (this.#open.length === MAX_PIPELINED) return void this.#socket.destroy();
    const exchange = { request, response };
    this.#open.push(exchange);
    response.on('close', () => this.#ended(exchange));
    this.#last = this.#last.then(() => (this.#socket.destroyed ? undefined : answer()));
  }

  /** Takes no further request: closes when the answers that are due are out. */
  finish(): void {
    this.closing = true;
    if (this.#open.length === 0) this.#socket.destroySoon();
  }

  /**
   * What came is not a request, or did not come in time. Answers that are due go out first.
   *
   * @returns what was sent, when it belongs to no request that is being answered
   */
  refuse(error: Error, clock: Clock): Refusal | null {
    const socket = this.#socket;
    const failure = failureOf(error);
    if (failure === null || !socket.writable || socket.bytesRead === 0) return this.#cut();
    const [first] = this.#open;
    const isReading = first !== undefined && !first.request.complete;
    if (first !== undefined && !isReading) {
      this.closing = true;
      return null;
    }
    // The parser reports each further piece of what it already gave up on.
    if (this.closing) return null;
    this.closing = true;
    if (first?.response.headersSent === true) return this.#cut();
    const requestId = newRequestId();
    this.refusal = { requestId, status: FAILURES[failure.code].status, code: failure.code };
    socket.end(problemBytes(failure, requestId, clock.now()), 'latin1');
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
    return first === undefined ? this.refusal : null;
  }

  #cut(): null {
    this.#socket.destroy();
    return null;
  }

  /** Also of a stream whose head, long ago, did not say yet that the connection closes. */
  #ended(exchange: Exchange): void {
    this.#open.splice(this.#open.indexOf(exchange), 1);
    if (this.closing && this.#open.length === 0) this.#socket.destroySoon();
  }
}

/** null: the connection failed, and there is nobody to tell. */
function failureOf(error: Error & { readonly code?: string }): ManagementError | null {
  const { code = '' } = error;
  if (code === 'HPE_HEADER_OVERFLOW') return new ManagementError('headers_too_large', 'Send fewer or shorter headers.');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ManagementError('request_timeout', 'Send the head and the body of a request without long pauses.');
  }
  // The client ended the connection in the middle of its request: it has left.
  if (code === 'HPE_INVALID_EOF_STATE' || !code.startsWith('HPE_')) return null;
  return new ManagementError('request_invalid', 'What came is not an HTTP request.');
}

function problemBytes(failure: ManagementError, requestId: string, at: number): string {
  const { status, headers, body } = problemOf(failure, requestId);
  const all = {
    ...FIXED_HEADERS,
    ...headers,
    'X-Request-Id': requestId,
    'Content-Length': Buffer.byteLength(body),
    Date: new Date(at).toUTCString(),
    Connection: 'close',
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`;
}
