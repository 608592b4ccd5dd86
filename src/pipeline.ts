import { authenticate } from './checks/authenticate.ts';
import { authorize } from './checks/authorize.ts';
import type { Check } from './checks/check.ts';
import { keyStatus } from './checks/key-status.ts';
import { limit } from './checks/limit.ts';
import { restrictions } from './checks/restrictions.ts';
import type { Decision } from './core/decision.ts';
import type { Gate } from './core/gate.ts';
import type { MaybePromise } from './core/maybe.ts';
import type { RequestView } from './core/request.ts';
import type { RouteTable } from './core/route.ts';

/**
 * Every check that a request must pass, in order. The first denial ends it. The limit comes last, so that a request
 * that is refused for any other reason spends nothing.
 */
export const CHECKS: readonly Check[] = [authenticate, keyStatus, restrictions, authorize, limit];

/**
 * Decides whether a request may pass. Synchronous when all it needs is in memory.
 * @returns the decision; `denial` is null when the request may pass. Never throws for what a client or a store does.
 */
export function decide(request: RequestView, routes: RouteTable, gate: Gate): MaybePromise<Decision> {
  const route = routes.match(request.method, request.path);
  const decision: Decision = { request, route, key: null, previousSecret: false, lease: null, denial: null };
  return route !== null && route.access === 'public' ? decision : runFrom(0, decision, gate);
}

function runFrom(first: number, decision: Decision, gate: Gate): MaybePromise<Decision> {
  for (let i = first; i < CHECKS.length; i++) {
    const outcome = (CHECKS[i] as Check)(decision, gate);
    if (outcome === null) continue;
    if (outcome instanceof Promise) {
      return outcome.then((denial) => {
        if (denial === null) return runFrom(i + 1, decision, gate);
        decision.denial = denial;
        return decision;
      });
    }
    decision.denial = outcome;
    return decision;
  }
  return decision;
}
