import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Seals secrets so that only who has the key can read them, and only in the place that they were sealed for. */
export interface Sealer {
  /** @param place what the secret belongs to; it cannot be opened for another one */
  seal(secret: string, place: string): string;
  /** null when it was sealed under another key or for another place, or was changed. */
  open(sealed: string, place: string): string | null;
}

/**
 * AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce for each secret: far fewer than the 2^32 that one key may seal.
 *
 * @param key 32 bytes
 */
export function createSealer(key: Uint8Array): Sealer {
  return {
    seal: (secret, place) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
      const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, text, cipher.getAuthTag()]).toString('base64url');
    },
    open: (sealed, place) => {
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const text = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
      const options = { authTagLength: TAG_BYTES };
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, options).setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
      } catch {
        // The one thing that `final` throws for: the tag does not fit.
        return null;
      }
    },
  };
}

/** A key from a text that its holder knows and the store does not: HKDF-SHA-256 (RFC 5869). */
export function sealingKeyFrom(text: string, salt: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', text, salt, purpose, KEY_BYTES));
}
