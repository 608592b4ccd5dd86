/** Makes tokens by hand, so that they can be wrong in ways that a library would not allow. */
import { createHmac, type KeyObject, sign } from 'node:crypto';

export type Claims = Readonly<Record<string, unknown>>;

function part(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return Buffer.from(text).toString('base64url');
}

/** A token with an empty signature. */
export function unsigned(header: object, claims: Claims): string {
  return `${part(header)}.${part(claims)}.`;
}

/**
 * Signs with an HMAC for bytes and as the kind of the key has it otherwise, whatever the header says.
 * @param claims an object, or the text of what is no object
 * @param digest null: the key's own
 */
export function signToken(
  header: object,
  claims: Claims | string,
  key: Buffer | KeyObject,
  digest: string | null = 'sha256',
): string {
  const text = `${part(header)}.${part(claims)}`;
  const signature = Buffer.isBuffer(key)
    ? createHmac(digest ?? 'sha256', key)
        .update(text)
        .digest()
    : sign(digest, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
