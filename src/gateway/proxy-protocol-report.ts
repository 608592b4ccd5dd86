import type { Socket } from 'node:net';
import { peerOf } from './client-connection.ts';
import type { GatewayContext } from './context.ts';
import type { DoorFailure } from './proxy-protocol-door.ts';
import { tellOfUnread } from './tell-unread.ts';

/**
 * Tells of a connection that was closed without an answer because it did not begin with a PROXY protocol header. It is
 * a proxy's, so something is set up wrong, and the log is the only place where that can be seen.
 */
export function reportTurnedAway(socket: Socket, failure: DoorFailure, context: GatewayContext): void {
  tellOfUnread(context, { address: peerOf(socket), code: 'request_rejected', failure });
}
