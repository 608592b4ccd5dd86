import { authenticate } from './checks/authenticate.ts';
import { authorize } from './checks/authorize.ts';
import type { Check } from './checks/check.ts';
import { globalRestrictions } from './checks/global-restrictions.ts';
import { keyStatus } from './checks/key-status.ts';
import { limit } from './checks/limit.ts';
import { restrictions } from './checks/restrictions.ts';
import { type Decision, newDecision } from './core/decision.ts';
import type { Denial } from './core/denial.ts';
import type { Gate } from './core/gate.ts';
import type { MaybePromise } from './core/maybe.ts';
import type { RequestView } from './core/request.ts';
import type { RouteTable } from './core/route.ts';

/**
 * Every check that a request must pass, in order. The first denial ends it. The limit comes last, so that a request
 * that is refused for any other reason spends nothing.
 */
export const CHECKS: readonly Check[] = [globalRestrictions, authenticate, keyStatus, restrictions, authorize, limit];
/** What a request on a public route must pass. */
export const PUBLIC_CHECKS: readonly Check[] = [globalRestrictions];
/** What holds on as long as something is open, as an upgraded connection is: it spends nothing. */
export const LASTING_CHECKS: readonly Check[] = CHECKS.filter((check) => check !== limit);

/**
 * Decides whether a request may pass. Synchronous when all it needs is in memory.
 * @param checks those of a route that is not public
 * @returns the decision; `denial` is null when the request may pass. Never throws for what a client or a store does.
 */
export function decide(
  request: RequestView,
  routes: RouteTable,
  gate: Gate,
  checks: readonly Check[] = CHECKS,
): MaybePromise<Decision> {
  const route = routes.match(request.method, request.path);
  const decision = newDecision(request, route);
  return runFrom(0, route !== null && route.access === 'public' ? PUBLIC_CHECKS : checks, decision, gate);
}

function runFrom(first: number, checks: readonly Check[], decision: Decision, gate: Gate): MaybePromise<Decision> {
  for (let i = first; i < checks.length; i++) {
    const outcome = (checks[i] as Check).run(decision, gate);
    if (outcome === null) continue;
    if (outcome instanceof Promise) return outcome.then((denial) => goOn(denial, i + 1, checks, decision, gate));
    decision.denial = outcome;
    return decision;
  }
  return decision;
}

function goOn(
  denial: Denial | null,
  next: number,
  checks: readonly Check[],
  decision: Decision,
  gate: Gate,
): MaybePromise<Decision> {
  if (denial === null) return runFrom(next, checks, decision, gate);
  decision.denial = denial;
  return decision;
}
