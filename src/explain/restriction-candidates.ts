import { isDeepStrictEqual } from 'node:util';
import { valueOf } from '../restrictions/index.ts';
import type { RestrictionKind } from '../restrictions/restriction.ts';
import { clipped, listed } from './bounded-text.ts';
import { type Candidate, waiting, withFields } from './candidate.ts';
import type { Scene, Situation } from './dry-gate.ts';
import type { Outcome } from './outcomes.ts';
import { kindOf } from './restriction-details.ts';

/** What could be changed so that a restriction of the key lets the request pass, the least first. */
export function restrictionCandidates(outcome: Outcome, scene: Scene): Candidate[] {
  const kind = kindOf(outcome);
  if (kind === null) return unknownCandidates(outcome);
  const isUnreadable = outcome.denial?.reason !== undefined;
  const wider = isUnreadable ? null : loosened(kind, scene);
  const first = wider ?? { text: `lift ${kind.field}${isUnreadable ? ', or write it anew' : ''}`, value: kind.none };
  return [
    {
      text: first.text,
      set: { [kind.field]: first.value },
      apply: (situation) => withRestriction(situation, kind.field, first.value),
    },
    ...openingCandidates(outcome, scene),
  ];
}

/** What could be changed so that a restriction for all requests lets this one pass. */
export function globalCandidates({ restriction }: Outcome, { gate, situation }: Scene): Candidate[] {
  const index = gate.restrictions.findIndex((each) => each === restriction);
  const original = situation.world.restrictions[index];
  if (original === undefined) return [];
  return [
    {
      text: `change restrictions.${original.name} of the configuration so that it accepts this request`,
      set: null,
      apply: (from) => {
        const restrictions = from.world.restrictions.filter((each) => each !== original);
        return { ...from, world: { ...from.world, restrictions } };
      },
    },
  ];
}

/** Only what wrote it knows what it means: it cannot be lifted by what does not. */
function unknownCandidates({ restriction }: Outcome): Candidate[] {
  const field = restriction?.name ?? '';
  return [
    {
      text: `use a gateway of the version that wrote ${clipped(field)}`,
      set: null,
      apply: (situation) => {
        const { [field]: _unknown, ...known } = situation.record.restrictions;
        return { ...situation, record: { ...situation.record, restrictions: known } };
      },
    },
  ];
}

function openingCandidates({ denial }: Outcome, { view, situation }: Scene): Candidate[] {
  const opening = denial?.facts.retry_at;
  if (opening === undefined) return [];
  return [waiting(`wait until ${opening}`, situation.waitMs + Date.parse(opening) - view.at)];
}

/** The least change of its value; null when there is none that may be written. */
function loosened(kind: RestrictionKind, { view, situation }: Scene): { text: string; value: unknown } | null {
  const { record, world } = situation;
  const before = valueOf(kind, record.restrictions);
  const value = kind.loosened(before, view, world.places);
  if (value === null || kind.faults(value).length > 0) return null;
  if (isDeepStrictEqual(value, kind.none)) return { text: `lift ${kind.field}`, value };
  if (!Array.isArray(value) || !Array.isArray(before)) {
    return { text: `widen ${kind.field} to ${clipped(kind.text(value))}`, value };
  }
  const known = new Set<unknown>(before);
  return { text: `add ${listed(value.filter((each) => !known.has(each)))} to ${kind.field}`, value };
}

function withRestriction(situation: Situation, field: string, value: unknown): Situation {
  return withFields(situation, { restrictions: { ...situation.record.restrictions, [field]: value } });
}
