import { performance } from 'node:perf_hooks';
import type { Decision } from '../core/decision.ts';
import type { DenialCode } from '../core/denial.ts';
import type { Exchange } from '../core/exchange.ts';
import type { AnswerWriter } from './answer-writer.ts';
import type { GatewayContext } from './context.ts';
import type { ExaminedRequest } from './examine.ts';
import { tell } from './tell.ts';

/** The codes of what is in shadow and would have denied, each once; null: nothing. */
export function wouldDenyOf(decision: Decision | null): readonly DenialCode[] | null {
  const denials = decision?.wouldDeny ?? null;
  return denials === null ? null : [...new Set(denials.map(({ code }) => code))];
}

/** What there is to tell of an exchange that has ended. */
export interface EndedExchange {
  readonly examined: ExaminedRequest;
  readonly writer: AnswerWriter;
  /** performance.now() when its head was complete. */
  readonly startedAt: number;
  readonly decision: Decision | null;
  readonly code: DenialCode | null;
  readonly failure: string | null;
  readonly requestBytes: number;
  readonly upstreamMs: number | null;
}

/** Tells of an exchange that has ended. */
export function report(exchange: EndedExchange, aborted: Exchange['aborted'], context: GatewayContext): void {
  const { examined, decision, writer } = exchange;
  const key = decision?.key;
  tell(context.onExchange, {
    requestId: examined.requestId,
    method: examined.method,
    path: examined.path,
    route: decision?.route?.pattern ?? null,
    address: examined.address,
    userAgent: examined.header('user-agent'),
    keyId: key?.id ?? null,
    keyType: key?.type ?? null,
    owner: key?.owner ?? null,
    counted: key?.recent ?? null,
    previousSecret: decision?.previousSecret ?? false,
    allowed: decision !== null && decision.denial === null,
    status: writer.status,
    code: exchange.code,
    wouldDeny: wouldDenyOf(decision),
    aborted,
    requestBytes: exchange.requestBytes,
    responseBytes: writer.bytes,
    at: examined.at,
    durationMs: performance.now() - exchange.startedAt,
    upstreamMs: exchange.upstreamMs,
    failure: exchange.failure ?? decision?.denial?.reason ?? null,
  });
}
