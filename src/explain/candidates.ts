import { sortedPermissions } from '../core/permission.ts';
import { RouteTable } from '../core/route.ts';
import { permissionFaults } from '../keys/key-input.ts';
import { clipped, isoText } from './bounded-text.ts';
import { type Candidate, withFields } from './candidate.ts';
import type { Scene, Situation } from './dry-gate.ts';
import { limitCandidates } from './limit-candidates.ts';
import type { Outcome } from './outcomes.ts';
import { globalCandidates, restrictionCandidates } from './restriction-candidates.ts';

/** How long a key that has expired should go on for. */
const MORE_TIME_MS = 7 * 86_400_000;
/** Permissions that are suggested; any one of a route's would do. */
const MAX_PERMISSIONS = 5;

/** What opens everything to any key that may be used at all. */
const OPEN = new RouteTable({ public: [], anyKey: ['* /*'], permissions: {} });

/** By the code of a denial: what could be changed so that it would not be given, the least first. None: nothing helps. */
const CANDIDATES: Readonly<Record<string, (scene: Scene) => Candidate[]>> = {
  key_disabled: statusCandidates,
  key_expired: statusCandidates,
  route_not_found: routeCandidates,
  permission_denied: permissionCandidates,
  rate_limited: limitCandidates,
};

/** What could be changed so that a check, or a restriction, that denies lets the request pass; the least first. */
export function candidatesFor(outcome: Outcome, scene: Scene): Candidate[] {
  const { check, denial, restriction } = outcome;
  if (restriction === null) return CANDIDATES[denial?.code ?? '']?.(scene) ?? [];
  return check.name === 'restrictions' ? restrictionCandidates(outcome, scene) : globalCandidates(outcome, scene);
}

/** A disabled key may have expired as well, and enabling it would not be enough. */
function statusCandidates({ situation, view, lease }: Scene): Candidate[] {
  const { record } = situation;
  const enable = (from: Situation): Situation => ({ ...from, record: { ...from.record, status: 'active' } });
  if (record.expiresAt === null || view.at < record.expiresAt) {
    return [{ text: 'enable the key', set: null, apply: enable }];
  }
  // A request of long ago is no reason to let a key expire in the past.
  const expiresAt = Math.max(view.at, lease?.now ?? 0) + MORE_TIME_MS;
  const shown = isoText(expiresAt);
  const extend = (from: Situation): Situation => withFields(from, { expiresAt });
  if (record.status === 'active') {
    return [{ text: `let the key expire at ${shown}`, set: { expires_at: shown }, apply: extend }];
  }
  const text = `enable the key, and let it expire at ${shown}`;
  return [{ text, set: null, apply: (from) => extend(enable(from)) }];
}

function routeCandidates({ view }: Scene): Candidate[] {
  const text = `name ${view.method} ${clipped(view.path)} in access of the configuration`;
  return [{ text, set: null, apply: (from) => ({ ...from, world: { ...from.world, routes: OPEN } }) }];
}

function permissionCandidates({ route, situation }: Scene): Candidate[] {
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
