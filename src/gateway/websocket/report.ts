import type { Decision } from '../../core/decision.ts';
import type { DenialCode } from '../../core/denial.ts';
import type { Exchange, ExchangeSink } from '../../core/exchange.ts';
import type { ExaminedRequest } from '../examine.ts';
import { wouldDenyOf } from '../report.ts';
import { tell } from '../tell.ts';

/** How an upgrade ended. */
export interface Ending {
  /** What the client was sent; 0 when it left before. */
  status: number;
  code: DenialCode | null;
  aborted: Exchange['aborted'];
  requestBytes: number;
  responseBytes: number;
  upstreamMs: number | null;
  failure: string | null;
}

/** The ending of an upgrade that nothing is known of yet. */
export function newEnding(): Ending {
  return {
    status: 0,
    code: null,
    aborted: null,
    requestBytes: 0,
    responseBytes: 0,
    upstreamMs: null,
    failure: null,
  };
}

/** Tells of an upgrade that has ended. */
export function reportUpgrade(
  examined: ExaminedRequest,
  decision: Decision | null,
  ending: Ending,
  now: number,
  sink: ExchangeSink,
): void {
  const key = decision?.key;
  tell(sink, {
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
    at: examined.at,
    durationMs: Math.max(0, now - examined.at),
    wouldDeny: wouldDenyOf(decision),
    ...ending,
    failure: ending.failure ?? decision?.denial?.reason ?? null,
  });
}
