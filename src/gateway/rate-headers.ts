import type { Decision, LoadedKey } from '../core/decision.ts';
import { DENIALS } from '../core/denial.ts';
import { DAY_MS, HOUR_MS, type Lease, type Limits } from '../core/limits.ts';
import { SharedValues } from '../core/shared-values.ts';
import { standing } from '../core/standing.ts';
import { inOnePiece, pushLines } from './header-lines.ts';

const HOUR_S = HOUR_MS / 1000;
const DAY_S = DAY_MS / 1000;

const LIMIT = 'X-RateLimit-Limit: ';
const REMAINING = '\r\nX-RateLimit-Remaining: ';
const RESET = '\r\nX-RateLimit-Reset: ';
const POLICY = '\r\nRateLimit-Policy: ';
const BURST = '\r\nRateLimit: "burst";r=';
/** Behind a burst that is full. */
const HOUR_AT_ONCE = ';t=0, "hour";r=';

/** The second that the parts below were made for: since the epoch, by the store's clock. */
let second = Number.NaN;
let hourReset = '';
let hourPart = '';
let dayPart = '';

/**
 * How the limits stand, as header lines; '' when the request was not authenticated. X-RateLimit-* speak of the hour, or of
 * the limit that refused when one did.
 */
export function rateLines(decision: Decision): string {
  const { key } = decision;
  const lease = key === null ? null : (decision.lease ?? leaseWithout(decision, key));
  return key === null || lease === null ? '' : leaseLines(key, lease);
}

/** Appends the same to names and values in turn. */
export function pushRateHeaders(headers: string[], decision: Decision): void {
  pushLines(headers, rateLines(decision));
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

function leaseLines(key: LoadedKey, lease: Lease): string {
  const { now, refusedBy } = lease;
  keepTime(now);
  const burstIn = Math.ceil(lease.burstFullInMs / 1000);
  const hourLeft = `${lease.hourRemaining}`;
  return (
    LIMIT +
    (refusedBy === null
      ? `${key.limits.perHour}` + REMAINING + hourLeft + hourReset
      : `${quotaOf(refusedBy, key.limits)}${REMAINING}0${RESET}${Math.ceil((now + lease.retryAfterMs) / 1000)}${POLICY}`) +
    policyOf(key) +
    BURST +
    `${lease.burstRemaining}` +
    (burstIn === 0 ? HOUR_AT_ONCE : `;t=${burstIn}, "hour";r=`) +
    hourLeft +
    hourPart +
    `${lease.dayRemaining}` +
    dayPart
  );
}

/** The parts that are the same for all answers of a second. */
function keepTime(now: number): void {
  const current = Math.floor(now / 1000);
  if (current === second) return;
  second = current;
  const hourEnd = (Math.floor(current / HOUR_S) + 1) * HOUR_S;
  const dayEnd = (Math.floor(current / DAY_S) + 1) * DAY_S;
  hourReset = inOnePiece(`${RESET}${hourEnd}${POLICY}`);
  hourPart = inOnePiece(`;t=${hourEnd - current}, "day";r=`);
  dayPart = inOnePiece(`;t=${dayEnd - current}\r\n`);
}

/** Most keys have the limits of a tier, and share its policy. */
const policies = new SharedValues<string>();

/** RateLimit-Policy (the IETF draft): the quotas and windows, in seconds, of the three limits. */
function policyOf({ texts, limits }: LoadedKey): string {
  if (texts.ratePolicy === '') {
    const { burst, perHour, perDay } = limits;
    const refill = Math.ceil((burst * HOUR_S) / perHour);
    const policy = `"burst";q=${burst};w=${refill}, "hour";q=${perHour};w=${HOUR_S}, "day";q=${perDay};w=${DAY_S}`;
    texts.ratePolicy = policies.of(policy, () => inOnePiece(policy));
  }
  return texts.ratePolicy;
}

function quotaOf(limit: 'burst' | 'hour' | 'day', limits: Limits): number {
  if (limit === 'burst') return limits.burst;
  return limit === 'hour' ? limits.perHour : limits.perDay;
}
