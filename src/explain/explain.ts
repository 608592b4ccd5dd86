import { clipped } from './bounded-text.ts';
import { changesFor } from './changes.ts';
import { detailOf } from './details.ts';
import { type Scene, type Situation, Stage, verdictOf } from './dry-gate.ts';
import type { Explain, Explanation, Step } from './explanation.ts';
import { heldPermission } from './held-permission.ts';
import { standingLimits } from './limit-detail.ts';
import { type Outcome, outcomesOf } from './outcomes.ts';
import { readRequest } from './read-request.ts';

/** The step before all checks: whether the request has one meaning at all. */
const REQUEST = 'request';

/**
 * Why a described request passes or not: the data plane's own checks over a gate on which nothing is spent or remembered,
 * each by itself, so that all that is in the way is told and not only what comes first. See `Explanation`.
 *
 * @throws what `world.peek` throws, but for a StoreError: then it is the limits that are not known
 */
export const explain: Explain = async (record, request, world) => {
  const read = readRequest(request, world.targetRules);
  if ('fault' in read) return rejected(read.fault);
  const stage = new Stage(world.peek);
  const situation: Situation = { record, request, path: read.path, world, waitMs: 0 };
  const scene = await stage.set(situation);
  const outcomes = await outcomesOf(scene);
  const { denial } = await verdictOf(scene);
  const changed = denial === null ? null : await changesFor(outcomes, scene, stage, 1);
  const { route, key, lease } = scene;
  return {
    allowed: denial !== null ? false : scene.view.isInDoubt ? null : true,
    code: denial?.code ?? null,
    path: read.path,
    route,
    permission: route === null ? null : heldPermission(key, route),
    steps: [requestStep(scene), ...outcomes.map((outcome) => stepOf(outcome, scene))],
    limits: lease === null ? null : standingLimits(lease, key.limits),
    changes: changed?.changes ?? [],
    togetherSuffice: changed?.togetherSuffice ?? null,
  };
};

/** A request that could mean two things, or nothing, gets to no check; nothing about the key would help. */
function rejected(fault: string): Explanation {
  const step: Step = {
    check: REQUEST,
    restriction: null,
    verdict: 'denied',
    code: 'request_rejected',
    detail: fault,
    passesAt: null,
  };
  return {
    allowed: false,
    code: 'request_rejected',
    path: null,
    route: null,
    permission: null,
    steps: [step],
    limits: null,
    changes: [],
    togetherSuffice: false,
  };
}

function requestStep({ view, route }: Scene): Step {
  const matched = route === null ? 'no route is named for it' : `it is of the route ${clipped(route.pattern)}`;
  return {
    check: REQUEST,
    restriction: null,
    verdict: 'passed',
    code: null,
    detail: `${view.method} ${clipped(view.path)}; ${matched}`,
    passesAt: null,
  };
}

function stepOf(outcome: Outcome, scene: Scene): Step {
  const { check, restriction, verdict, denial } = outcome;
  return {
    check: check.name,
    restriction: restriction?.name ?? null,
    verdict,
    code: denial?.code ?? null,
    detail: detailOf(outcome, scene),
    passesAt: passesAt(outcome, scene),
  };
}

/** When time alone would have let it pass, in milliseconds since the epoch. */
function passesAt({ denial }: Outcome, { lease }: Scene): number | null {
  if (denial?.facts.retry_at !== undefined) return Date.parse(denial.facts.retry_at);
  if (denial?.code === 'rate_limited' && lease !== null) return lease.now + lease.retryAfterMs;
  return null;
}
