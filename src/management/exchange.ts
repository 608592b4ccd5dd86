import type { IncomingMessage, ServerResponse } from 'node:http';
import { compilePermissions } from '../core/permission.ts';
import { requestIdFrom } from '../core/request-id.ts';
import type { Admit } from './auth/throttle.ts';
import type { Followers } from './events.ts';
import { failureOf } from './problems.ts';
import { ClientGone } from './read-body.ts';
import { checkHeaders, readRequest } from './read-request.ts';
import { isOwnFault, Responder } from './respond.ts';
import type { Router } from './router.ts';
import { parseTarget } from './target.ts';

/** What all requests share. */
export interface ManagementContext {
  readonly router: Router;
  readonly admit: Admit;
  readonly followers: Followers;
  readonly maxBodyBytes: number;
  readonly onFailure: (error: unknown, requestId: string) => void;
}

/** One request, and where its answer goes. */
export interface Incoming {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Canonical address that it came from. */
  readonly address: string;
  /** Whether the connection must close after the answer. */
  readonly mustClose: () => boolean;
}

/** Answers one request, whatever it is and whatever goes wrong. Never rejects. */
export async function answerRequest(context: ManagementContext, incoming: Incoming): Promise<void> {
  const { request, response, mustClose } = incoming;
  const { maxBodyBytes, onFailure } = context;
  const requestId = requestIdFrom(request.headers['x-request-id']?.toString() ?? '');
  const responder = new Responder(request, response, { requestId, maxBodyBytes, mustClose });
  const gone = new AbortController();
  response.on('error', () => undefined);
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  try {
    await answer(context, incoming, responder, requestId, gone);
  } catch (error) {
    if (error instanceof ClientGone) return;
    const failure = failureOf(error);
    // What a handler fails with when its caller has left is mostly that.
    if (isOwnFault(failure) && !gone.signal.aborted) tell(onFailure, error, requestId);
    responder.fail(failure);
  }
}

async function answer(
  context: ManagementContext,
  { request, response, address }: Incoming,
  responder: Responder,
  requestId: string,
  gone: AbortController,
): Promise<void> {
  checkHeaders(request);
  const target = parseTarget(request.url ?? '');
  const found = context.router.find(request.method ?? '', target.segments);
  if (found.kind === 'document') return responder.document(found.document);
  if (found.kind === 'options') return responder.options(found.allow);
  const { endpoint, params } = found;
  const { subject, permissions } = await context.admit(request.headers.authorization, address);
  const asked = await readRequest(endpoint, params, target.query, request, response, context.maxBodyBytes);
  const caller = { subject, permissions: compilePermissions(permissions), from: address, requestId };
  const reply = await endpoint.handle({ ...asked, caller, signal: gone.signal });
  await responder.reply(reply, context.followers, gone);
}

function tell(onFailure: ManagementContext['onFailure'], error: unknown, requestId: string): void {
  try {
    onFailure(error, requestId);
  } catch {
    // Whoever is told must not fail; there is nobody left to tell.
  }
}
