import type { Decision } from '../core/decision.ts';
import { type Denial, deny } from '../core/denial.ts';
import { grants } from '../core/permission.ts';
import type { Route } from '../core/route.ts';
import type { Check } from './check.ts';

const NOT_FOUND = deny('route_not_found', 'No route is configured for this method and path.');

/** Whether the key holds one of the permissions that the route asks for. What no route names is not found. */
export const authorize: Check = { name: 'authorize', run };

function run(decision: Decision): Denial | null {
  const { key, route } = decision;
  if (key === null) throw new Error('authorize must come after authenticate');
  if (route === null) return NOT_FOUND;
  if (route.access === 'any_key') return null;
  const { permissions, wildcards } = route;
  for (let i = 0; i < permissions.length; i++) {
    if (grants(key.permissions, permissions[i] as string, wildcards[i])) return null;
  }
  return lacking(route);
}

function lacking(route: Route): Denial {
  const wanted = route.permissions.join(' or ');
  return deny('permission_denied', `This route needs the permission ${wanted}.`, {
    required_permission: route.permissions,
  });
}
