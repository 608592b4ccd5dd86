import type { Decision } from '../core/decision.ts';
import type { AnswerWatcher, AnswerWriter } from './answer-writer.ts';
import type { ClearHead, ExaminedRequest, RequestHead } from './examine.ts';
import type { ClientHalf, UpstreamHalf } from './forward.ts';
import type { OpenExchange } from './open-exchange.ts';
import type { BodyWatcher } from './request-body.ts';
import type { Upstream } from './upstreams.ts';

/** The connection that a request came on, as its exchange sees it. */
export interface ExchangeConnection {
  /** Where it came from, in canonical form. */
  readonly peer: string;
  /** Requests that have no whole answer yet, in the order in which they came. */
  readonly exchanges: OpenExchange[];
  /** An exchange has ended, one way or the other. */
  ended(exchange: OpenExchange): void;
  /** Cuts it at once. @param resets in a way that cannot be taken for an orderly end */
  sever(resets: boolean): void;
}

/** One request as a front has read it, and the ways that front has to answer and to forward it. */
export interface ClientRequest {
  readonly head: RequestHead | ClearHead;
  readonly connection: ExchangeConnection;
  /** The client waits for a 100 before it sends the body. */
  readonly expectsContinue: boolean;
  /** Called once. */
  answer(examined: ExaminedRequest, watcher: AnswerWatcher): AnswerWriter;
  /** Sends it to an upstream, its body as it comes. Called once at most. @param maxBodyBytes that a body may have */
  forward(
    exchange: ClientHalf & BodyWatcher,
    decision: Decision,
    upstream: Upstream,
    maxBodyBytes: number,
  ): UpstreamHalf;
}
