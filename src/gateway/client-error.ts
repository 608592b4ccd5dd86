import type { Denial } from '../core/denial.ts';
import { newRequestId } from '../core/request-id.ts';
import type { ClientConnection } from './client-connection.ts';
import { type GatewayContext, LINGER_MS } from './context.ts';
import { codeOf } from './failure.ts';
import { HEAD_LATE, HEAD_TOO_LARGE, MALFORMED } from './gateway-denials.ts';
import { problemBytes, problemOf } from './problem.ts';
import { tellOfUnread } from './tell-unread.ts';

/**
 * Ends a connection on which what came is not a request. A request before it that is not answered yet gets its whole
 * answer first, and nothing of this one between.
 * @param reason what the parser, or the socket, reported; or the denial itself
 */
export function refuseUnparsed(
  connection: ClientConnection,
  reason: Error | Denial,
  method: string,
  context: GatewayContext,
): void {
  const { socket } = connection;
  const denial = reason instanceof Error ? denialOf(reason) : reason;
  if (denial === null || !socket.writable) return void socket.destroy();
  if (connection.exchanges.length > 0) return connection.abandonUnread(denial);
  // The parser reports each further piece of what it already gave up on.
  if (connection.closing) return;
  connection.closing = true;
  // A connection that never said anything is not told anything: its user may be about to send a first request.
  if (!connection.hasSpoken) return void socket.destroy();
  const at = context.clock.now();
  const requestId = newRequestId();
  const problem = problemOf(denial, requestId, context.policy.proxy.realm, null);
  socket.end(problemBytes(problem, at), 'latin1');
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
  tellOfUnread(context, {
    requestId,
    method,
    address: connection.peer,
    status: problem.status,
    code: denial.code,
    responseBytes: problem.body.length,
    at,
    failure: reason instanceof Error ? codeOf(reason) : null,
  });
}

/** null: the connection failed, and there is nobody to tell. */
function denialOf(error: Error): Denial | null {
  const code = codeOf(error);
  if (code === 'HPE_HEADER_OVERFLOW') return HEAD_TOO_LARGE;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return HEAD_LATE;
  // The client ended the connection in the middle of its request: it has left.
  if (code === 'HPE_INVALID_EOF_STATE') return null;
  return code.startsWith('HPE_') ? MALFORMED : null;
}
