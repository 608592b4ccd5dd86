import type { SkipReason } from './replay-request.ts';

/** Requests of one key on one route that came out differently in the same way. Times are milliseconds since the epoch. */
export interface ChangedGroup {
  /** null: without a key, or on a public route, where none is looked for. */
  readonly keyId: string | null;
  readonly keyName: string | null;
  /** Pattern of the route; null when none matches. */
  readonly route: string | null;
  /** What it was denied with before and would be denied with after; null: let through. */
  readonly before: string | null;
  readonly after: string | null;
  readonly count: number;
  readonly first: number;
  readonly last: number;
  /** One of them. */
  readonly example: {
    readonly requestId: string;
    readonly method: string;
    readonly path: string;
    readonly address: string;
  };
}

/** Most requests first. */
export interface Changed {
  readonly requests: number;
  readonly groups: readonly ChangedGroup[];
  /** Requests of groups that there was no room for. */
  readonly ungrouped: number;
}

/** A permission that a key holds, and what gives it: `the key`, `preset read_only`, `role ops`. */
export interface HeldPermission {
  readonly permission: string;
  readonly from: readonly string[];
}

/** What a key did with its permissions, by the routes of the requests that were let through. */
export interface PermissionUse {
  readonly keyId: string;
  readonly keyName: string;
  /** How many requests this rests on, and from when to when; milliseconds since the epoch. */
  readonly requests: number;
  readonly first: number;
  readonly last: number;
  readonly neverUsed: readonly HeldPermission[];
  /** Wildcards, and what each was used as. */
  readonly wildcards: readonly { readonly permission: string; readonly usedAs: readonly string[] }[];
  /** The permissions without a wildcard that would have done for these requests. */
  readonly wouldDo: readonly string[];
}

export interface ReplayReport {
  /** Requests that were found in what was read, also those that were skipped. */
  readonly read: number;
  readonly replayed: number;
  /** Of the replayed, those that came without a known key. */
  readonly withoutKey: number;
  /** Keys that occur in the replayed. */
  readonly keys: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  /** When the replayed were made; null when there was none. */
  readonly period: { readonly first: number; readonly last: number } | null;
  readonly sameAllowed: number;
  readonly sameDenied: number;
  readonly newlyDenied: Changed;
  readonly newlyAllowed: Changed;
  readonly deniedDifferently: Changed;
  /** Requests on routes that are public before and not after: whether they had a key, no log tells. */
  readonly maybeWithKey: number;
  /** Requests that stand out of order, for which the limits were left out. */
  readonly disordered: number;
  /** Keys whose limits began anew, because there were more keys than are kept in memory. */
  readonly forgotten: number;
  /** Whether permissions are told as they are today, or as they would be: what is held, and what a route asks for. */
  readonly permissionsIn: 'today' | 'proposed';
  /** Only keys that hold more than they used, those with the most requests first. */
  readonly permissions: readonly PermissionUse[];
  /** Keys whose permissions were not looked at, as there were too many. */
  readonly permissionsLeftOut: number;
}
