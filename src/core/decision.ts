import type { Denial } from './denial.ts';
import type { KeyRecord } from './key.ts';
import type { Lease, LedgerPlace, Limits } from './limits.ts';
import type { PermissionSet } from './permission.ts';
import type { RequestView } from './request.ts';
import type { Route } from './route.ts';
import type { UsagePlace } from './usage.ts';

/** One restriction, parsed once. */
export interface CompiledRestriction {
  /** Its kind: `ip`, `time`, … */
  readonly name: string;
  /** Counted and logged, not enforced. */
  readonly isShadow: boolean;
  /** null when the request passes it. */
  readonly test: (request: RequestView) => Denial | null;
}

/**
 * A key as the data plane uses it: parsed once, then only read. What every request asks for is in this object itself, and
 * stands first: of many keys each is out of the processor's caches, and every further line that is looked at costs a wait
 * for memory.
 */
export interface LoadedKey {
  readonly id: string;
  /**
   * It works before this time, in milliseconds since the epoch, by its status and expiry; -Infinity when it does not at
   * all. Why it does not is in the record.
   */
  readonly worksUntil: number;
  readonly restrictions: readonly CompiledRestriction[];
  readonly permissions: PermissionSet;
  /** The one part that says something new. */
  readonly recent: RecentUse;
  /** The tier's limits with the key's own laid over them. */
  readonly limits: Limits;
  /** What is written of it again and again. */
  readonly texts: KeyTexts;
  readonly type: string;
  readonly owner: string;
  /** As `worksUntil`, for the secret that a rotation replaced; -Infinity when there is none. */
  readonly previousWorksUntil: number;
  /** Whether its limits are counted and logged, not enforced. */
  readonly shadowsLimits: boolean;
  /** The effective permissions as the upstream is told them: sorted, separated by spaces. */
  readonly permissionsHeader: string;
  readonly record: KeyRecord;
}

/** Texts that are the same for every request with a key; each is made when it is first needed, '' before. */
export interface KeyTexts {
  /** The header lines that tell the upstream of the key. */
  upstreamHeaders: string;
  /** The value of RateLimit-Policy. */
  ratePolicy: string;
}

/** Of a key of which nothing was written yet. */
export function noTexts(): KeyTexts {
  return { upstreamHeaders: '', ratePolicy: '' };
}

/** What this process last saw of a key. */
export interface RecentUse extends LedgerPlace, UsagePlace {
  /** Where the key was last let in from, for the throttle on failed authentication; '' before the first time. */
  address: string;
  /**
   * How the store last said that its limits stand: where this process goes on from when the store is down. An object of
   * its own, which changes (`keepLease`).
   */
  lease: Lease | null;
  readonly pace: Pace;
}

/** How often a key is used here: requests of a period, and of the one before. */
export interface Pace {
  /** When the period began, in milliseconds of a clock that never goes back. */
  since: number;
  count: number;
  before: number;
}

/** Of a key that was not used here yet. */
export function noRecentUse(): RecentUse {
  return { address: '', lease: null, pace: { since: 0, count: 0, before: 0 }, place: -1, usagePlace: -1 };
}

/** Notes how the limits stand, in place: an object for each request that lives on until the next is much work to clear away. */
export function keepLease(recent: RecentUse, lease: Lease): void {
  const kept: { -readonly [Field in keyof Lease]: Lease[Field] } | null = recent.lease;
  if (kept === null) {
    recent.lease = { ...lease };
    return;
  }
  kept.granted = lease.granted;
  kept.refusedBy = lease.refusedBy;
  kept.retryAfterMs = lease.retryAfterMs;
  kept.hourRemaining = lease.hourRemaining;
  kept.dayRemaining = lease.dayRemaining;
  kept.burstRemaining = lease.burstRemaining;
  kept.burstFullInMs = lease.burstFullInMs;
  kept.now = lease.now;
}

/** The outcome of the checks for one request. Checks fill it in; nobody else writes to it. */
export interface Decision {
  readonly request: RequestView;
  /** The route that the request matched; null when none did. */
  readonly route: Route | null;
  /** The key that the secret belongs to, also when it was refused; null when it is not known, or not asked for. */
  key: LoadedKey | null;
  /** Whether the secret was the one that a rotation replaced. */
  previousSecret: boolean;
  /** How the limits stand; null when the request did not get as far. */
  lease: Lease | null;
  /** null: the request may pass. */
  denial: Denial | null;
  /** What is in shadow and would have denied; null: nothing. */
  wouldDeny: Denial[] | null;
}

/** A decision that no check has looked at yet. */
export function newDecision(request: RequestView, route: Route | null): Decision {
  return { request, route, key: null, previousSecret: false, lease: null, denial: null, wouldDeny: null };
}

/** Notes what would have denied, were it enforced. */
export function noteShadow(decision: Decision, denial: Denial): null {
  if (decision.wouldDeny === null) decision.wouldDeny = [denial];
  else decision.wouldDeny.push(denial);
  return null;
}
