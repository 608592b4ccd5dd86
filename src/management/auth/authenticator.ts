import { type JWTHeaderParameters, type JWTPayload, jwtVerify } from 'jose';
import type { JwtConfig } from '../../config/config.ts';
import type { Clock } from '../../core/clock.ts';
import { ManagementError } from '../failures.ts';
import { bearerToken } from './bearer.ts';
import { checkHeader, holderOf, type TokenHolder } from './claims.ts';
import type { KeySource } from './key-source.ts';
import { publicKeySource } from './public-key-file.ts';
import { remoteKeySource } from './remote-keys.ts';
import { secretSource } from './secret-file.ts';
import { faultOf, TokenRejected } from './token-fault.ts';
import type { OnTrouble } from './trouble.ts';

/** How far the clocks of whoever issues tokens may be from this one. */
const CLOCK_TOLERANCE_SECONDS = 5;

export interface Authenticator {
  /**
   * Finds out who holds the token in an Authorization header.
   *
   * @throws ManagementError token_missing, token_invalid or token_keys_unavailable
   */
  authenticate(authorization: string | undefined): Promise<TokenHolder>;
  /** What whoever runs this should know: `… can be read by others`. */
  readonly warnings: readonly string[];
}

export interface AuthenticatorOptions {
  /** Told why the keys of tokens cannot be read, when that begins, changes, or goes on; and null when it is over. */
  readonly onTrouble?: OnTrouble;
}

/**
 * Believes the tokens that the configuration says, and makes the signing secret when it is not there yet.
 *
 * @throws ConfigError when the secret or key cannot be used
 */
export async function createAuthenticator(
  jwt: JwtConfig,
  clock: Clock,
  { onTrouble = () => undefined }: AuthenticatorOptions = {},
): Promise<Authenticator> {
  const keys = keySource(jwt, clock, onTrouble);
  return {
    warnings: keys.warnings,
    async authenticate(authorization) {
      const token = bearerToken(authorization);
      const { protectedHeader, payload } = await verify(token, keys, jwt, clock);
      checkHeader(protectedHeader);
      return holderOf(payload);
    },
  };
}

function keySource({ source }: JwtConfig, clock: Clock, onTrouble: OnTrouble): KeySource {
  switch (source.kind) {
    case 'secret_file':
      return secretSource(source.path);
    case 'public_key_file':
      return publicKeySource(source.path);
    case 'jwks_url':
      return remoteKeySource(source.url, clock, onTrouble);
  }
}

interface Verified {
  readonly protectedHeader: JWTHeaderParameters;
  readonly payload: JWTPayload;
}

async function verify(token: string, keys: KeySource, jwt: JwtConfig, clock: Clock): Promise<Verified> {
  try {
    return await jwtVerify(token, (header) => keys.key(header), {
      algorithms: [...keys.algorithms],
      issuer: jwt.issuer,
      audience: jwt.audience,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(clock.now()),
    });
  } catch (error) {
    if (error instanceof ManagementError) throw error;
    throw new TokenRejected(faultOf(error), error);
  }
}
