import { ManagementError } from '../failures.ts';
import { TokenRejected } from './token-fault.ts';

/** RFC 6750 §2.1, with the case-insensitive scheme of RFC 9110 §11.1. */
const SCHEME = 'bearer ';
/** A signed token: three parts in base64url. One that is encrypted has five, one that is not signed an empty last one. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Longer than any token with a bearable list of permissions, and shorter than the headers may be. */
const MAX_TOKEN_LENGTH = 8192;

/**
 * The token in `Bearer <token>`. Credentials of another scheme are none (RFC 6750 §3.1).
 *
 * @throws ManagementError token_missing, or token_invalid for what cannot be a signed token
 */
export function bearerToken(authorization: string | undefined): string {
  const isBearer = authorization?.slice(0, SCHEME.length).toLowerCase() === SCHEME;
  const token = isBearer ? authorization.slice(SCHEME.length).trim() : '';
  if (token === '') {
    // Worded so that the redaction of secrets does not take it for one.
    throw new ManagementError('token_missing', 'Send a management token in the header Authorization, after "Bearer".');
  }
  if (token.length > MAX_TOKEN_LENGTH || !TOKEN.test(token)) throw new TokenRejected('malformed');
  return token;
}
