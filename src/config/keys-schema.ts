import { z } from 'zod';
import { LIFETIME } from './bounds.ts';
import { count, duration, filePath, Invalid, matching, secretText } from './fields.ts';
import type { SecretSources } from './secrets.ts';

/** An HMAC key as long as the hash that it keys. */
const MIN_PEPPER_BYTES = 32;
const PEPPER_WHAT = `a secret of at least ${MIN_PEPPER_BYTES} bytes`;

const SEALING_KEY_WHAT =
  '32 random bytes, written as 64 hexadecimal digits or in base64, like from: openssl rand -hex 32';

function pepperSchema(sources: SecretSources) {
  return z
    .strictObject({
      version: count({ min: 1, max: 1_000_000 }).describe('Names the pepper in stored hashes; never reuse one.'),
      secret: secretText(PEPPER_WHAT, (secret) => secret)
        .describe('The pepper itself, best as ${NAME}.')
        .optional(),
      secret_file: filePath().describe('The file that holds the pepper.').optional(),
    })
    .transform((v, context) => {
      const secret = pepper(v.secret, v.secret_file, sources);
      if (!(secret instanceof Invalid)) return { version: v.version, secret };
      context.addIssue({ code: 'custom', message: secret.message });
      return z.NEVER;
    });
}

function pepper(secret: string | undefined, file: string | undefined, sources: SecretSources): string | Invalid {
  const value = oneSecret(secret, file, sources);
  if (value instanceof Invalid || Buffer.byteLength(value) >= MIN_PEPPER_BYTES) return value;
  return new Invalid(`expected ${PEPPER_WHAT}, got ${Buffer.byteLength(value)}`);
}

/** The secret that is given itself or in a file. */
function oneSecret(secret: string | undefined, file: string | undefined, sources: SecretSources): string | Invalid {
  if ((secret === undefined) === (file === undefined)) return new Invalid('expected either "secret" or "secret_file"');
  return secret ?? sources.file(file ?? '');
}

function recoverableSchema(sources: SecretSources) {
  return z
    .strictObject({
      secret: secretText(SEALING_KEY_WHAT, (secret) => secret)
        .describe('The key under which secrets are sealed, best as ${NAME}.')
        .optional(),
      secret_file: filePath().describe('The file that holds it.').optional(),
    })
    .describe(
      'Keeps secrets so that they can be shown again, sealed under a key from outside the store. Off: they cannot.',
    )
    .transform((v, context): Buffer => {
      const given = oneSecret(v.secret, v.secret_file, sources);
      const key = given instanceof Invalid ? given : sealingKey(given);
      if (!(key instanceof Invalid)) return key;
      context.addIssue({ code: 'custom', message: key.message });
      return z.NEVER;
    });
}

/** Exactly 32 bytes, written so that none is lost: what is not whole is refused rather than stretched or cut. */
function sealingKey(text: string): Buffer | Invalid {
  if (/^[0-9A-Fa-f]{64}$/.test(text)) return Buffer.from(text, 'hex');
  if (/^(?:[A-Za-z0-9+/]{43}|[A-Za-z0-9_-]{43})=?$/.test(text)) {
    const bytes = Buffer.from(text, 'base64');
    const plain = text.replace('=', '').replaceAll('+', '-').replaceAll('/', '_');
    // The last character has two bits too many; when they are set, the text was mistyped.
    if (bytes.toString('base64url') === plain) return bytes;
  }
  return new Invalid(`expected ${SEALING_KEY_WHAT}`);
}

export function keysSchema(sources: SecretSources) {
  return z
    .strictObject({
      prefix: matching(
        'at most 32 letters and digits, parts joined by "_", like lk or acme_live',
        /^(?=.{1,32}$)[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*$/,
      )
        .describe('What new secrets start with, before an underscore.')
        .prefault('lk'),
      peppers: z
        .array(pepperSchema(sources))
        .max(16)
        .describe('Secrets mixed into the stored hashes, newest first. None: plain SHA-256.')
        .prefault([]),
      rotation_grace: duration({ min: 1, max: LIFETIME.max, zero: true })
        .describe('How long the old secret works after a rotation.')
        .prefault('24h'),
      recoverable: recoverableSchema(sources).optional(),
    })
    .describe('Secrets and how they are hashed.')
    .prefault({})
    .transform((v) => ({
      prefix: v.prefix,
      peppers: v.peppers,
      rotationGraceMs: v.rotation_grace,
      recoverableUnder: v.recoverable ?? null,
    }));
}
