import type { IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Decision } from '../core/decision.ts';
import type { Answer } from './answer.ts';
import type { AnswerWatcher, AnswerWriter } from './answer-writer.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ClientRequest } from './client-request.ts';
import type { GatewayContext } from './context.ts';
import type { ExaminedRequest } from './examine.ts';
import { type ClientHalf, Forward, type UpstreamHalf } from './forward.ts';
import { NodeAnswerWriter } from './node-answer-writer.ts';
import { type BodyWatcher, RequestBody } from './request-body.ts';
import type { Upstream } from './upstreams.ts';

/** A request that node:http has read. */
export class NodeRequest implements ClientRequest {
  readonly head: IncomingMessage;
  readonly connection: ClientConnection;
  readonly expectsContinue: boolean;
  readonly #context: GatewayContext;
  readonly #answer: Answer;

  constructor(
    context: GatewayContext,
    connection: ClientConnection,
    request: IncomingMessage,
    answer: Answer,
    expectsContinue: boolean,
  ) {
    this.#context = context;
    this.connection = connection;
    this.head = request;
    this.#answer = answer;
    this.expectsContinue = expectsContinue;
  }

  answer(examined: ExaminedRequest, watcher: AnswerWatcher): AnswerWriter {
    this.#answer.watch(watcher);
    return new NodeAnswerWriter(this.#context, this.connection, this.head, this.#answer, examined);
  }

  forward(
    exchange: ClientHalf & BodyWatcher,
    decision: Decision,
    upstream: Upstream,
    maxBodyBytes: number,
  ): UpstreamHalf {
    let body: RequestBody | null = null;
    if (exchange.examined.bodyLength !== 0) {
      body = new RequestBody(this.head, maxBodyBytes, exchange);
      // Behind another answer it would be sent before that one's end.
      if (this.expectsContinue && this.#answer.socket !== null) this.#answer.writeContinue();
    }
    const forward = new Forward(exchange, decision, upstream, body);
    forward.send(performance.now());
    return forward;
  }
}
