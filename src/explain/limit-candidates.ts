import { type Limits, MAX_LIMIT } from '../core/limits.ts';
import { isoText } from './bounded-text.ts';
import { type Candidate, waiting, withFields } from './candidate.ts';
import type { Scene } from './dry-gate.ts';
import { standingLimits } from './limit-detail.ts';

/** A wait that is told in seconds; a longer one is told by when it ends. */
const SHORT_WAIT_MS = 120_000;

/** The limits as the API names them. */
const FIELDS = { perHour: 'per_hour', perDay: 'per_day', burst: 'burst' } as const satisfies Record<
  keyof Limits,
  string
>;

const NAMES: readonly (keyof Limits)[] = ['burst', 'perHour', 'perDay'];

/** What could be changed so that the limits let a request pass that they refuse. */
export function limitCandidates(scene: Scene): Candidate[] {
  const { lease, situation } = scene;
  if (lease === null) return [];
  const seconds = Math.max(1, Math.ceil(lease.retryAfterMs / 1000));
  const isShort = lease.retryAfterMs <= SHORT_WAIT_MS;
  const text = isShort ? `wait ${seconds} s` : `wait until ${isoText(lease.now + seconds * 1000)}`;
  return [waiting(text, situation.waitMs + seconds * 1000), raised(scene)].filter((each) => each !== null);
}

/** Twice of each limit that is used up; null when none can be raised. */
function raised({ key, lease, situation }: Scene): Candidate | null {
  if (lease === null) return null;
  const { burst, hour, day } = standingLimits(lease, key.limits);
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
