import { createSecretKey } from 'node:crypto';
import { SignJWT } from 'jose';

export interface NewToken {
  readonly secret: Buffer;
  readonly issuer: string;
  readonly audience: string;
  readonly subject: string;
  readonly permissions: readonly string[];
  readonly ttlSeconds: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface MintedToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Signs a management token with the secret that the gateway checks it with. What is asked for was checked before. */
export async function mintToken(asked: NewToken): Promise<MintedToken> {
  const issuedAt = Math.floor(asked.now / 1000);
  const expiresAt = issuedAt + asked.ttlSeconds;
  const token = await new SignJWT({ permissions: [...asked.permissions] })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(asked.issuer)
    .setAudience(asked.audience)
    .setSubject(asked.subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(createSecretKey(asked.secret));
  return { token, expiresAt: expiresAt * 1000 };
}
