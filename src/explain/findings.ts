import type { Check } from '../checks/check.ts';
import { globalRestrictions } from '../checks/global-restrictions.ts';
import { limit } from '../checks/limit.ts';
import { restrictions } from '../checks/restrictions.ts';
import { type CompiledRestriction, type LoadedKey, newDecision } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import type { Gate } from '../core/gate.ts';
import { CHECKS, PUBLIC_CHECKS } from '../pipeline.ts';
import { restsOnUnknown } from './described-view.ts';
import type { Verdict } from './explanation.ts';
import { areLimitsKnown, type PreparedSituation } from './situation.ts';

/** What came of one check, or of one of its restrictions, when it was asked by itself. */
export interface Finding {
  readonly check: Check;
  /** null for a check that is one thing. */
  readonly restriction: CompiledRestriction | null;
  readonly verdict: Verdict;
  /** Also that of what is in shadow. */
  readonly denial: Denial | null;
  /** What it looked at and was not given. */
  readonly missed: readonly string[];
  /** Whether it looks at what a gateway knows and this process does not. */
  readonly isUnknownHere: boolean;
}

/** A check with all but one of its restrictions out of the way. */
interface Part {
  readonly restriction: CompiledRestriction | null;
  readonly key: LoadedKey;
  readonly gate: Gate;
}

/** Asks every check, also those that a request would not get to. */
export async function findingsOf(prepared: PreparedSituation): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of CHECKS) {
    if (prepared.route?.access === 'public' && !PUBLIC_CHECKS.includes(check)) {
      const nothing = { denial: null, missed: [], isUnknownHere: false };
      findings.push({ check, restriction: null, verdict: 'skipped', ...nothing });
      continue;
    }
    for (const part of partsOf(check, prepared)) findings.push(await findingOf(check, part, prepared));
  }
  return findings;
}

function partsOf(check: Check, { gate, key }: PreparedSituation): Part[] {
  if (check === globalRestrictions && gate.restrictions.length > 0) {
    return gate.restrictions.map((restriction) => ({
      restriction,
      key,
      gate: { ...gate, restrictions: [restriction] },
    }));
  }
  if (check === restrictions && key.restrictions.length > 0) {
    return key.restrictions.map((restriction) => ({
      restriction,
      key: { ...key, restrictions: [restriction] },
      gate,
    }));
  }
  return [{ restriction: null, key, gate }];
}

async function findingOf(
  check: Check,
  { restriction, key, gate }: Part,
  { view, route, limits, situation }: PreparedSituation,
): Promise<Finding> {
  const decision = newDecision(view, route);
  decision.key = key;
  const enforced = await check.run(decision, gate);
  const shadowed = decision.wouldDeny?.[0] ?? null;
  const denial = enforced ?? shadowed;
  const missed = restriction === null ? [] : view.missed;
  const isUnknownHere = restriction !== null && restsOnUnknown(restriction, denial, situation.world.unknownHere);
  const isUnknown = missed.length > 0 || isUnknownHere || (check === limit && !areLimitsKnown(limits));
  const verdict = isUnknown ? 'unknown' : enforced !== null ? 'denied' : shadowed !== null ? 'would_deny' : 'passed';
  return { check, restriction, verdict, denial, missed, isUnknownHere };
}
