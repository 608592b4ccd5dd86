import type { Decision, LoadedKey } from '../core/decision.ts';
import { DENIALS } from '../core/denial.ts';
import { DAY_MS, HOUR_MS, type Lease, type Limits } from '../core/limits.ts';
import { standing } from '../core/standing.ts';

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
 * Appends how the limits stand, when the request was authenticated. X-RateLimit-* speak of the hour, or of the limit
 * that refused when one did.
 * @param headers names and values in turn
 */
export function pushRateHeaders(headers: string[], decision: Decision): void {
  const { key } = decision;
  const lease = key === null ? null : (decision.lease ?? leaseWithout(decision, key));
  if (key !== null && lease !== null) pushLease(headers, key, lease);
}

/**
 * How the limits stand when the checks ended before the limit. Not for a key that holds no more, nor while the gateway
 * cannot serve it.
 */
function leaseWithout({ denial, request }: Decision, key: LoadedKey): Lease | null {
  if (denial === null) return null;
  const { status } = DENIALS[denial.code];
  return status === 401 || status === 503 ? null : standing(key.recent.lease, key.limits, request.at);
}

function pushLease(headers: string[], key: LoadedKey, lease: Lease): void {
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
