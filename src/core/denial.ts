/**
 * What is answered to a denial, and what that answer tells of the checks: they let the request `passed`, nobody knows
 * whether they were asked or would say the same again (`unknown`), or else they denied it.
 */
export interface DenialRow {
  readonly status: number;
  readonly title: string;
  readonly checks?: 'passed' | 'unknown';
}

/**
 * A denial is a refusal: a code, an HTTP status and a sentence for the caller. It is a value, never an exception.
 *
 * This table is the only place where codes, statuses and titles meet; docs/errors.md is held equal to it by a test.
 */
export const DENIALS = {
  key_missing: { status: 401, title: 'An API key is required' },
  key_not_found: { status: 401, title: 'This API key is not known' },
  key_expired: { status: 401, title: 'This API key has expired' },
  key_disabled: { status: 401, title: 'This API key is disabled' },
  key_revoked: { status: 401, title: 'This API key has been revoked' },
  ip_blocked: { status: 403, title: 'Not allowed from this address' },
  country_blocked: { status: 403, title: 'Not allowed from this country' },
  tor_blocked: { status: 403, title: 'Not allowed over Tor' },
  outside_allowed_hours: { status: 403, title: 'This API key may not be used at this time' },
  user_agent_blocked: { status: 403, title: 'This API key may not be used by this program' },
  restriction_unreadable: { status: 403, title: 'A restriction on this API key cannot be read' },
  permission_denied: { status: 403, title: 'This API key lacks the permission for this route' },
  route_not_found: { status: 404, title: 'No such route' },
  rate_limited: { status: 429, title: 'The limit of this API key is used up' },
  too_many_failures: { status: 429, title: 'Too many failed attempts from this address', checks: 'unknown' },
  too_many_connections: { status: 429, title: 'This API key has too many open connections', checks: 'passed' },
  request_rejected: { status: 400, title: 'The request is ambiguous or malformed', checks: 'unknown' },
  request_timeout: { status: 408, title: 'The request did not arrive in time', checks: 'unknown' },
  body_too_large: { status: 413, title: 'The request body is too large', checks: 'unknown' },
  uri_too_long: { status: 414, title: 'The request target is too long', checks: 'unknown' },
  headers_too_large: { status: 431, title: 'The request headers are too large', checks: 'unknown' },
  upstream_unreachable: { status: 502, title: 'The API behind this gateway cannot be reached', checks: 'passed' },
  upstream_invalid: { status: 502, title: 'The API behind this gateway gave an invalid answer', checks: 'passed' },
  upstream_timeout: { status: 504, title: 'The API behind this gateway did not answer in time', checks: 'passed' },
  key_store_unavailable: { status: 503, title: 'Keys cannot be checked at the moment', checks: 'unknown' },
  overloaded: { status: 503, title: 'This gateway is at its capacity', checks: 'unknown' },
} as const satisfies Record<string, DenialRow>;

export type DenialCode = keyof typeof DENIALS;

/** What a caller needs to act on a denial; each becomes a member of the problem+json body (RFC 9457). */
export interface DenialFacts {
  /** Permissions of which any one would do, for `permission_denied`. */
  readonly required_permission?: readonly string[];
  /** Which limit refused, for `rate_limited`. */
  readonly limit?: string;
  /** Whole seconds after which a retry makes sense; also sent as Retry-After. */
  readonly retry_after?: number;
  /** When the same request would pass this check, ISO 8601 in UTC, for `outside_allowed_hours`. */
  readonly retry_at?: string;
}

export interface Denial {
  readonly code: DenialCode;
  /** A sentence for the caller. It never repeats a secret or unbounded request content. */
  readonly detail: string;
  readonly facts: DenialFacts;
  /** What only the log is told: why a stored key cannot be read, … Never a secret. */
  readonly reason?: string;
}

const NO_FACTS: DenialFacts = Object.freeze({});

export function deny(code: DenialCode, detail: string, facts: DenialFacts = NO_FACTS, reason?: string): Denial {
  return reason === undefined ? { code, detail, facts } : { code, detail, facts, reason };
}
