import type { Socket } from 'node:net';
import { newRequestId } from '../core/request-id.ts';
import { peerOf } from './client-connection.ts';
import type { GatewayContext } from './context.ts';
import type { DoorFailure } from './proxy-protocol-door.ts';
import { tell } from './tell.ts';

/**
 * Tells of a connection that was closed without an answer because it did not begin with a PROXY protocol header. It is
 * a proxy's, so something is set up wrong, and the log is the only place where that can be seen.
 */
export function reportTurnedAway(socket: Socket, failure: DoorFailure, context: GatewayContext): void {
  tell(context.onExchange, {
    requestId: newRequestId(),
    method: '',
    path: '',
    route: null,
    address: peerOf(socket),
    userAgent: undefined,
    keyId: null,
    keyType: null,
    owner: null,
    previousSecret: false,
    wouldDeny: null,
    allowed: false,
    status: 0,
    code: 'request_rejected',
    aborted: null,
    requestBytes: 0,
    responseBytes: 0,
    at: context.clock.now(),
    durationMs: 0,
    upstreamMs: null,
    failure,
  });
}
