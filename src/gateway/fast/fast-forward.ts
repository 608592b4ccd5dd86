import { performance } from 'node:perf_hooks';
import type { Decision } from '../../core/decision.ts';
import type { AbortCode } from '../failure.ts';
import { denialFor, describe, GatewayAbort, mayRetry, UPSTREAM_TIMEOUT, UpstreamError } from '../failure.ts';
import type { ClientHalf, UpstreamHalf } from '../forward.ts';
import type { Upstream } from '../upstreams.ts';
import type { AnswerFields } from './answer-fields.ts';
import { CONNECTING, IDLE, SENDING, SENT, WAITING } from './attempt-phase.ts';
import type { BodySource } from './body.ts';
import { BodyRelay, type BodyRelayOwner } from './body-relay.ts';
import type { PieceWriter } from './piece-writer.ts';
import { DATA, HEAD, INCOMPLETE } from './response-reader.ts';
import { NEVER_HELD_BYTES } from './socket-writes.ts';
import { takesBody, upstreamHead } from './upstream-head.ts';
import type { UpstreamLink } from './upstream-link.ts';
import type { Waiting } from './upstream-pool.ts';

/**
 * The upstream's half of an exchange, over the gateway's own connections: sends the request and hands what comes back to
 * the client's half. What it does is what `Forward` does.
 */
export class FastForward implements UpstreamHalf, BodyRelayOwner, Waiting {
  previousWaiting: Waiting | null = null;
  nextWaiting: Waiting | null = null;
  readonly #exchange: ClientHalf;
  readonly #writer: PieceWriter;
  readonly #decision: Decision;
  readonly #upstream: Upstream;
  readonly #body: BodySource | null;
  #link: UpstreamLink | null = null;
  #phase = IDLE;
  /** Writes the request when it has a body. */
  #relay: BodyRelay | null = null;
  /** Bytes of an answer have come. */
  #began = false;
  #hasHead = false;
  #retried = false;
  #stopped = false;
  #sentAt = 0;
  #firstSentAt = 0;

  /** @param body null when the request has none */
  constructor(exchange: ClientHalf, writer: PieceWriter, decision: Decision, to: Upstream, body: BodySource | null) {
    this.#exchange = exchange;
    this.#writer = writer;
    this.#decision = decision;
    this.#upstream = to;
    this.#body = body;
  }

  get awaitsClient(): boolean {
    return this.#phase === SENDING && this.#relay?.isBlocked === false;
  }

