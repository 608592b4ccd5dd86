import { EventEmitter, once } from 'node:events';
import type { UpstreamConfig } from '../../../src/config/config.ts';
import { type Decision, newDecision } from '../../../src/core/decision.ts';
import type { Denial } from '../../../src/core/denial.ts';
import { ExaminedRequest } from '../../../src/gateway/examine.ts';
import { GatewayAbort } from '../../../src/gateway/failure.ts';
import type { AnswerFields } from '../../../src/gateway/fast/answer-fields.ts';
import type { BodySink, BodySource } from '../../../src/gateway/fast/body.ts';
import { FastForward } from '../../../src/gateway/fast/fast-forward.ts';
import type { PieceWriter } from '../../../src/gateway/fast/piece-writer.ts';
import { NEVER_HELD_BYTES } from '../../../src/gateway/fast/socket-writes.ts';
import type { ClientHalf } from '../../../src/gateway/forward.ts';
import { readHead } from '../../../src/gateway/head.ts';
import { relayedHead } from '../../../src/gateway/headers-client.ts';
import { Upstream } from '../../../src/gateway/upstreams.ts';
import { loadedKey, NOW, UPSTREAM } from '../../support/gateway.ts';

/** Records what a client would be sent. */
export class RecordingWriter implements PieceWriter {
  ended = false;
  bytes = 0;
  status = 0;
  readonly isReceiving = false;
  readonly endsWithConnection = false;
  readonly wasSent = true;
  /** The first 64 KiB of the body. */
  text = '';
  raw: readonly string[] = [];
  readonly informational: { status: number; raw: readonly string[] }[] = [];
  /** Calls in their order. */
  readonly calls: string[] = [];
  keepsUp = true;
  /** Whether it holds on to the larger pieces that it is given, in `held`. */
  holdsBytes = false;
  readonly held: Buffer[] = [];
  /** Thrown by the call of this name. */
  throwsAt = '';
  readonly #client: StubClient;

  constructor(client: StubClient) {
    this.#client = client;
  }

  problem(): void {
    this.#called('problem');
  }

  information(status: number, raw: readonly string[]): void {
    this.#called('information');
    this.informational.push({ status, raw });
  }

  head(status: number, raw: readonly string[]): void {
    this.#called('head');
    if (relayedHead(raw, status === 204).coded) throw new GatewayAbort('unknown_coding');
    this.status = status;
    this.raw = raw;
    this.#client.emit('head');
  }

  relay(status: number, fields: AnswerFields): void {
    this.head(status, fields.raw);
  }

  smallBody(bytes: Buffer, from: number, to: number): boolean {
    return this.body(bytes.subarray(from, to));
  }

  flush(): void {}

  body(chunk: Buffer): boolean {
    this.#called('body');
    this.bytes += chunk.length;
    if (this.holdsBytes) this.held.push(chunk.length > NEVER_HELD_BYTES ? chunk : Buffer.from(chunk));
    if (this.text.length < 65_536) this.text += chunk.toString('latin1');
    this.#client.emit('body');
    return this.keepsUp;
  }

  end(): void {
    this.#called('end');
    this.ended = true;
    this.#client.over();
  }

  drained(): void {
    this.#called('drained');
  }

  isStalled(): boolean {
    return false;
  }

  #called(name: string): void {
    this.calls.push(name);
    if (this.throwsAt === name) throw new Error(`thrown by ${name}`);
  }
}

/** A client whose request a test makes up. */
export class StubClient extends EventEmitter implements ClientHalf {
  readonly examined: ExaminedRequest;
  readonly writer = new RecordingWriter(this);
  readonly decision: Decision;
  readonly forward: FastForward;
  readonly body: StubBody | null;
  upstreamMs: number | null = null;
  denial: Denial | null = null;
  failure = '';
  isCut = false;
  /** Resolves when the answer has ended, one way or the other. */
  readonly ended: Promise<unknown>;

  constructor(upstream: Upstream, { method = 'GET', path = '/x', headers = [], body = null }: StubRequest = {}) {
    super();
    const raw = ['Host', 'client.test', ...headers];
    const request = { method, url: path, httpVersionMajor: 1, httpVersionMinor: 1, rawHeaders: raw };
    this.examined = new ExaminedRequest(request, readHead(raw, new Set()), '192.0.2.1', NOW);
    this.examined.path = path;
    this.examined.publicHost = 'client.test';
    this.decision = newDecision(this.examined, null);
    this.decision.key = loadedKey();
    this.body = body;
    this.ended = once(this, 'over');
    this.forward = new FastForward(this, this.writer, this.decision, upstream, body);
  }

  send(): this {
    this.forward.send(performance.now());
    return this;
  }

  /** Sends it and waits for the end. */
  async whole(): Promise<this> {
    this.send();
    await this.ended;
    return this;
  }

  over(): void {
    this.emit('over');
  }

  upstreamFailed(denial: Denial, failure: string): void {
    this.denial = denial;
    this.failure = failure;
    this.over();
  }

  cut(): void {
    this.isCut = true;
    this.over();
  }
}

export interface StubRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: readonly string[];
  readonly body?: StubBody | null;
}

/** A body whose pieces a test gives when it likes. */
export class StubBody implements BodySource {
  readonly length: number;
  resumed = 0;
  isDetached = false;
  sink: BodySink | null = null;
  readonly #first: readonly string[];
  readonly #onFlow: () => void;

  /** @param first pieces that are there already */
  constructor(length: number, first: readonly string[] = [], onFlow: () => void = () => undefined) {
    this.length = length;
    this.#first = first;
    this.#onFlow = onFlow;
  }

  /** One that is there as a whole. */
  static of(text: string): StubBody {
    return new StubBody(text.length, [text]);
  }

  flowTo(sink: BodySink): void {
    this.sink = sink;
    let given = 0;
    for (const piece of this.#first) {
      given += piece.length;
      sink.bodyData(Buffer.from(piece, 'latin1'));
    }
    if (given === this.length) sink.bodyEnd();
    this.#onFlow();
  }

  resume(): void {
    this.resumed++;
    this.#onFlow();
  }

  detach(): void {
    this.isDetached = true;
  }
}

interface Test {
  teardown(handler: () => Promise<void>): void;
}

/** An upstream whose connections are cut when the test ends. */
export function upstreamAt(t: Test, url: string, config: Partial<UpstreamConfig> = {}): Upstream {
  const upstream = new Upstream({ ...UPSTREAM, url, ...config });
  t.teardown(async () => {
    await Promise.all([upstream.links.destroy(), upstream.pool.destroy()]);
  });
  return upstream;
}

/** Resolves once something holds; it is asked at every turn of the loop. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
