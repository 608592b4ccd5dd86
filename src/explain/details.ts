import { PER } from '../checks/limit.ts';
import type { LoadedKey } from '../core/decision.ts';
import type { KeyRecord } from '../core/key.ts';
import { DAY_MS, HOUR_MS, type LimitName, type Limits, UNITS_PER_TOKEN } from '../core/limits.ts';
import { compilePermissions, grants } from '../core/permission.ts';
import type { Route } from '../core/route.ts';
import { clipped, count, isoText, listed } from './bounded-text.ts';
import type { StandingLimits } from './explanation.ts';
import type { Finding } from './findings.ts';
import { globalDetail, restrictionDetail } from './restriction-details.ts';
import { areLimitsKnown, type LimitsBefore, NOW_MS, type PreparedSituation } from './situation.ts';

/** What checks say besides their denials, by their names. */
const DETAILS: Readonly<Record<string, (prepared: PreparedSituation) => string>> = {
  authenticate: ({ key }) => `the secret is taken to be that of ${key.record.id}`,
  'key-status': ({ key, view }) => statusDetail(key.record, view.at),
  authorize: routeDetail,
  limit: limitDetail,
};

/** Why a finding is what it is: what was looked at, and what was found. Bounded. */
export function detailOf(finding: Finding, prepared: PreparedSituation): string {
  const { check, restriction, verdict, denial } = finding;
  if (verdict === 'skipped') return `${prepared.route?.pattern ?? 'the route'} is public: no key is asked for`;
  if (restriction !== null) {
    return check.name === 'restrictions' ? restrictionDetail(finding, prepared) : globalDetail(finding, prepared);
  }
  if (check.name === 'restrictions') return 'the key has no restriction';
  if (check.name === 'global-restrictions') return 'nothing is restricted for all requests';
  return DETAILS[check.name]?.(prepared) ?? denial?.detail ?? 'passed';
}

/** It stands behind the title of the denial, where there is one. */
function statusDetail({ status, expiresAt, revokedAt }: KeyRecord, at: number): string {
  if (status === 'revoked') {
    return `${revokedAt === null ? '' : `since ${isoText(revokedAt)}; `}a revoked key never works again`;
  }
  const isEnabled = status === 'active';
  if (expiresAt === null) return isEnabled ? 'active; never expires' : 'it would never expire';
  const when = isoText(expiresAt);
  if (at >= expiresAt) return isEnabled ? `expired at ${when}` : `it has expired too, at ${when}`;
  return isEnabled ? `active; expires at ${when}` : `it would expire at ${when}`;
}

function routeDetail({ route, key, view }: PreparedSituation): string {
  if (route === null) return `no route is configured for ${view.method} ${clipped(view.path)}`;
  if (route.access === 'any_key') return `${route.pattern} asks for no permission`;
  const needs = `${route.pattern} needs ${route.permissions.length > 1 ? 'any of ' : ''}${listed(route.permissions)}`;
  const held = heldPermission(key, route);
  if (held !== null) return `${needs}; the key has ${held}`;
  return `${needs}; the key has ${key.permissions.size === 0 ? 'no permission' : listed([...key.permissions])}`;
}

/**
 * The permission of a key that opens a route, as the key has it: the very one that the route asks for, or else
 * `resource:*`, or else `*`.
 *
 * @returns null when none does, or the route asks for none
 */
export function heldPermission(key: LoadedKey, route: Route): string | null {
  const opened = route.permissions.find((permission) => grants(key.permissions, permission));
  if (opened === undefined) return null;
  const held = [...key.permissions].filter((each) => grants(compilePermissions([each]), opened));
  // The narrowest of them is the longest text: a wildcard stands for more than it takes to write.
  return held.find((each) => each === opened) ?? held.sort((a, b) => b.length - a.length)[0] ?? null;
}

function limitDetail({ key, limits, view }: PreparedSituation): string {
  if (limits === null) return 'the store cannot say how the limits stand';
  const standing = standingLimits(limits, key.limits);
  const text = (name: LimitName, left = ''): string =>
    `${count(standing[name].remaining)} of ${count(standing[name].limit)}${left} ${PER[name]}`;
  const figures = `${text('burst', ' left')}, ${text('hour')}, ${text('day')}`;
  if (!areLimitsKnown(limits)) return `${AHEAD}; at least ${figures}`;
  const when = view.at - limits.at < -NOW_MS ? ` at ${isoText(limits.at)}; earlier is not known` : '';
  return `${limits.isExact ? '' : 'at least '}${figures}${when}`;
}

const AHEAD =
  'another process counts, and wrote more down than it has admitted, so that it may let this one in or refuse it';

/** How the limits stand before a request. */
export function standingLimits({ lease, isExact }: LimitsBefore, limits: Limits): StandingLimits {
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
    isExact,
  };
}
