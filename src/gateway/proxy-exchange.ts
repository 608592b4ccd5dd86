import { performance } from 'node:perf_hooks';
import type { Decision } from '../core/decision.ts';
import type { Denial, DenialCode } from '../core/denial.ts';
import { decide } from '../pipeline.ts';
import type { AnswerWatcher, AnswerWriter } from './answer-writer.ts';
import type { ClientRequest } from './client-request.ts';
import { type GatewayContext, LINGER_BYTES, SWEEP_MS } from './context.ts';
import { type ExaminedRequest, examine } from './examine.ts';
import { describe } from './failure.ts';
import type { ClientHalf, UpstreamHalf } from './forward.ts';
import { asksForWebSocket, CHUNKED } from './framing.ts';
import { BODY_LATE, BROKEN, CLOSES, NO_UPSTREAM, NO_WEBSOCKET, OVERLOADED, TOO_LARGE } from './gateway-denials.ts';
import type { OpenExchange } from './open-exchange.ts';
import type { Policy } from './policy.ts';
import { problemOf } from './problem.ts';
import { type EndedExchange, report } from './report.ts';
import type { BodyWatcher } from './request-body.ts';
import type { Upstream } from './upstreams.ts';

/** One request and its answer, from the head of the one to the last byte of the other: the client's half. */
export class ProxyExchange implements OpenExchange, ClientHalf, EndedExchange, BodyWatcher, AnswerWatcher {
  previous: OpenExchange | null = null;
  next: OpenExchange | null = null;
  readonly examined: ExaminedRequest;
  readonly writer: AnswerWriter;
  readonly startedAt = performance.now();
  decision: Decision | null = null;
  code: DenialCode | null = null;
  failure: string | null = null;
  cutBy: 'client' | 'upstream' | 'gateway' | null = null;
  requestBytes = 0;
  upstreamMs: number | null = null;
  readonly #context: GatewayContext;
  readonly #request: ClientRequest;
  readonly #policy: Policy;
  #forward: UpstreamHalf | null = null;
  #closed = false;
  /** Since when the client is waited for to send, by context.now. */
  #awaitedSince = 0;

  constructor(context: GatewayContext, request: ClientRequest) {
    const { connection } = request;
    this.#context = context;
    this.#request = request;
    this.#policy = context.policy;
    this.examined = examine(request.head, connection.peer, this.#policy, context.clock.now());
    this.writer = request.answer(this.examined, this);
    this.#policy.upstreams.hold();
    connection.exchanges.push(this);
    context.inFlight.add(this);
  }

  get isSafe(): boolean {
    const { method } = this.examined;
    return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  }

  get isReceiving(): boolean {
    return this.writer.isReceiving;
  }

  begin(): void {
    const { examined } = this;
    if (examined.denial !== null) return this.deny(examined.denial);
    // What could be upgraded never comes here.
    if (examined.head.upgrade !== '' && asksForWebSocket(examined.head)) return this.deny(NO_WEBSOCKET);
    const { proxy, upstreams, routes } = this.#policy;
    const upstream = upstreams.select(examined.publicHost, examined.path);
    const { inFlight, gate } = this.#context;
    // Before the checks, so that what cannot be served is not charged to the key.
    if (inFlight.size > proxy.maxRequestsInFlight || upstream?.isFull) return this.deny(OVERLOADED);
    if (examined.bodyLength > proxy.maxBodyBytes) return this.deny(TOO_LARGE);
    try {
      const decision = decide(examined, routes, gate);
      if (!(decision instanceof Promise)) return this.#settle(decision, upstream);
      decision.then((settled) => this.#settle(settled, upstream)).catch((error: unknown) => this.#broke(error));
    } catch (error) {
      this.#broke(error);
    }
  }

  #settle(decision: Decision, upstream: Upstream | null): void {
    this.decision = decision;
    if (this.#closed || this.writer.ended) return;
    if (decision.denial !== null) return this.deny(decision.denial);
    if (upstream === null) return this.deny(NO_UPSTREAM);
    if (upstream.isFull) return this.deny(OVERLOADED);
    this.#forward = this.#request.forward(this, decision, upstream, this.#policy.proxy.maxBodyBytes);
  }

  /** A check failed rather than decided: that is the gateway's fault, and lets nobody in. */
  #broke(error: unknown): void {
    this.failure = error instanceof Error ? describe(error) : 'unknown failure';
    try {
      this.deny(BROKEN);
    } catch {
      this.cut('gateway');
    }
  }

  /** Answers with a denial; cuts the connection when another answer has begun. */
  deny(denial: Denial): void {
    const { writer, examined } = this;
    if (this.#closed || writer.ended) return;
    this.code = denial.code;
    if (writer.status !== 0) return this.cut('gateway');
    const problem = problemOf(denial, examined.requestId, this.#policy.proxy.realm, this.decision);
    writer.problem(problem, CLOSES.has(denial.code) || this.#hasUncertainBody());
  }

  /** The request turned out to be unusable after it was forwarded. */
  abandon(denial: Denial): void {
    this.#forward?.stop('request_ended');
    this.deny(denial);
  }

  upstreamFailed(denial: Denial, failure: string): void {
    this.failure = failure;
    if (this.writer.status === 0) return this.deny(denial);
    this.code = denial.code;
    this.cut('upstream');
  }

  bodyArrived(bytes: number): void {
    this.requestBytes += bytes;
    this.#awaitedSince = this.#context.now;
  }

  bodyAwaited(): void {
    this.#awaitedSince = this.#context.now;
  }

  bodyTooLarge(): void {
    this.abandon(TOO_LARGE);
  }

  drained(): void {
    this.writer.drained();
    this.#forward?.resume();
  }

  /** @param now performance.now() */
  checkDeadlines(now: number): void {
    const idle = this.#policy.proxy.bodyIdleTimeoutMs + SWEEP_MS;
    if (this.writer.isStalled(now, idle)) this.cut('client');
    else if (this.#forward?.awaitsClient && now - this.#awaitedSince > idle) this.abandon(BODY_LATE);
    else this.#forward?.checkDeadlines(now);
  }

  /** Ends the connection in a way that no client can take for the end of the answer. */
  cut(by: 'client' | 'upstream' | 'gateway'): void {
    if (this.#closed || this.cutBy !== null) return;
    this.cutBy = by;
    this.writer.ended = true;
    this.#forward?.stop('request_ended');
    // Where only the end of the connection ends the body, an orderly one would make it look whole.
    this.#request.connection.sever(this.writer.endsWithConnection);
  }

  /** The answer was sent, or the connection is gone. */
  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    const aborted = this.cutBy ?? (this.writer.wasSent ? null : 'client');
    this.writer.ended = true;
    this.#forward?.stop('client_gone');
    this.#context.inFlight.remove(this);
    this.#policy.upstreams.release();
    this.#request.connection.ended(this);
    report(this, aborted, this.#context);
  }

  /** Whether the rest of the body is not worth waiting for. */
  #hasUncertainBody(): boolean {
    if (!this.writer.isReceiving) return false;
    const { bodyLength } = this.examined;
    return bodyLength === CHUNKED || bodyLength > LINGER_BYTES || this.#request.expectsContinue;
  }
}
