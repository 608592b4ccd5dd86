import type { LoadedKey } from '../core/decision.ts';
import { DAY_MS, HOUR_MS, type Lease, type Limits } from '../core/limits.ts';

const policies = new WeakMap<LoadedKey, string>();

/** RateLimit-Policy (the IETF draft): the quotas and windows, in seconds, of the three limits. Made once for each loaded key. */
function policyOf(key: LoadedKey): string {
  let policy = policies.get(key);
  if (policy === undefined) {
    const { burst, perHour, perDay } = key.limits;
    const refill = Math.ceil((burst * 3600) / perHour);
    policy = `"burst";q=${burst};w=${refill}, "hour";q=${perHour};w=3600, "day";q=${perDay};w=86400`;
    policies.set(key, policy);
  }
  return policy;
}

/**
 * Appends how the limits of the key stand. X-RateLimit-* speak of the hour, or of the limit that refused when one did.
 * @param headers names and values in turn
 */
export function pushRateHeaders(headers: string[], key: LoadedKey, lease: Lease): void {
  const { now } = lease;
  const hourEnd = (Math.floor(now / HOUR_MS) + 1) * HOUR_MS;
  const dayEnd = (Math.floor(now / DAY_MS) + 1) * DAY_MS;
  const burstIn = Math.ceil(lease.burstFullInMs / 1000);
  const hourIn = Math.ceil((hourEnd - now) / 1000);
  const dayIn = Math.ceil((dayEnd - now) / 1000);
  const refused = lease.refusedBy;
  headers.push(
    'X-RateLimit-Limit',
    String(refused === null ? key.limits.perHour : quotaOf(refused, key.limits)),
    'X-RateLimit-Remaining',
    String(refused === null ? lease.hourRemaining : 0),
    'X-RateLimit-Reset',
    String(refused === null ? Math.ceil(hourEnd / 1000) : Math.ceil((now + lease.retryAfterMs) / 1000)),
    'RateLimit-Policy',
    policyOf(key),
    'RateLimit',
    `"burst";r=${lease.burstRemaining};t=${burstIn}, "hour";r=${lease.hourRemaining};t=${hourIn}, "day";r=${lease.dayRemaining};t=${dayIn}`,
  );
}

function quotaOf(limit: 'burst' | 'hour' | 'day', limits: Limits): number {
  if (limit === 'burst') return limits.burst;
  return limit === 'hour' ? limits.perHour : limits.perDay;
}
