import { type Lease, type LimitState, type Limits, stateAfter, take, UNITS_PER_TOKEN } from '../core/limits.ts';

/**
 * What a ledger would answer later to one that wants a single admission, if nobody spent anything until then.
 *
 * @param lease  what it would answer now, as `LimitLedger.peek` says
 * @param waitMs milliseconds, 0 or more
 */
export function laterLease(lease: Lease, limits: Limits, waitMs: number): Lease {
  return waitMs <= 0 ? lease : take(stateBefore(lease, limits), limits, 1, lease.now + waitMs).lease;
}

/** What a lease was answered from. The figures of a lease are rounded: the bucket has at least what they say together. */
function stateBefore(lease: Lease, limits: Limits): LimitState {
  const after = stateAfter(lease, limits);
  const tokens = (lease.burstRemaining + lease.granted) * UNITS_PER_TOKEN;
  const due = lease.granted > 0 ? 0 : UNITS_PER_TOKEN - lease.retryAfterMs * limits.perHour;
  return {
    ...after,
    hourUsed: Math.max(0, after.hourUsed - lease.granted),
    dayUsed: Math.max(0, after.dayUsed - lease.granted),
    units: Math.min(
      limits.burst * UNITS_PER_TOKEN,
      Math.max(after.units + lease.granted * UNITS_PER_TOKEN, tokens, due),
    ),
  };
}
