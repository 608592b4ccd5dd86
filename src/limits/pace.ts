import type { Pace } from '../core/decision.ts';

/** A key's pace is counted over so long; as much as was admitted in one such period is taken ahead. */
export const PACE_MS = 500;
/** A key that is used less often in a period takes nothing ahead: most of it would only be given back. */
const MIN_PACE = 4;
/** The most that is taken ahead at a time. */
const MAX_AHEAD = 10_000;

/**
 * Counts one admission of a key. Requests that are refused do not count: what a process holds ahead is then never more
 * than it has just spent, on which the bound of bursts rests (docs/limits.md).
 *
 * @param now milliseconds of a clock that never goes back
 */
export function countAdmission(pace: Pace, now: number): void {
  const age = now - pace.since;
  if (age >= PACE_MS) {
    pace.before = age < 2 * PACE_MS ? pace.count : 0;
    pace.since = now;
    pace.count = 0;
  }
  pace.count++;
}

/** How many to take ahead: as many as were admitted in this period or the one before. */
export function aheadFor({ since, count, before }: Pace, now: number): number {
  const age = now - since;
  if (age >= 2 * PACE_MS) return 0;
  const most = age < PACE_MS ? Math.max(count, before) : count;
  return most < MIN_PACE ? 0 : Math.min(most, MAX_AHEAD);
}
