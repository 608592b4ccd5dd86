import type { Lease, LimitName, Limits } from '../core/limits.ts';
import { DAY_MS, HOUR_MS, UNITS_PER_TOKEN } from '../core/limits.ts';
import { count, isoText } from './bounded-text.ts';
import { NOW_MS, type Scene } from './dry-gate.ts';
import type { StandingLimits } from './explanation.ts';

const PER: Readonly<Record<LimitName, string>> = { burst: 'at once', hour: 'an hour', day: 'a day' };

/** How the limits stand before the request that a lease was for. */
export function standingLimits(lease: Lease, limits: Limits): StandingLimits {
  const { granted, now } = lease;
  // The lease tells of the bucket after the request. What it would have taken comes back in so many milliseconds.
  const refillMs = (granted * UNITS_PER_TOKEN) / limits.perHour;
  const window = (limit: number, remaining: number, ms: number) => ({
    limit,
    remaining,
    fullInMs: remaining < limit ? ms - (now % ms) : 0,
  });
  return {
    burst: {
      limit: limits.burst,
      remaining: lease.burstRemaining + granted,
      fullInMs: Math.max(0, Math.floor(lease.burstFullInMs - refillMs)),
    },
    hour: window(limits.perHour, lease.hourRemaining + granted, HOUR_MS),
    day: window(limits.perDay, lease.dayRemaining + granted, DAY_MS),
  };
}

/** What came of the limits. */
export function limitDetail({ key, lease, view }: Scene): string {
  if (lease === null) return 'the store cannot say how the limits stand';
  const standing = standingLimits(lease, key.limits);
  const names: readonly LimitName[] = ['burst', 'hour', 'day'];
  const left = names.map((name) => `${count(standing[name].remaining)} of ${count(standing[name].limit)} ${PER[name]}`);
  const when = view.at - lease.now < -NOW_MS ? ` at ${isoText(lease.now)}; earlier is not known` : '';
  return `left: ${left.join(', ')}${when}`;
}
