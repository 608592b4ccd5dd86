import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reply } from './endpoint.ts';
import { type Followers, release } from './events.ts';
import { FAILURES, type ManagementError } from './failures.ts';
import { problemOf } from './problems.ts';
import { announcesBody } from './read-body.ts';
import { type Document, MethodNotAllowed } from './router.ts';

/** How long a body that nobody wants is read on, so that its sender comes to see the answer. */
export const LINGER_MS = 1_000;

type Headers = Readonly<Record<string, string>>;

/** On every answer. */
export const FIXED_HEADERS: Headers = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
};

export interface AnswerOptions {
  readonly requestId: string;
  /** A body up to this size is read to its end when it was not wanted, and the connection kept. */
  readonly maxBodyBytes: number;
  /** Whether the connection must close after this answer. */
  readonly mustClose: () => boolean;
}

/** Writes the one answer to one request. */
export class Responder {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: AnswerOptions;

  constructor(request: IncomingMessage, response: ServerResponse, options: AnswerOptions) {
    this.#request = request;
    this.#response = response;
    this.#options = options;
  }

  /** Once the head is on its way, the client can only be told by cutting the connection. */
  fail(failure: ManagementError): void {
    if (this.#response.headersSent) return void this.#response.destroy();
    const { status, headers, body } = problemOf(failure, this.#options.requestId);
    const allow: Headers = failure instanceof MethodNotAllowed ? { Allow: failure.allow } : {};
    this.#send(status, { ...headers, ...allow }, body);
  }

  document({ type, headers, body }: Document): void {
    this.#send(200, { 'Content-Type': type, ...headers }, body());
  }

  /** No CORS header: pages of other origins have no business here. */
  options(allow: string): void {
    this.#send(204, { Allow: allow }, null);
  }

  /** @param gone aborted when the client has left */
  async reply(reply: Reply, followers: Followers, gone: AbortController): Promise<void> {
    if (reply.events !== undefined) return this.#stream(reply.events, followers, gone);
    const headers = {
      ...(reply.version === undefined ? {} : { ETag: `"v${reply.version}"` }),
      ...(reply.location === undefined ? {} : { Location: reply.location }),
    };
    if (reply.status === 204 || reply.body === undefined) return this.#send(reply.status, headers, null);
    this.#send(reply.status, { 'Content-Type': 'application/json', ...headers }, JSON.stringify(reply.body));
  }

  async #stream(events: NonNullable<Reply['events']>, followers: Followers, gone: AbortController): Promise<void> {
    try {
      followers.checkRoom();
    } catch (error) {
      gone.abort();
      release(events[Symbol.asyncIterator]());
      throw error;
    }
    this.#head(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
    if (this.#request.method !== 'HEAD') {
      this.#response.flushHeaders();
      return followers.send(events, this.#response, gone.signal);
    }
    release(events[Symbol.asyncIterator]());
    this.#response.end();
  }

  #send(status: number, headers: Headers, body: string | Buffer | null): void {
    if (this.#response.destroyed) return;
    const isUnread = this.#isBodyLeft();
    const length: Headers =
      body === null
        ? status === 204
          ? {}
          : { 'Content-Length': '0' }
        : { 'Content-Length': String(Buffer.byteLength(body)) };
    if (isUnread) this.#response.shouldKeepAlive = false;
    this.#head(status, { ...headers, ...length });
    if (!isUnread) return void this.#response.end(body ?? undefined);
    if (body === null) this.#response.flushHeaders();
    else this.#response.write(body);
    this.#linger();
  }

  #head(status: number, headers: Headers): void {
    if (this.#options.mustClose()) this.#response.shouldKeepAlive = false;
    this.#response.writeHead(status, { ...FIXED_HEADERS, 'X-Request-Id': this.#options.requestId, ...headers });
  }

  /** Whether more of the body may come than is worth reading. Of a smaller one node drops the rest. */
  #isBodyLeft(): boolean {
    const { headers, complete } = this.#request;
    if (complete || !announcesBody(this.#request)) return false;
    if (headers.expect !== undefined) return true;
    return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > this.#options.maxBodyBytes;
  }

  /** To close while bytes come in would reset the connection, and could take the answer along. */
  #linger(): void {
    const end = (): void => {
      clearTimeout(timer);
      this.#response.end();
    };
    const timer = setTimeout(end, LINGER_MS);
    this.#request.once('close', end);
    this.#request.resume();
  }
}

/** Whether whoever runs this must know of a failure: the caller could do nothing about it. */
export function isOwnFault({ code }: ManagementError): boolean {
  return FAILURES[code].status >= 500;
}
