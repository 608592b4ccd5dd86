import type { Check } from '../checks/check.ts';
import { globalRestrictions } from '../checks/global-restrictions.ts';
import { limit } from '../checks/limit.ts';
import { restrictions } from '../checks/restrictions.ts';
import { type CompiledRestriction, type LoadedKey, newDecision } from '../core/decision.ts';
import type { Denial } from '../core/denial.ts';
import type { Gate } from '../core/gate.ts';
import { CHECKS, PUBLIC_CHECKS } from '../pipeline.ts';
import type { Given } from './described-view.ts';
import type { Scene } from './dry-gate.ts';
import type { Verdict } from './explanation.ts';

/** What came of one check, or of one of its restrictions, when it was asked by itself. */
export interface Outcome {
  readonly check: Check;
  /** null for a check that is one thing. */
  readonly restriction: CompiledRestriction | null;
  readonly verdict: Verdict;
  /** Also that of what is in shadow. */
  readonly denial: Denial | null;
  /** What it looked at and was not given. */
  readonly missed: readonly Given[];
}

/** A check with all but one of its restrictions out of the way. */
interface Part {
  readonly restriction: CompiledRestriction | null;
  readonly key: LoadedKey;
  readonly gate: Gate;
}

/** Asks every check, also those that a request would not get to. */
export async function outcomesOf(scene: Scene): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const check of CHECKS) {
    if (scene.route?.access === 'public' && !PUBLIC_CHECKS.includes(check)) {
      outcomes.push({ check, restriction: null, verdict: 'skipped', denial: null, missed: [] });
      continue;
    }
    for (const part of partsOf(check, scene)) outcomes.push(await outcomeOf(check, part, scene));
  }
  return outcomes;
}

function partsOf(check: Check, { gate, key }: Scene): Part[] {
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

async function outcomeOf(check: Check, { restriction, key, gate }: Part, scene: Scene): Promise<Outcome> {
  const decision = newDecision(scene.view, scene.route);
  decision.key = key;
  const denial = await check.run(decision, gate);
  const shadowed = decision.wouldDeny?.[0] ?? null;
  const missed = restriction === null ? [] : scene.view.missed;
  const isUnknown = missed.length > 0 || (check === limit && scene.lease === null);
  const verdict = isUnknown ? 'unknown' : denial !== null ? 'denied' : shadowed !== null ? 'would_deny' : 'passed';
  return { check, restriction, verdict, denial: denial ?? shadowed, missed };
}
