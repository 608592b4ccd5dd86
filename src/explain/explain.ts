import { METHODS } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { canonicalTarget, isFault, type TargetRules } from '../core/target.ts';
import { clipped } from './bounded-text.ts';
import { changesFor } from './changes.ts';
import { detailOf, heldPermission, standingLimits } from './details.ts';
import type { DescribedRequest, Explain, Explanation, Step } from './explanation.ts';
import { type Finding, findingsOf } from './findings.ts';
import { decisionOf, type PreparedSituation, Preparer, type Situation, waitOf } from './situation.ts';

/** TRACE echoes what the gateway adds for the upstream alone; CONNECT asks for a tunnel. */
const REFUSED_METHODS = new Set(['TRACE', 'CONNECT']);

/** The step before all checks: whether the request has one meaning at all. */
const REQUEST = 'request';

/**
 * Why a described request passes or not: the data plane's own checks over a gate on which nothing is spent or remembered,
 * each by itself, so that all that is in the way is told and not only what comes first. See `Explanation`.
 *
 * @throws what `peek` throws, but for a StoreError: then it is the limits that are not known
 */
export const explain: Explain = async (record, request, world, peek) => {
  const read = readRequest(request, world.targetRules);
  if ('fault' in read) return rejected(read.fault);
  const preparer = new Preparer(peek);
  // Between long steps requests get their turn; the record was read in this one.
  await setImmediate();
  const situation: Situation = { record, request, path: read.path, world, waitMs: 0 };
  const prepared = await preparer.prepare(situation);
  const findings = await findingsOf(prepared);
  const { denial } = await decisionOf(prepared);
  const changed = denial === null ? null : await changesFor(findings, prepared, preparer, 1);
  await setImmediate();
  const { route, key, limits, view } = prepared;
  return {
    allowed: denial !== null ? false : view.isInDoubt ? null : true,
    code: denial?.code ?? null,
    path: read.path,
    route,
    permission: route === null ? null : heldPermission(key, route),
    steps: [requestStep(prepared), ...findings.map((finding) => stepOf(finding, prepared))],
    limits: limits === null ? null : standingLimits(limits, key.limits),
    changes: changed?.changes ?? [],
    togetherSuffice: changed?.togetherSuffice ?? null,
  };
};

/**
 * Reads a described request as the gateway reads one from the wire, before any check.
 *
 * @returns its canonical path, or why the gateway would refuse it
 */
function readRequest({ method, target }: DescribedRequest, rules: TargetRules): { path: string } | { fault: string } {
  // The gateway's parser knows these, as they are written, and no others.
  if (!METHODS.includes(method)) return { fault: `${JSON.stringify(clipped(method))} is no method that is read here` };
  if (REFUSED_METHODS.has(method)) return { fault: `the method ${method} is not accepted` };
  const read = canonicalTarget(target, rules);
  return isFault(read) ? read : { path: read.path };
}

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

function requestStep({ view, route }: PreparedSituation): Step {
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

function stepOf(finding: Finding, prepared: PreparedSituation): Step {
  const { check, restriction, verdict, denial } = finding;
  return {
    check: check.name,
    restriction: restriction?.name ?? null,
    verdict,
    code: denial?.code ?? null,
    detail: detailOf(finding, prepared),
    passesAt: passesAt(finding, prepared),
  };
}

/** When time alone would have let it pass, in milliseconds since the epoch. */
function passesAt({ denial }: Finding, { limits }: PreparedSituation): number | null {
  if (denial?.facts.retry_at !== undefined) return Date.parse(denial.facts.retry_at);
  return denial?.code === 'rate_limited' && limits !== null ? limits.at + waitOf(limits) : null;
}
