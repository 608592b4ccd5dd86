import { z } from 'zod';
import type { StoreConfig } from './config.ts';
import { duration, filePath, Invalid, secretText } from './fields.ts';
import type { SecretSources } from './secrets.ts';
import { parseStoreUrl, STORE_WHAT, type StoreLocation, withPassword } from './store-url.ts';

const DEFAULT_STORE = 'sqlite:./data/latchkey.db';
const DEFAULT_TIMEOUT_MS = 100;

/** Where keys live: an URL, or a map when there is more to say. */
export function storeSchema(sources: SecretSources) {
  const url = () => secretText(STORE_WHAT, parseStoreUrl);
  const short = url().transform((location) => store(location, DEFAULT_TIMEOUT_MS));
  const long = z
    .strictObject({
      url: url().describe('Where keys, limits and usage are kept.').prefault(DEFAULT_STORE),
      password_file: filePath().describe('The file that holds the password for Redis.').optional(),
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
