import { z } from 'zod';
import { LIFETIME } from './bounds.ts';
import type { StoreConfig } from './config.ts';
import { count, duration, Invalid, matching, secretText, text } from './fields.ts';
import type { SecretSources } from './secrets.ts';
import { parseStoreUrl, STORE_WHAT, type StoreLocation, withPassword } from './store-url.ts';

const DEFAULT_STORE = 'sqlite:./data/latchkey.db';
const DEFAULT_TIMEOUT_MS = 100;

/** An HMAC key as long as the hash that it keys. */
const MIN_PEPPER_BYTES = 32;
const PEPPER_WHAT = `a secret of at least ${MIN_PEPPER_BYTES} bytes`;

/** Where keys live: an URL, or a map when there is more to say. */
export function storeSchema(sources: SecretSources) {
  const url = () => secretText(STORE_WHAT, parseStoreUrl);
  const short = url().transform((location) => store(location, DEFAULT_TIMEOUT_MS));
  const long = z
    .strictObject({
      url: url().describe('Where keys, limits and usage are kept.').prefault(DEFAULT_STORE),
      password_file: text('the path of a file', (path) => path)
        .describe('The file that holds the password for Redis.')
        .optional(),
      timeout: duration({ min: 1, max: 60_000 })
        .describe('How long one question to the store may take before it counts as down.')
        .prefault('100ms'),
    })
    .transform((v, context): StoreConfig => {
      const url = v.password_file === undefined ? v.url : withSecret(v.url, v.password_file, sources);
      if (!(url instanceof Invalid)) return store(url, v.timeout);
      context.addIssue({ code: 'custom', message: url.message, path: ['password_file'] });
      return z.NEVER;
    });
  return z
    .union([short, long])
    .describe(`Where keys, limits and usage are kept: ${STORE_WHAT}.`)
    .prefault(DEFAULT_STORE);
}

function store(location: StoreLocation, timeoutMs: number): StoreConfig {
  return { ...location, timeoutMs };
}

function withSecret(location: StoreLocation, path: string, sources: SecretSources): StoreLocation | Invalid {
  if (location.kind !== 'redis') return new Invalid('a password is for Redis only');
  const password = sources.file(path);
  if (password instanceof Invalid) return password;
  const url = withPassword(location.url, password);
  return url instanceof Invalid ? url : { kind: 'redis', url };
}

function pepperSchema(sources: SecretSources) {
  return z
    .strictObject({
      version: count({ min: 1, max: 1_000_000 }).describe('Names the pepper in stored hashes; never reuse one.'),
      secret: secretText(PEPPER_WHAT, (secret) => secret)
        .describe('The pepper itself, best as ${NAME}.')
        .optional(),
      secret_file: text('the path of a file', (path) => path)
        .describe('The file that holds the pepper.')
        .optional(),
    })
    .transform((v, context) => {
      const secret = pepper(v.secret, v.secret_file, sources);
      if (!(secret instanceof Invalid)) return { version: v.version, secret };
      context.addIssue({ code: 'custom', message: secret.message });
      return z.NEVER;
    });
}

function pepper(secret: string | undefined, file: string | undefined, sources: SecretSources): string | Invalid {
  if ((secret === undefined) === (file === undefined)) return new Invalid('expected either "secret" or "secret_file"');
  const value = secret ?? sources.file(file ?? '');
  if (value instanceof Invalid || Buffer.byteLength(value) >= MIN_PEPPER_BYTES) return value;
  return new Invalid(`expected ${PEPPER_WHAT}, got ${Buffer.byteLength(value)}`);
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
    })
    .describe('Secrets and how they are hashed.')
    .prefault({})
    .transform((v) => ({ prefix: v.prefix, peppers: v.peppers, rotationGraceMs: v.rotation_grace }));
}
