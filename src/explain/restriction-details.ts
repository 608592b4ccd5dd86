import { RESTRICTIONS, valueOf } from '../restrictions/index.ts';
import type { RestrictionKind } from '../restrictions/restriction.ts';
import { clipped, listed } from './bounded-text.ts';
import type { Scene } from './dry-gate.ts';
import type { Outcome } from './outcomes.ts';

/** The kind of the restriction that an outcome is of; null: it is of none that this version knows. */
export function kindOf({ restriction, denial }: Outcome): RestrictionKind | null {
  // What is not known goes by the name of its field, and that may be the name of a kind.
  if (restriction === null || denial?.code === 'restriction_unreadable') return null;
  return RESTRICTIONS.find((kind) => kind.name === restriction.name) ?? null;
}

/** What came of a restriction of the key. */
export function restrictionDetail(outcome: Outcome, { view, situation }: Scene): string {
  const kind = kindOf(outcome);
  const { denial, missed, verdict } = outcome;
  if (denial?.reason !== undefined) return clipped(`refuses every request: ${denial.reason}`);
  if (kind === null) return denial?.detail ?? 'passed';
  const value = valueOf(kind, situation.record.restrictions);
  if (missed.length > 0) return `the ${missed.join(' and the ')} is not given; ${allowedBy(kind, value)}`;
  const { places } = situation.world;
  const seen = clipped(kind.seen(value, view, places));
  // What has no name that could be on a list cannot be said to be missing there.
  const isListed = Array.isArray(value) && verdict !== 'passed' && kind.loosened(value, view, places) !== null;
  const found = isListed ? `${seen} is not in ${listed(value)}` : `${seen}; ${allowedBy(kind, value)}`;
  const warning = denial === null ? null : (kind.warning?.(value, places) ?? null);
  return warning === null ? found : `${found}; ${warning}`;
}

/** What came of a restriction that holds for every request. */
export function globalDetail(outcome: Outcome, { view, situation }: Scene): string {
  const { denial, missed } = outcome;
  if (missed.length > 0) return `the ${missed.join(' and the ')} is not given`;
  const kind = kindOf(outcome);
  const seen = kind === null ? null : clipped(kind.seen(kind.none, view, situation.world.places));
  return [seen, denial?.detail].filter((text) => typeof text === 'string').join(': ') || 'passed';
}

function allowedBy(kind: RestrictionKind, value: unknown): string {
  if (Array.isArray(value)) return `allowed: ${listed(value)}`;
  const text = clipped(kind.text(value));
  return typeof value === 'boolean' ? `${kind.label}: ${text}` : `allowed: ${text}`;
}
