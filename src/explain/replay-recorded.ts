import type { DenialCode } from '../core/denial.ts';

/** What the checks deny with. */
const BY_CHECKS: ReadonlySet<string> = new Set([
  'key_missing',
  'key_expired',
  'key_disabled',
  'key_revoked',
  'ip_blocked',
  'country_blocked',
  'tor_blocked',
  'outside_allowed_hours',
  'user_agent_blocked',
  'restriction_unreadable',
  'permission_denied',
  'route_not_found',
  'rate_limited',
] satisfies DenialCode[]);

/** What is answered to requests that passed the checks. */
const AFTER_CHECKS: ReadonlySet<string> = new Set([
  'upstream_unreachable',
  'upstream_invalid',
  'upstream_timeout',
  'too_many_connections',
] satisfies DenialCode[]);

/** Whether a request with this code was let through. @param code null: it was answered by the API */
export function wasLetThrough(code: string | null): boolean {
  return code === null || AFTER_CHECKS.has(code);
}

/**
 * What the checks said when the request was made.
 *
 * @returns the denial, null when it was let through, undefined when its code says nothing about that
 */
export function recordedDenial(code: string | null): string | null | undefined {
  if (code === null || AFTER_CHECKS.has(code)) return null;
  // A replay has no secrets: without a known key it cannot tell a wrong one from none.
  if (code === 'key_not_found') return 'key_missing';
  return BY_CHECKS.has(code) ? code : undefined;
}
