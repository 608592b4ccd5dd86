import { type Limits, MAX_LIMIT } from '../core/limits.ts';
import { sortedPermissions } from '../core/permission.ts';
import { RouteTable } from '../core/route.ts';
import { type KeyFields, normalFields, permissionFaults } from '../keys/key-input.ts';
import { clipped, isoText } from './bounded-text.ts';
import { standingLimits } from './details.ts';
import type { Finding } from './findings.ts';
import { type PreparedSituation, type Situation, waitOf } from './situation.ts';

/** Something that could be changed, and what the situation would then be. */
export interface Candidate {
  /** As `Change` has it. */
  readonly text: string;
  /** As `Change` has it. */
  readonly set: Readonly<Record<string, unknown>> | null;
  readonly apply: (situation: Situation) => Situation;
}

/** How long a key that has expired should go on for. */
const MORE_TIME_MS = 7 * 86_400_000;
/** Permissions that are suggested; any one of a route's would do. */
const MAX_PERMISSIONS = 5;
/** A wait that is told in seconds; a longer one is told by when it ends. */
const SHORT_WAIT_MS = 120_000;

/** What opens everything to any key that may be used at all. */
const OPEN = new RouteTable({ public: [], anyKey: ['* /*'], permissions: {} });

/** The limits as the API names them, in the order in which they are told. */
const FIELDS = { burst: 'burst', perHour: 'per_hour', perDay: 'per_day' } as const satisfies Record<
  keyof Limits,
  string
>;
const NAMES = Object.keys(FIELDS) as readonly (keyof Limits)[];

/** By the code of a denial: what could be changed so that it would not be given, the least first. None: nothing helps. */
const CANDIDATES: Readonly<Record<string, (prepared: PreparedSituation) => Candidate[]>> = {
  key_disabled: statusCandidates,
  key_expired: statusCandidates,
  route_not_found: routeCandidates,
  permission_denied: permissionCandidates,
  rate_limited: limitCandidates,
};

/** What could be changed so that a check that denies lets the request pass, the least first; not for restrictions. */
export function checkCandidates({ denial }: Finding, prepared: PreparedSituation): Candidate[] {
  return CANDIDATES[denial?.code ?? '']?.(prepared) ?? [];
}

/** The situation with other fields of the key, stored as an update would store them. */
export function withFields(situation: Situation, fields: Partial<KeyFields>): Situation {
  return { ...situation, record: { ...situation.record, ...normalFields(fields) } };
}

/** To send the request so much later: nothing has to be changed. */
export function waiting(text: string, waitMs: number): Candidate {
  return {
    text,
    set: null,
    apply: (situation) => ({ ...situation, waitMs: Math.max(situation.waitMs, waitMs) }),
  };
}

/** A disabled key may have expired as well, and enabling it would not be enough. */
function statusCandidates({ situation, view, limits }: PreparedSituation): Candidate[] {
  const { record } = situation;
  const enable = (from: Situation): Situation => ({ ...from, record: { ...from.record, status: 'active' } });
  if (record.expiresAt === null || view.at < record.expiresAt) {
    return [{ text: 'enable the key', set: null, apply: enable }];
  }
  // A request of long ago is no reason to let a key expire in the past.
  const expiresAt = Math.max(view.at, limits?.at ?? 0) + MORE_TIME_MS;
  const shown = isoText(expiresAt);
  const set = { expires_at: shown };
  const extend = (from: Situation): Situation => withFields(from, { expiresAt });
  if (record.status === 'active') return [{ text: `let the key expire at ${shown}`, set, apply: extend }];
  const text = `enable the key, and let it expire at ${shown}`;
  return [{ text, set, apply: (from) => extend(enable(from)) }];
}

function routeCandidates({ view }: PreparedSituation): Candidate[] {
  const text = `name ${view.method} ${clipped(view.path)} in access of the configuration`;
  return [{ text, set: null, apply: (from) => ({ ...from, world: { ...from.world, routes: OPEN } }) }];
}

function permissionCandidates({ route, situation }: PreparedSituation): Candidate[] {
  return (route?.permissions ?? []).slice(0, MAX_PERMISSIONS).flatMap((permission) => {
    const permissions = sortedPermissions([...situation.record.permissions, permission]);
    // As many as a key may have: another does not fit. Which of them a route names is not the question here.
    if (permissionFaults(permissions, { permissions }).length > 0) return [];
    return [
      {
        text: `add ${permission} to permissions`,
        set: { permissions },
        apply: (from: Situation) => withFields(from, { permissions }),
      },
    ];
  });
}

function limitCandidates(prepared: PreparedSituation): Candidate[] {
  const { limits, situation } = prepared;
  if (limits === null) return [];
  const waitMs = waitOf(limits);
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  const until = isoText(limits.at + seconds * 1000);
  const text = waitMs <= SHORT_WAIT_MS ? `wait ${seconds} s` : `wait until ${until}`;
  return [waiting(text, situation.waitMs + seconds * 1000), raised(prepared)].filter((each) => each !== null);
}

/** Twice of each limit that is used up; null when none can be raised. */
function raised({ key, limits: before, situation }: PreparedSituation): Candidate | null {
  if (before === null) return null;
  const { burst, hour, day } = standingLimits(before, key.limits);
  const remaining = { burst: burst.remaining, perHour: hour.remaining, perDay: day.remaining };
  const names = NAMES.filter((name) => remaining[name] === 0 && key.limits[name] < MAX_LIMIT);
  if (names.length === 0) return null;
  const higher = names.map((name) => [name, Math.min(MAX_LIMIT, 2 * key.limits[name])] as const);
  // An update names all that the key overrides of its tier.
  const limits: Partial<Limits> = { ...situation.record.limits, ...Object.fromEntries(higher) };
  const named = NAMES.filter((name) => limits[name] !== undefined);
  const set = Object.fromEntries(named.map((name) => [FIELDS[name], limits[name]]));
  const text = higher.map(([name, value]) => `${FIELDS[name]} to ${value}`).join(' and ');
  return { text: `raise ${text}`, set: { limits: set }, apply: (from) => withFields(from, { limits }) };
}
