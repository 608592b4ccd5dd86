import { LRUCache } from 'lru-cache';
import { throttleScope } from '../core/address.ts';
import type { FailureThrottle } from '../core/gate.ts';

export interface FailureThrottleOptions {
  /** Failures that an address may have in a row. */
  readonly burst: number;
  /** Failures forgiven each minute. */
  readonly perMinute: number;
  /** Addresses remembered; the one that failed longest ago is forgotten first. */
  readonly maxAddresses: number;
}

/**
 * A token bucket of failed authentications per client address (an IPv6 client counts as its /64, which is what one
 * customer is given). Kept by each process for itself: it slows guessing down, it does not count anything exactly.
 */
export function createFailureThrottle(options: FailureThrottleOptions): FailureThrottle {
  const msPerToken = 60_000 / options.perMinute;
  const depthMs = options.burst * msPerToken;
  // The bucket as one number, the "theoretical arrival time" of GCRA (ITU-T I.371): when it will be full again.
  const fullAt = new LRUCache<string, number>({ max: options.maxAddresses });
  return {
    blockedFor(address, now) {
      if (fullAt.size === 0) return 0;
      const full = fullAt.get(throttleScope(address));
      if (full === undefined || full + msPerToken - now <= depthMs) return 0;
      return Math.ceil((full + msPerToken - now - depthMs) / 1000);
    },
    record(address, now) {
      const scope = throttleScope(address);
      // An empty bucket gets no emptier: requests that were under way when it ran dry must not lengthen the wait.
      fullAt.set(scope, Math.min(now + depthMs, Math.max(now, fullAt.get(scope) ?? now) + msPerToken));
    },
  };
}
