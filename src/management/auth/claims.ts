import type { JWTHeaderParameters, JWTPayload } from 'jose';
import { isPermission, sortedPermissions } from '../../core/permission.ts';
import { TokenRejected } from './token-fault.ts';

/** What a token says of whoever holds it. */
export interface TokenHolder {
  readonly subject: string;
  /** Sorted, without repetitions. */
  readonly permissions: string[];
  /** Until when it is believed, in milliseconds since the epoch. */
  readonly expiresAt: number;
}

const MAX_SUBJECT = 200;
const MAX_PERMISSIONS = 500;
/** Controls, marks that turn the direction of the text, and what is no character. */
const UNPRINTABLE = /\p{C}/u;
/** How the audit log names whoever works on the store itself: no token may pass for them. */
const LOCAL = 'local:';
/** A token for this API, in the general form (RFC 7519 §5.1) and in that of OAuth access tokens (RFC 9068 §2.1). */
const TYPES = /^(?:application\/)?(?:jwt|at\+jwt)$/i;

/** What is wrong with a subject: a fragment, like `is empty`; null when nothing is. */
export function subjectFault(subject: string): string | null {
  if (subject.trim() === '') return 'is empty; expected a name';
  if (subject.length > MAX_SUBJECT) return `has ${subject.length} characters; expected at most ${MAX_SUBJECT}`;
  if (UNPRINTABLE.test(subject)) return 'has characters that cannot be printed; expected plain text';
  if (subject.startsWith(LOCAL)) return `begins with "${LOCAL}", which stands for the command line on the store itself`;
  return null;
}

/**
 * Refuses a header that asks for more than is done here.
 *
 * @throws ManagementError token_invalid
 */
export function checkHeader({ crit, typ }: JWTHeaderParameters): void {
  if (crit !== undefined) throw new TokenRejected('header');
  if (typ !== undefined && (typeof typ !== 'string' || !TYPES.test(typ))) throw new TokenRejected('header');
}

/**
 * Reads the claims of a token whose signature, issuer, audience and time were checked. Permissions come from `permissions`
 * (a list, every one of which must be one) and from `scope` (RFC 8693 §4.2), which a token shares with other APIs: there
 * what is no permission is passed over.
 *
 * @throws ManagementError token_invalid
 */
export function holderOf({ sub, exp, permissions = [], scope = '' }: JWTPayload): TokenHolder {
  if (typeof sub !== 'string' || subjectFault(sub) !== null || exp === undefined) throw new TokenRejected('claims');
  if (!Array.isArray(permissions) || typeof scope !== 'string') throw new TokenRejected('claims');
  const listed = permissions.filter((each): each is string => typeof each === 'string' && isPermission(each));
  if (listed.length !== permissions.length) throw new TokenRejected('claims');
  const all = sortedPermissions([...listed, ...scope.split(' ').filter(isPermission)]);
  if (all.length > MAX_PERMISSIONS) throw new TokenRejected('claims');
  return { subject: sub, permissions: all, expiresAt: exp * 1000 };
}
