/**
 * Permissions: `resource:action`, with the wildcards `resource:*` and `*`. A granted set is compiled once, when a key
 * is loaded, so that a request costs at most three set look-ups for each permission that would do.
 */
const PERMISSION = /^(?:\*|[a-z][a-z0-9_.-]{0,63}:(?:\*|[a-z][a-z0-9_.-]{0,63}))$/;
const CONCRETE = /^[a-z][a-z0-9_.-]{0,63}:[a-z][a-z0-9_.-]{0,63}$/;

/** Whether a text is a permission that may be granted: `resource:action`, `resource:*` or `*`. */
export function isPermission(text: string): boolean {
  return PERMISSION.test(text);
}

/** Whether a text is a permission that a route may ask for: `resource:action`, no wildcard. */
export function isConcretePermission(text: string): boolean {
  return CONCRETE.test(text);
}

export type PermissionSet = ReadonlySet<string>;

export function compilePermissions(...lists: readonly (readonly string[])[]): PermissionSet {
  return new Set(lists.flat());
}

/** Sorted, without repetitions: the form in which permissions are stored and shown. */
export function sortedPermissions(permissions: Iterable<string>): string[] {
  return [...new Set(permissions)].sort();
}

/** The wildcard that covers a concrete permission: `resource:*`. */
export function wildcardOf(permission: string): string {
  return `${permission.slice(0, permission.indexOf(':'))}:*`;
}

/**
 * @param permission a concrete permission, `resource:action`
 * @param wildcard   that covers it: a route has it ready, as a text that is made for each request would have to be hashed
 */
export function grants(granted: PermissionSet, permission: string, wildcard = wildcardOf(permission)): boolean {
  return granted.has(permission) || granted.has('*') || granted.has(wildcard);
}
