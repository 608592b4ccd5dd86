import { setImmediate } from 'node:timers/promises';
import { type Candidate, checkCandidates } from './candidates.ts';
import type { Change } from './explanation.ts';
import { type Finding, findingsOf } from './findings.ts';
import { globalCandidates, restrictionCandidates } from './restriction-candidates.ts';
import { decisionOf, type PreparedSituation, type Preparer, type Situation } from './situation.ts';

export interface Changes {
  /** Those that suffice first. */
  readonly changes: readonly Change[];
  /** Whether the first for each step that denies lets the request through, all together. */
  readonly togetherSuffice: boolean;
}

/** A change, and how to make it. */
interface Tried {
  readonly change: Change;
  readonly candidate: Candidate;
}

/**
 * What could be changed so that a request passes that is denied. Each change is tried: the checks decide again with it.
 *
 * @param firstStep the index of the step that the first finding is told as
 */
export async function changesFor(
  findings: readonly Finding[],
  prepared: PreparedSituation,
  preparer: Preparer,
  firstStep: number,
): Promise<Changes> {
  const { situation } = prepared;
  const tried: Tried[] = [];
  for (const [i, finding] of findings.entries()) {
    if (finding.verdict !== 'denied') continue;
    // Requests get their turn: a value may be long, and to look at it takes some milliseconds.
    await setImmediate();
    for (const candidate of candidatesFor(finding, prepared)) {
      await setImmediate();
      const suffices = await tryOut(candidate, finding, situation, preparer);
      if (suffices === null) continue;
      const { text, set } = candidate;
      tried.push({ candidate, change: { text, set, step: i + firstStep, suffices } });
    }
  }
  await setImmediate();
  const sorted = [...tried.filter((each) => each.change.suffices), ...tried.filter((each) => !each.change.suffices)];
  const together = firstOfEach(sorted).reduce((from, each) => each.candidate.apply(from), situation);
  return { changes: sorted.map((each) => each.change), togetherSuffice: await preparer.passes(together) };
}

function candidatesFor(finding: Finding, prepared: PreparedSituation): Candidate[] {
  if (finding.restriction === null) return checkCandidates(finding, prepared);
  const isOfKey = finding.check.name === 'restrictions';
  return isOfKey ? restrictionCandidates(finding, prepared) : globalCandidates(finding, prepared);
}

function firstOfEach(tried: readonly Tried[]): Tried[] {
  const firsts = new Map<number, Tried>();
  for (const each of tried) if (!firsts.has(each.change.step)) firsts.set(each.change.step, each);
  return [...firsts.values()];
}

/** Whether a change lets the request through; null when it does not even help with what it is for. */
async function tryOut(
  candidate: Candidate,
  finding: Finding,
  situation: Situation,
  preparer: Preparer,
): Promise<boolean | null> {
  const prepared = await preparer.prepare(candidate.apply(situation));
  const { denial } = await decisionOf(prepared);
  if (denial === null) return !prepared.view.isInDoubt;
  const after = await findingsOf(prepared);
  return after.some((each) => isOfSameStep(each, finding) && each.verdict === 'denied') ? null : false;
}

function isOfSameStep(a: Finding, b: Finding): boolean {
  return a.check === b.check && a.restriction?.name === b.restriction?.name;
}