  /** Sends it as soon as there is a connection. @param now performance.now() */
  send(now: number): void {
    if (this.#firstSentAt === 0) this.#firstSentAt = now;
    this.#sentAt = now;
    this.#began = false;
    this.#phase = WAITING;
    this.#upstream.active++;
    this.#upstream.links.add(this);
  }

  stop(_reason: AbortCode): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#body?.detach();
    if (this.#phase === WAITING) this.#upstream.links.remove(this);
    // One that is being made is good for another exchange.
    else if (this.#phase === CONNECTING && this.#link !== null) this.#link.user = null;
    else this.#link?.destroy();
    this.#settled();
  }

  resume(): void {
    const link = this.#link;
    if (link === null || !link.isPaused) return;
    link.takeBackMemory();
    link.clock.restart(performance.now());
    link.resume();
  }

  checkDeadlines(now: number): void {
    if (this.#stopped) return;
    const { totalTimeoutMs, connectTimeoutMs, headTimeoutMs } = this.#upstream.config;
    if (totalTimeoutMs > 0 && now - this.#firstSentAt > totalTimeoutMs) return this.#late('the total timeout passed');
    if (this.#phase < SENDING) {
      if (now - this.#sentAt > connectTimeoutMs + headTimeoutMs) this.#late('no connection became free in time');
      return;
    }
    const link = this.#link as UpstreamLink;
    const late = link.clock.lateness(now, this.awaitsClient, link.isPaused);
    if (late !== null) this.failed(late);
  }

  joined(link: UpstreamLink): void {
    this.#phase = CONNECTING;
    this.#link = link;
  }

  begin(link: UpstreamLink, now: number): void {
    const { examined } = this.#exchange;
    const body = this.#body;
    this.#link = link;
    this.#phase = body === null ? SENT : SENDING;
    link.reader.begin(examined.method === 'HEAD');
    link.clock.begin(now);
    const head = upstreamHead(examined, this.#decision, this.#upstream, body === null ? 0 : body.length);
    if (body === null) {
      link.write(head);
      return;
    }
    this.#relay = new BodyRelay(this, link, head, body);
    body.flowTo(this.#relay);
  }

  requestSent(): void {
    this.#phase = SENT;
    this.#link?.clock.restart(performance.now());
  }

  requestPaused(): void {
    this.#link?.clock.restart(performance.now());
  }

  drained(): void {
    this.#relay?.drained();
  }

  received(bytes: Buffer, length: number): void {
    this.#began = true;
    const link = this.#link as UpstreamLink;
    const { reader } = link;
    const writer = this.#writer;
    reader.feed(bytes, length);
    const now = performance.now();
    while (!this.#stopped) {
      const found = reader.next();
      if (found === INCOMPLETE) return writer.flush();
      if (found === HEAD) this.#answerBegins(reader.status, reader.fields, now);
      if (this.#stopped) return;
      const isWhole = reader.isWhole;
      // First of all: handing on the last of the answer may end the exchange, and must not end the connection.
      if (isWhole) this.#finish(link, now);
      if (found === DATA && reader.dataStart < reader.dataEnd) this.#hand(link);
      if (isWhole) return writer.end();
    }
  }

  closed(error: Error | null): void {
    const link = this.#link;
    if (error !== null || link === null || !this.#hasHead || !link.reader.endsWithConnection) {
      return this.failed(error ?? new UpstreamError('connection_closed', 'The upstream closed the connection'));
    }
    this.#finish(link, performance.now());
    try {
      this.#writer.end();
    } catch {
      this.#exchange.cut('gateway');
    }
  }

  #answerBegins(status: number, fields: AnswerFields, now: number): void {
    const writer = this.#writer;
    this.#link?.clock.restart(now);
    if (status < 200) {
      if (status === 101) throw new GatewayAbort('switched_protocols');
      if (status === 100) throw new UpstreamError('invalid_answer', 'The answer is a 100 that nobody asked for');
      return writer.information(status, fields.raw);
    }
    writer.relay(status, fields, this.#decision);
    this.#hasHead = true;
    this.#link?.clock.headCame(now);
    this.#exchange.upstreamMs = now - this.#sentAt;
  }

  #hand(link: UpstreamLink): void {
    const writer = this.#writer;
    link.clock.heard = true;
    const { bytes, dataStart, dataEnd } = link.reader;
    if (dataEnd - dataStart <= NEVER_HELD_BYTES) {
      if (!writer.smallBody(bytes, dataStart, dataEnd) && !this.#stopped) link.pause();
      return;
    }
    const { data } = link.reader;
    // Into memory that is shared, another connection may read before the client has taken it.
    if (!writer.body(link.ownsMemory ? data : Buffer.from(data)) && !this.#stopped) link.pause();
    if (writer.holdsBytes) link.isHeld = true;
  }

  /** The answer is whole: the connection goes back, or ends when the next answer on it could be another's. */
  #finish(link: UpstreamLink, now: number): void {
    const { reader } = link;
    const { method } = this.#exchange.examined;
    const isReusable = this.#phase === SENT && link.isSettled && reader.keepsAlive && !reader.hasSurplus;
    this.#stopped = true;
    link.answered++;
    this.#body?.detach();
    this.#settled();
    if (isReusable && method !== 'HEAD' && (this.#body === null || takesBody(method))) {
      this.#upstream.links.release(link, reader.keepAliveMs, now);
    } else link.destroy();
  }

  /** The attempt came to nothing: it is made once more where that may be, or the client's half is told. */
  failed(error: Error): void {
    // What failed was the handing on of an answer that had come whole.
    if (this.#phase === IDLE) return this.#exchange.cut('gateway');
    const link = this.#link;
    const { examined } = this.#exchange;
    const attempt = {
      method: examined.method,
      hasBody: this.#body !== null,
      sent: this.#phase >= SENDING,
      began: this.#began,
      reused: link !== null && link.answered > 0,
    };
    link?.destroy();
    this.#settled();
    if (!this.#retried && mayRetry(error, attempt)) {
      this.#retried = true;
      return this.send(performance.now());
    }
    this.#stopped = true;
    this.#body?.detach();
    try {
      this.#exchange.upstreamFailed(denialFor(error, this.#began), describe(error));
    } catch {
      this.#exchange.cut('gateway');
    }
  }

  #late(failure: string): void {
    this.stop('request_ended');
    this.#exchange.upstreamFailed(UPSTREAM_TIMEOUT, failure);
  }

  /** The attempt is over. */
  #settled(): void {
    if (this.#phase === IDLE) return;
    this.#phase = IDLE;
    this.#link = null;
    this.#relay?.end();
    this.#relay = null;
    this.#upstream.active--;
  }
}
