import { createHmac, hash } from 'node:crypto';

/** A pepper: a secret outside the store under which digests are made. */
export interface Pepper {
  /** Names the pepper in the digests that it made. */
  readonly version: number;
  readonly secret: string;
}

/** Makes the digests under which secrets are stored and found. */
export interface SecretHasher {
  /** The digest that a new secret is stored under. */
  digest(secret: string): string;
  /** Every digest that a secret may be stored under, the likeliest first: at least one, one more for each older pepper. */
  candidates(secret: string): readonly string[];
}

/**
 * SHA-256, or HMAC-SHA-256 (RFC 2104) under the newest pepper. A fast hash is right here: a secret has 256 random bits,
 * so there is nothing to guess that slowness would protect.
 *
 * @param peppers newest first. Secrets stored under an older one, or before there was any, are still found.
 */
export function createSecretHasher(peppers: readonly Pepper[]): SecretHasher {
  const plain = (secret: string): string => `sha256:${hash('sha256', secret, 'base64url')}`;
  if (peppers.length === 0) return { digest: plain, candidates: (secret) => [plain(secret)] };
  const peppered = peppers.map(
    ({ version, secret: pepper }) =>
      (secret: string): string =>
        `hmac-${version}:${createHmac('sha256', pepper).update(secret).digest('base64url')}`,
  );
  const all = [...peppered, plain];
  return {
    digest: peppered[0] ?? plain,
    candidates: (secret) => all.map((make) => make(secret)),
  };
}
