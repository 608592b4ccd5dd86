import { DENIALS } from '../../core/denial.ts';
import type { KeyRecord } from '../../core/key.ts';
import type { LoggedRequest } from '../../core/request-log.ts';
import type { Route } from '../../core/route.ts';
import type { Change, DescribedRequest, Explanation, StandingLimits, Step } from '../../explain/explanation.ts';
import type { ExplanationAnswer } from '../schemas/explain.ts';
import type { PlacesGap } from './deciding-rules.ts';
import type { Recorded } from './recorded-request.ts';

const ALL_PASS = 'Every check lets it pass.';

export interface Explained {
  readonly key: KeyRecord;
  readonly request: DescribedRequest;
  readonly explanation: Explanation;
  /** The request when it was made; null: it was only described. */
  readonly recorded: Recorded | null;
  readonly gaps: readonly PlacesGap[];
}

/** An explanation in the shape of the API. */
export function explanationAnswer({ key, request, explanation, recorded, gaps }: Explained): ExplanationAnswer {
  const { allowed, code, path, route, permission, steps, limits, changes, togetherSuffice } = explanation;
  const denial = code === null ? null : DENIALS[code];
  return {
    allowed,
    status: denial?.status ?? null,
    code,
    title: denial?.title ?? null,
    detail: detailOf(explanation),
    key: { id: key.id, name: key.name },
    request: {
      method: request.method,
      path,
      ip_address: request.address,
      user_agent: request.userAgent,
      at: iso(request.at),
    },
    recorded: recorded === null ? null : recordedAnswer(recorded.entry),
    route: route === null ? null : routeAnswer(route),
    permission,
    checks: steps.map(checkAnswer),
    would_deny: wouldDeny(steps),
    limits: limits === null ? null : limitsAnswer(limits),
    changes: changes.map((change) => changeAnswer(change, steps)),
    together_suffice: togetherSuffice,
    warnings: [
      ...(recorded?.warnings ?? []),
      ...gaps.filter((gap) => steps.some((step) => rests(step, gap))).map(({ text }) => text),
    ],
  };
}

/** Of the first check that decides it. */
function detailOf({ allowed, code, steps }: Explanation): string {
  if (code !== null) {
    return steps.find((step) => step.verdict === 'denied' && step.code === code)?.detail ?? DENIALS[code].title;
  }
  if (allowed !== null) return ALL_PASS;
  return steps.find((step) => step.verdict === 'unknown')?.detail ?? 'It depends on what is not known.';
}

function recordedAnswer({ requestId, at, status, code }: LoggedRequest): ExplanationAnswer['recorded'] {
  return { request_id: requestId, timestamp: iso(at), status_code: status, code };
}

function routeAnswer({ pattern, access, permissions }: Route): ExplanationAnswer['route'] {
  return { pattern, access, required_permissions: [...permissions] };
}

function checkAnswer(step: Step): ExplanationAnswer['checks'][number] {
  const { check, restriction, verdict, code, detail, passesAt } = step;
  return { check, restriction, verdict, code, detail, passes_at: passesAt === null ? null : iso(passesAt) };
}

function wouldDeny(steps: readonly Step[]): ExplanationAnswer['would_deny'] {
  const codes = steps.map(({ verdict, code }) => (verdict === 'would_deny' ? code : null));
  return [...new Set(codes.filter((code) => code !== null))];
}

function limitsAnswer({ burst, hour, day, isExact }: StandingLimits): ExplanationAnswer['limits'] {
  const answer = ({ limit, remaining, fullInMs }: StandingLimits['burst']) => ({
    limit,
    remaining,
    full_in_ms: Math.ceil(fullInMs),
  });
  return { burst: answer(burst), hour: answer(hour), day: answer(day), exact: isExact };
}

function changeAnswer(
  { text, set, step, suffices }: Change,
  steps: readonly Step[],
): ExplanationAnswer['changes'][number] {
  const about = steps[step];
  return {
    change: text,
    set: set === null ? null : { ...set },
    for: about?.restriction ?? about?.check ?? '',
    suffices,
  };
}

/** Whether a verdict is not known for what is missing. */
function rests({ restriction, verdict }: Step, gap: PlacesGap): boolean {
  return restriction === gap.restriction && verdict === 'unknown';
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
