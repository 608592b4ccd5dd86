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

/** @param permission a concrete permission, `resource:action` */
export function grants(granted: PermissionSet, permission: string): boolean {
  return granted.has(permission) || granted.has('*') || granted.has(wildcardOf(permission));
}

/** The wildcard that covers a permission, by the permission: a new text for each request would have to be hashed. */
const wildcards = new Map<string, string>();
/** Of more, those are forgotten that are there. */
const MAX_WILDCARDS = 10_000;

function wildcardOf(permission: string): string {
  let wildcard = wildcards.get(permission);
  if (wildcard === undefined) {
    wildcard = `${permission.slice(0, permission.indexOf(':'))}:*`;
    if (wildcards.size >= MAX_WILDCARDS) wildcards.clear();
    wildcards.set(permission, wildcard);
  }
  return wildcard;
}
