import type { Along } from './along.ts';

/** A named set of permissions that is made over the API; a preset is one that the configuration has. */
export interface Role {
  /** Lower-case letters, digits, `_` and `-`; what keys refer to. */
  readonly name: string;
  readonly description: string;
  /** Sorted. */
  readonly permissions: readonly string[];
  /** Milliseconds since the epoch, like `updatedAt`. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Grows by one with each change; a change names the version that it saw. */
  readonly version: number;
}

/** What the names of roles stand for. */
export type RolePermissions = ReadonlyMap<string, readonly string[]>;

export const NO_ROLES: RolePermissions = new Map();

export function rolePermissions(roles: readonly Role[]): RolePermissions {
  return new Map(roles.map(({ name, permissions }) => [name, permissions]));
}

/** Every gateway keeps all roles in memory. */
export const MAX_ROLES = 1_000;

/** A change of a role is listed by `KeyStore.changesSince` like one of a key. */
export interface RoleStore {
  /** All of them, by name. */
  list(): Promise<Role[]>;
  get(name: string): Promise<Role | null>;
  /** Rejects with STORE_CONFLICT when the name is taken, STORE_FULL when there are MAX_ROLES. */
  create(role: Role, along?: Along): Promise<void>;
  /** Replaces the role whose stored version is `role.version - 1`; rejects with STORE_CONFLICT when it is another, or gone. */
  replace(role: Role, along?: Along): Promise<void>;
  /** Removes the role of this version; rejects with STORE_CONFLICT when it is another, or gone. */
  delete(name: string, version: number, along?: Along): Promise<void>;
}
