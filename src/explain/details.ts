import type { KeyRecord } from '../core/key.ts';
import { clipped, isoText, listed } from './bounded-text.ts';
import type { Scene } from './dry-gate.ts';
import { heldPermission } from './held-permission.ts';
import { limitDetail } from './limit-detail.ts';
import type { Outcome } from './outcomes.ts';
import { globalDetail, restrictionDetail } from './restriction-details.ts';

/** What checks say besides their denials, by their names. */
const DETAILS: Readonly<Record<string, (outcome: Outcome, scene: Scene) => string>> = {
  authenticate: (_outcome, { key }) => `the secret is taken to be that of ${key.record.id}`,
  'key-status': (_outcome, { key }) => statusDetail(key.record),
  authorize: (_outcome, scene) => routeDetail(scene),
  limit: (_outcome, scene) => limitDetail(scene),
};

/** Why an outcome is what it is: what was looked at, and what was found. Bounded. */
export function detailOf(outcome: Outcome, scene: Scene): string {
  const { check, restriction, verdict, denial } = outcome;
  if (verdict === 'skipped') return `${scene.route?.pattern ?? 'the route'} is public: no key is asked for`;
  if (restriction !== null) {
    return check.name === 'restrictions' ? restrictionDetail(outcome, scene) : globalDetail(outcome, scene);
  }
  if (check.name === 'restrictions') return 'the key has no restriction';
  if (check.name === 'global-restrictions') return 'nothing is restricted for all requests';
  return DETAILS[check.name]?.(outcome, scene) ?? denial?.detail ?? 'passed';
}

function statusDetail({ status, expiresAt, revokedAt }: KeyRecord): string {
  if (status === 'revoked') {
    const when = revokedAt === null ? '' : ` at ${isoText(revokedAt)}`;
    return `revoked${when}; a revoked key never works again`;
  }
  return `${status}; ${expiresAt === null ? 'never expires' : `expires at ${isoText(expiresAt)}`}`;
}

function routeDetail({ route, key, view }: Scene): string {
  if (route === null) return `no route is configured for ${view.method} ${clipped(view.path)}`;
  if (route.access === 'any_key') return `${route.pattern} asks for no permission`;
  const needs = `${route.pattern} needs ${route.permissions.length > 1 ? 'any of ' : ''}${listed(route.permissions)}`;
  const held = heldPermission(key, route);
  if (held !== null) return `${needs}; the key has ${held}`;
  return `${needs}; the key has ${key.permissions.size === 0 ? 'no permission' : listed([...key.permissions])}`;
}
