import { type Candidate } from './candidate.ts';
import { candidatesFor } from './candidates.ts';
import type { Scene, Situation, Stage } from './dry-gate.ts';
import { verdictOf } from './dry-gate.ts';
import type { Change } from './explanation.ts';
import { type Outcome, outcomesOf } from './outcomes.ts';

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
 * @param firstStep the index of the step that the first outcome is told as
 */
export async function changesFor(
  outcomes: readonly Outcome[],
  scene: Scene,
  stage: Stage,
  firstStep: number,
): Promise<Changes> {
  const tried: Tried[] = [];
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.verdict !== 'denied') continue;
    for (const candidate of candidatesFor(outcome, scene)) {
      const suffices = await tryOut(candidate, outcome, scene.situation, stage);
      if (suffices === null) continue;
      const { text, set } = candidate;
      tried.push({ candidate, change: { text, set, step: i + firstStep, suffices } });
    }
  }
  const sorted = [...tried.filter((each) => each.change.suffices), ...tried.filter((each) => !each.change.suffices)];
  const together = firstOfEach(sorted).reduce((situation, each) => each.candidate.apply(situation), scene.situation);
  return { changes: sorted.map((each) => each.change), togetherSuffice: await stage.passes(together) };
}

function firstOfEach(tried: readonly Tried[]): Tried[] {
  const firsts = new Map<number, Tried>();
  for (const each of tried) if (!firsts.has(each.change.step)) firsts.set(each.change.step, each);
  return [...firsts.values()];
}

/** Whether a change lets the request through; null when it does not even help with what it is for. */
async function tryOut(
  candidate: Candidate,
  outcome: Outcome,
  situation: Situation,
  stage: Stage,
): Promise<boolean | null> {
  const scene = await stage.set(candidate.apply(situation));
  const { denial } = await verdictOf(scene);
  if (denial === null) return !scene.view.isInDoubt;
  const after = await outcomesOf(scene);
  return after.some((each) => isSameStep(each, outcome) && each.verdict === 'denied') ? null : false;
}

function isSameStep(a: Outcome, b: Outcome): boolean {
  return a.check === b.check && a.restriction?.name === b.restriction?.name;
}
