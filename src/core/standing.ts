import { advance, freshState, type Lease, type Limits, stateAfter, UNITS_PER_TOKEN } from './limits.ts';

/**
 * How the limits stand, for one who spends nothing and must not make the ledger be asked. What others have spent since
 * `last` is not in it.
 *
 * @param last  the lease that the key was last given, or null when there was none: then nothing counts as spent
 * @param clock milliseconds since the epoch; when it is behind the lease, the limits are as of the lease
 */
export function standing(last: Lease | null, limits: Limits, clock: number): Lease {
  const now = last === null ? clock : Math.max(clock, last.now);
  const s = last === null ? freshState(limits, now) : advance(stateAfter(last, limits), limits, now);
  const tokens = Math.floor(s.units / UNITS_PER_TOKEN);
  return {
    granted: 0,
    refusedBy: null,
    retryAfterMs: 0,
    hourRemaining: Math.max(0, limits.perHour - s.hourUsed),
    dayRemaining: Math.max(0, limits.perDay - s.dayUsed),
    // The bucket was rounded down; it has no less than the lease said.
    burstRemaining: Math.max(tokens, Math.min(limits.burst, last?.burstRemaining ?? 0)),
    burstFullInMs: Math.ceil((limits.burst * UNITS_PER_TOKEN - s.units) / limits.perHour),
    now,
  };
}
