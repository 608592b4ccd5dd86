import { performance } from 'node:perf_hooks';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Decision } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import type { AnswerWriter } from './answer-writer.ts';
import type { ExaminedRequest } from './examine.ts';
import {
  type AbortCode,
  denialFor,
  describe,
  GatewayAbort,
  mayRetry,
  UPSTREAM_INVALID,
  UPSTREAM_TIMEOUT,
} from './failure.ts';
import { upstreamHeaders } from './headers-upstream.ts';
import type { Link, LinkedHandler } from './upstream-connection.ts';
import type { Upstream } from './upstreams.ts';

/** The client's half of an exchange, as the upstream's half sees it. */
export interface ClientHalf {
  readonly examined: ExaminedRequest;
  readonly writer: AnswerWriter;
  readonly decision: Decision | null;
  /** From dispatch to the head of the answer, in milliseconds; null before there is one. */
  upstreamMs: number | null;
  /** No answer comes, or not the rest of it. @param failure what happened, for the log */
  upstreamFailed(denial: Denial, failure: string): void;
  cut(by: 'gateway'): void;
}

/** The body of a request, as undici reads it. */
export interface ForwardedBody extends Readable {
  /** Whether it is the client that is waited for. */
  readonly awaitsClient: boolean;
}

/** The upstream's half of an exchange, as the client's half sees it. */
export interface UpstreamHalf {
  /** Whether it is the client that is waited for, to send more of the body. */
  readonly awaitsClient: boolean;
  /** Ends it, whatever it was doing. The client's half hears nothing more of it. */
  stop(reason: AbortCode): void;
  /** The client reads again. */
  resume(): void;
  /** @param now performance.now() */
  checkDeadlines(now: number): void;
}

/**
 * The upstream's half of an exchange, over undici: sends the request and hands what comes back to the client's half. undici calls it
 * at each step, so that no promise is made on the way.
 */
export class Forward implements LinkedHandler, UpstreamHalf {
  link: Link | null = null;
  readonly #body: ForwardedBody | null;
  readonly #exchange: ClientHalf;
  readonly #upstream: Upstream;
  readonly #options: Dispatcher.DispatchOptions;
  #controller: Dispatcher.DispatchController | null = null;
  #sentAt = 0;
  #firstSentAt = 0;
  #outstanding = false;
  #sent = false;
  #began = false;
  #retried = false;
  #stopped = false;

  constructor(exchange: ClientHalf, decision: Decision, upstream: Upstream, body: ForwardedBody | null) {
    const { examined } = exchange;
    const headers = upstreamHeaders(examined, decision, upstream.config);
    if (examined.bodyLength > 0) headers.push('Content-Length', examined.head.contentLength);
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#body = body;
    this.#options = {
      path: `${upstream.basePath}${examined.path}${examined.query}`,
      method: examined.method,
      headers,
      body,
    };
  }

  get awaitsClient(): boolean {
    return this.#body?.awaitsClient === true;
  }

  send(now: number): void {
    if (this.#firstSentAt === 0) this.#firstSentAt = now;
    this.#sentAt = now;
    this.#sent = false;
    this.#began = false;
    this.#outstanding = true;
    this.#upstream.active++;
    this.#upstream.pool.dispatch(this.#options, this);
  }

  stop(reason: AbortCode): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#body?.destroy();
    this.#controller?.abort(new GatewayAbort(reason));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown rather than aborted: an abort would close a connection that is well.
    if (this.#stopped) throw new GatewayAbort('client_gone');
    this.#controller = controller;
    this.#sent = true;
  }

  onResponseStarted(): void {
    this.#began = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    const raw = (controller.rawHeaders as readonly Buffer[]).map(latin1);
    const { writer, decision } = this.#exchange;
    if (status < 200) {
      if (status === 101) throw new GatewayAbort('switched_protocols');
      return writer.information(status, raw);
    }
    writer.head(status, raw, decision);
    this.#exchange.upstreamMs = performance.now() - this.#sentAt;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#exchange.writer.body(chunk)) controller.pause();
  }

  onResponseEnd(): void {
    const broken = this.link?.broken ?? null;
    if (this.link !== null) this.link.answered++;
    this.#settled();
    if (this.#stopped) return;
    this.#stopped = true;
    this.#body?.destroy();
    if (broken === null) this.#exchange.writer.end();
    // The body had no length, and what ended it was a reset: it may be a part only.
    else this.#exchange.upstreamFailed(UPSTREAM_INVALID, describe(broken));
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#settled();
    if (this.#stopped) return;
    if (!this.#retried && mayRetry(error, this.#attempt())) {
      this.#retried = true;
      // Not within undici's own handling of the failure.
      setImmediate(() => this.#stopped || this.send(performance.now()));
      return;
    }
    this.#stopped = true;
    this.#body?.destroy();
    try {
      this.#exchange.upstreamFailed(denialFor(error, this.#began), describe(error));
    } catch {
      // Thrown from here it would end the process.
      this.#exchange.cut('gateway');
    }
  }

  resume(): void {
    this.#controller?.resume();
  }

  checkDeadlines(now: number): void {
    if (this.#stopped) return;
    const { totalTimeoutMs, connectTimeoutMs, headTimeoutMs } = this.#upstream.config;
    const waits = !this.#sent && now - this.#sentAt > connectTimeoutMs + headTimeoutMs;
    const late = totalTimeoutMs > 0 && now - this.#firstSentAt > totalTimeoutMs;
    if (!waits && !late) return;
    this.stop('request_ended');
    this.#exchange.upstreamFailed(
      UPSTREAM_TIMEOUT,
      late ? 'the total timeout passed' : 'no connection became free in time',
    );
  }

  #attempt() {
    return {
      method: this.#options.method,
      hasBody: this.#body !== null,
      sent: this.#sent,
      began: this.#began,
      reused: this.link !== null && this.link.answered > 0,
    };
  }

  /** undici is done with it. */
  #settled(): void {
    this.#controller = null;
    if (!this.#outstanding) return;
    this.#outstanding = false;
    this.#upstream.active--;
  }
}

function latin1(bytes: Buffer): string {
  return bytes.toString('latin1');
}
