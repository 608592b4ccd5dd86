import { errors } from 'jose';
import { ManagementError } from '../failures.ts';

/** Why a token is not believed, for the log and the metrics. */
export const TOKEN_FAULTS = [
  /** It is no signed token at all, or too long. */
  'malformed',
  /** Signed in a way that is not believed here. */
  'algorithm',
  /** It names a key that is not there, or none where there are several. */
  'key',
  'signature',
  /** Its header asks for something that is not done here. */
  'header',
  'expired',
  'not_yet_valid',
  'issuer',
  'audience',
  /** Its subject, permissions or times are missing, or none. */
  'claims',
  'other',
] as const;
export type TokenFault = (typeof TOKEN_FAULTS)[number];

const EXPIRED = 'The token has expired; get another.';
/** Which part of a token is wrong would help only whoever makes one up. */
const UNSAID = 'Check who issued the token, for whom, and that it is complete.';

/** A token that is not believed. Its caller is told no more than whether it has expired. */
export class TokenRejected extends ManagementError {
  readonly fault: TokenFault;
  constructor(fault: TokenFault, cause?: unknown) {
    // Only a token with the right signature is found to have expired: its holder may know.
    const detail = fault === 'expired' ? EXPIRED : UNSAID;
    super('token_invalid', detail, [], null, cause === undefined ? {} : { cause });
    this.fault = fault;
  }
}

const FAULTS: Readonly<Record<string, TokenFault>> = {
  [errors.JWTExpired.code]: 'expired',
  [errors.JWSSignatureVerificationFailed.code]: 'signature',
  [errors.JOSEAlgNotAllowed.code]: 'algorithm',
  [errors.JOSENotSupported.code]: 'header',
  [errors.JWKSNoMatchingKey.code]: 'key',
  [errors.JWKSMultipleMatchingKeys.code]: 'key',
  [errors.JWSInvalid.code]: 'malformed',
  [errors.JWTInvalid.code]: 'malformed',
};

const CLAIM_FAULTS: Readonly<Record<string, TokenFault>> = {
  iss: 'issuer',
  aud: 'audience',
  nbf: 'not_yet_valid',
};

/** What the check of a token failed with. */
export function faultOf(error: unknown): TokenFault {
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_FAULTS[error.claim] ?? 'claims';
  return error instanceof errors.JOSEError ? (FAULTS[error.code] ?? 'other') : 'other';
}

/** Why the token of a refused call was not believed; null when that is not why it was refused. */
export function tokenFaultOf(failure: ManagementError): TokenFault | null {
  for (const each of [failure, failure.cause]) if (each instanceof TokenRejected) return each.fault;
  return null;
}
