import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * The published form of a secret: `<prefix>_`, 43 base62 characters from the CSPRNG (256 bits), and the CRC-32 of all
 * before them in 6 base62 characters. Secret scanners find it, and a typing error is seen without asking the store.
 */
export const SECRET_PATTERN = /\b[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*_[0-9A-Za-z]{49}\b/g;

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
const TAIL_LENGTH = RANDOM_LENGTH + CHECKSUM_LENGTH;
const PREFIX = /^[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*$/;
const MAX_PREFIX_LENGTH = 32;
/** A foreign secret must be this long before four characters of it may be shown. */
const MIN_HINTED_LENGTH = 24;
/** Bytes at or above this would make some characters likelier than others; they are drawn again. */
const UNBIASED_BELOW = 248;

const IS_BASE62 = new Uint8Array(128);
for (const c of ALPHABET) IS_BASE62[c.charCodeAt(0)] = 1;

/** Whether a text can be the prefix of secrets: letters and digits, parts joined by `_`, at most 32 characters. */
export function isSecretPrefix(text: string): boolean {
  return text.length <= MAX_PREFIX_LENGTH && PREFIX.test(text);
}

/** A new secret. It is shown once; only its digest is stored. */
export function newSecret(prefix: string): string {
  let body = `${prefix}_`;
  const length = body.length + RANDOM_LENGTH;
  while (body.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < UNBIASED_BELOW && body.length < length) body += ALPHABET[byte % 62];
    }
  }
  return body + checksum(body);
}

/**
 * Whether a text has the form of a secret, checksum included. Any prefix will do: keys that were issued under an
 * earlier one stay valid.
 */
export function isWellFormedSecret(text: string): boolean {
  return hasOwnForm(text) && text.endsWith(checksum(text.slice(0, -CHECKSUM_LENGTH)));
}

/**
 * Whether a store need be asked about a text. While there are imported keys a secret may have any form but our own with a
 * wrong checksum.
 */
export function mayBeSecret(text: string, hasImported: boolean): boolean {
  return isWellFormedSecret(text) || (hasImported && !hasOwnForm(text));
}

/** Whether a text has the form of a secret but for the checksum, which may be wrong. */
export function hasOwnForm(text: string): boolean {
  const start = text.length - TAIL_LENGTH;
  if (start < 2 || start > MAX_PREFIX_LENGTH + 1 || text[start - 1] !== '_') return false;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 128 || IS_BASE62[code] === 0) return false;
  }
  return true;
}

/** What may be shown of a secret later: its prefix and its last four characters. Of a short text nothing is shown. */
export function hintOf(secret: string): string {
  if (isWellFormedSecret(secret)) return `${secret.slice(0, -TAIL_LENGTH)}…${secret.slice(-4)}`;
  return secret.length < MIN_HINTED_LENGTH ? '…' : `…${secret.slice(-4)}`;
}

function checksum(text: string): string {
  let rest = crc32(text);
  let out = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    out = ALPHABET[rest % 62] + out;
    rest = Math.floor(rest / 62);
  }
  return out;
}
