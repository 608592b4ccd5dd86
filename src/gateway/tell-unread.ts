import type { Exchange } from '../core/exchange.ts';
import { newRequestId } from '../core/request-id.ts';
import type { GatewayContext } from './context.ts';
import { tell } from './tell.ts';

/** What can be said of a request that nobody could read. */
export type Unread = Pick<Exchange, 'address' | 'code' | 'failure'> &
  Partial<Pick<Exchange, 'requestId' | 'method' | 'status' | 'responseBytes' | 'at'>>;

/** Tells of what came where a request was due and is none: it has no path, route or key, and took no time. */
export function tellOfUnread(context: GatewayContext, known: Unread): void {
  tell(context.onExchange, {
    requestId: known.requestId ?? newRequestId(),
    method: '',
    path: '',
    route: null,
    userAgent: undefined,
    keyId: null,
    keyType: null,
    owner: null,
    counted: null,
    previousSecret: false,
    wouldDeny: null,
    allowed: false,
    status: 0,
    aborted: null,
    requestBytes: 0,
    responseBytes: 0,
    at: context.clock.now(),
    durationMs: 0,
    upstreamMs: null,
    ...known,
  });
}
