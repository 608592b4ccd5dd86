import type { LoadedKey } from '../core/decision.ts';
import { compilePermissions, grants } from '../core/permission.ts';
import type { Route } from '../core/route.ts';

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
