import { hash } from 'node:crypto';
import type { SecretDigest } from '../../core/key.ts';
import type { SecretHasher } from '../../keys/hasher.ts';
import { hasOwnForm, hintOf, isWellFormedSecret } from '../../keys/secret.ts';

/** Gateways look at no longer one. */
const MAX_LENGTH = 512;
/** What may follow `Bearer ` in a header without being changed on the way. */
const SENDABLE = /^[\x21-\x7e]+$/;
const HEX = /^[0-9a-f]{64}$/i;
/** 32 bytes in 43 characters of base64 or base64url, and one of padding that may be left out. */
const BASE64 = /^[A-Za-z0-9+/_-]{43}=?$/;

/** The shortest plain secret that is taken without being asked to; a shorter one can be guessed. */
export const MIN_LENGTH = 16;
export const MIN_WEAK_LENGTH = 8;

/** What opens a key that is brought along. */
export interface GivenSecret extends SecretDigest {
  readonly imported: boolean;
  /** Every digest that it may be stored under already. */
  readonly candidates: readonly string[];
  /** `sha256:…`: the same for the secret and for its hash. */
  readonly identity: string;
}

/** What is wrong with a plain secret; null when it can be taken. */
export function secretFault(secret: string, minLength: number): string | null {
  if (!SENDABLE.test(secret)) {
    return 'has spaces, control characters or characters beyond ASCII, which an Authorization header cannot carry';
  }
  if (hasOwnForm(secret) && !isWellFormedSecret(secret)) {
    return 'has the form of a Latchkey secret and a wrong checksum: some character of it is wrong';
  }
  if (secret.length > MAX_LENGTH) return `has ${secret.length} characters; expected at most ${MAX_LENGTH}`;
  if (secret.length >= minLength) return null;
  const wayOut = minLength > MIN_WEAK_LENGTH ? `, or --allow-weak for ${MIN_WEAK_LENGTH} and more` : '';
  return `has ${secret.length} characters, so few that it can be guessed; expected at least ${minLength}${wayOut}`;
}

/** A plain secret that has no fault. */
export function fromSecret(secret: string, hasher: SecretHasher): GivenSecret {
  return {
    digest: hasher.digest(secret),
    hint: hintOf(secret),
    imported: !isWellFormedSecret(secret),
    candidates: hasher.candidates(secret),
    identity: `sha256:${hash('sha256', secret, 'base64url')}`,
  };
}

/** A SHA-256 of a secret, in hexadecimal, base64 or base64url; null when it is none. */
export function fromHash(text: string): GivenSecret | null {
  const encoded = text.replace(/^sha-?256[:=]/i, '');
  const encoding = HEX.test(encoded) ? 'hex' : BASE64.test(encoded) ? 'base64' : null;
  if (encoding === null) return null;
  // Node's base64 reads both alphabets.
  const bytes = Buffer.from(encoded, encoding);
  if (bytes.length !== 32) return null;
  const digest = `sha256:${bytes.toString('base64url')}`;
  return { digest, hint: '…', imported: true, candidates: [digest], identity: digest };
}
