import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { compilePermissions } from '../core/permission.ts';
import { requestIdFrom } from '../core/request-id.ts';
import { type ManagementAnswer, type OnAnswer, tellAnswer } from './answer.ts';
import type { Admit } from './auth/throttle.ts';
import { tokenFaultOf } from './auth/token-fault.ts';
import type { Refusal } from './connection.ts';
import type { Followers } from './events.ts';
import { failureOf } from './problems.ts';
import { ClientGone } from './read-body.ts';
import { checkHeaders, readRequest } from './read-request.ts';
import { isOwnFault, Responder } from './respond.ts';
import type { Router } from './router.ts';
import { parseTarget } from './target.ts';

/** What all requests share. */
export interface ManagementContext {
  readonly clock: Clock;
  readonly router: Router;
  readonly admit: Admit;
  readonly followers: Followers;
  readonly maxBodyBytes: number;
  readonly onFailure: (error: unknown, requestId: string) => void;
  readonly onAnswer: OnAnswer;
}

/** One request, and where its answer goes. */
export interface Incoming {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Canonical address that it came from. */
  readonly address: string;
  /** Whether the connection must close after the answer. */
  readonly mustClose: () => boolean;
  /** What was sent in its answer's place because the rest of the request did not come; null: nothing. */
  readonly refusal: () => Refusal | null;
}

/** What is found out about a request while it is answered. */
type Found = { -readonly [Name in 'operation' | 'path' | 'subject' | 'code' | 'tokenFault']: ManagementAnswer[Name] };

/** Answers one request, whatever it is and whatever goes wrong. Never rejects. */
export async function answerRequest(context: ManagementContext, incoming: Incoming): Promise<void> {
  const { request, response, mustClose } = incoming;
  const { maxBodyBytes, onFailure } = context;
  const requestId = requestIdFrom(request.headers['x-request-id']?.toString() ?? '');
  const found: Found = { operation: null, path: null, subject: null, code: null, tokenFault: null };
  const startedAt = context.clock.now();
  const responder = new Responder(request, response, { requestId, maxBodyBytes, mustClose });
  const gone = new AbortController();
  response.on('error', () => undefined);
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
    report(context.onAnswer, incoming, {
      ...found,
      requestId,
      durationMs: Math.max(0, context.clock.now() - startedAt),
    });
  });
  try {
    await answer(context, incoming, responder, requestId, gone, found);
  } catch (error) {
    if (error instanceof ClientGone) return;
    const failure = failureOf(error);
    found.code = failure.code;
    found.tokenFault = tokenFaultOf(failure);
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
  found: Found,
): Promise<void> {
  checkHeaders(request);
  const target = parseTarget(request.url ?? '');
  const led = context.router.find(request.method ?? '', target.segments);
  if (led.kind === 'options') return responder.options(led.allow);
  if (led.kind === 'document') {
    found.path = led.document.path;
    return responder.document(led.document);
  }
  const { endpoint, params } = led;
  found.operation = endpoint.operationId;
  found.path = endpoint.path;
  const { subject, permissions, expiresAt } = await context.admit(request.headers.authorization, address);
  found.subject = subject;
  const asked = await readRequest(endpoint, params, target.query, request, response, context.maxBodyBytes);
  const caller = { subject, permissions: compilePermissions(permissions), from: address, requestId, expiresAt };
  const reply = await endpoint.handle({ ...asked, caller, signal: gone.signal });
  await responder.reply(reply, context.followers, gone);
}

function report(
  onAnswer: OnAnswer,
  { request, response, address, refusal }: Incoming,
  known: Found & Pick<ManagementAnswer, 'requestId' | 'durationMs'>,
): void {
  const { method = null } = request;
  const sent = response.headersSent ? null : refusal();
  const status = response.headersSent ? response.statusCode : 0;
  tellAnswer(onAnswer, { ...known, method, address, status, ...sent });
}

function tell(onFailure: ManagementContext['onFailure'], error: unknown, requestId: string): void {
  try {
    onFailure(error, requestId);
  } catch {
    // Whoever is told must not fail; there is nobody left to tell.
  }
}
