import { performance } from 'node:perf_hooks';
import type { Decision } from '../../core/decision.ts';
import type { AnswerWatcher, AnswerWriter } from '../answer-writer.ts';
import type { ClientRequest, ExchangeConnection } from '../client-request.ts';
import type { GatewayContext } from '../context.ts';
import type { ExaminedRequest } from '../examine.ts';
import { type ClientHalf, Forward, type UpstreamHalf } from '../forward.ts';
import type { BodyWatcher } from '../request-body.ts';
import type { Upstream } from '../upstreams.ts';
import { BodyStream } from './body-stream.ts';
import type { ClientLine } from './client-line.ts';
import { FastAnswerWriter } from './fast-answer-writer.ts';
import { FastForward } from './fast-forward.ts';
import type { ReceivedBody } from './received-body.ts';
import type { PlainHead } from './request-reader.ts';

/** The connection that such a request comes on. */
export type FastClient = ExchangeConnection & ClientLine;

/** A request in the strict common form. */
export class FastRequest implements ClientRequest {
  readonly head: PlainHead;
  readonly connection: FastClient;
  readonly expectsContinue = false;
  writer: FastAnswerWriter | null = null;
  readonly #context: GatewayContext;

  readonly #body: ReceivedBody | null;

  constructor(context: GatewayContext, connection: FastClient, head: PlainHead, body: ReceivedBody | null) {
    this.#body = body;
    this.#context = context;
    this.connection = connection;
    this.head = head;
  }

  answer(examined: ExaminedRequest, watcher: AnswerWatcher): AnswerWriter {
    this.writer = new FastAnswerWriter(this.#context, this.connection, examined, watcher);
    return this.writer;
  }

  forward(exchange: ClientHalf & BodyWatcher, decision: Decision, upstream: Upstream): UpstreamHalf {
    const { writer } = this;
    this.#body?.watch(exchange);
    // `Forward` can speak to all upstreams.
    const forward =
      writer !== null && upstream.links.isWritable
        ? new FastForward(exchange, writer, decision, upstream, this.#body)
        : new Forward(exchange, decision, upstream, this.#body === null ? null : new BodyStream(this.#body));
    forward.send(performance.now());
    return forward;
  }
}
