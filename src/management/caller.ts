import { compilePermissions, grants, type PermissionSet } from '../core/permission.ts';

/** Who asks for a management action. */
export interface Caller {
  /** `sub` of the token; `local:NAME` for the command line on the store itself. */
  readonly subject: string;
  /** What the token lists: management's own permissions (admin:read, admin:write) and what it may pass on to keys. */
  readonly permissions: PermissionSet;
  /** The address that it came from, or the name of the machine. */
  readonly from: string;
  readonly requestId: string | null;
  /** When its token ends, in milliseconds since the epoch: nothing goes on for it after that. null: it has none. */
  readonly expiresAt: number | null;
}

/** Whether it may see everything. Who may change everything may see it too. */
export function mayRead(caller: Caller): boolean {
  return grants(caller.permissions, 'admin:read') || mayWrite(caller);
}

/** Whether it may change everything. */
export function mayWrite(caller: Caller): boolean {
  return grants(caller.permissions, 'admin:write');
}

/** The one who runs the command line on the store itself: whoever can write to the store can do anything already. */
export function localCaller(name: string, machine: string): Caller {
  return {
    subject: `local:${name}`,
    permissions: compilePermissions(['*']),
    from: machine,
    requestId: null,
    expiresAt: null,
  };
}
