import { z } from 'zod';
import { accessSchema, presetsSchema, tiersSchema } from './access-schema.ts';
import { DAY } from './bounds.ts';
import { choice, count, duration, durationOrNever, flag } from './fields.ts';
import { keyTypesSchema } from './key-types-schema.ts';
import { keysSchema } from './keys-schema.ts';
import { managementSchema } from './management-schema.ts';
import { listenAddress } from './network-fields.ts';
import { countrySchema, torSchema } from './places-schema.ts';
import { proxySchema } from './proxy-schema.ts';
import { restrictionsSchema } from './restrictions-schema.ts';
import type { SecretSources } from './secrets.ts';
import { storeSchema } from './store-schema.ts';
import { upstreamSchema } from './upstream-schema.ts';

const healthSchema = z
  .strictObject({
    listen: listenAddress().describe('Address of /livez, /readyz and /metrics.').prefault('0.0.0.0:9464'),
    store_grace: duration({ min: 1, max: DAY, zero: true })
      .describe('How long the store may be silent before /readyz fails for that reason.')
      .prefault('0s'),
  })
  .describe('The listener for health checks and metrics.')
  .prefault({})
  .transform((v) => ({ listen: v.listen, storeGraceMs: v.store_grace }));

const cacheSchema = z
  .strictObject({
    max_keys: count({ min: 1, max: 10_000_000 }).describe('Keys kept in memory.').prefault(100_000),
    max_unknown: count({ min: 1, max: 1_000_000 })
      .describe('Unknown secrets remembered as unknown, by their hash.')
      .prefault(10_000),
    ttl: duration({ min: 1, max: DAY, zero: true })
      .describe('How long a cached key is used before it is read again, changed or not.')
      .prefault('1m'),
    unknown_ttl: duration({ min: 1, max: DAY, zero: true })
      .describe('How long an unknown secret is remembered as unknown.')
      .prefault('1s'),
    max_stale: duration({ min: 1, max: 7 * DAY, zero: true })
      .describe('How long cached keys keep working while the store cannot be asked.')
      .prefault('15m'),
  })
  .describe('The keys that are kept in memory.')
  .prefault({})
  .transform((v) => ({
    maxKeys: v.max_keys,
    maxUnknown: v.max_unknown,
    ttlMs: v.ttl,
    unknownTtlMs: v.unknown_ttl,
    maxStaleMs: v.max_stale,
  }));

const KEPT = { min: DAY, max: 36_500 * DAY } as const;

const retentionSchema = z
  .strictObject({
    usage: duration(KEPT).describe('How long the counts of requests are kept, a day after the other.').prefault('400d'),
    audit: durationOrNever(KEPT)
      .describe('How long the audit log is kept; never: nothing is removed from it.')
      .prefault('never'),
  })
  .describe('How long what is not a key is kept.')
  .prefault({})
  .transform((v) => ({ usageMs: v.usage, auditMs: v.audit }));

const failuresSchema = z
  .strictObject({
    burst: count({ min: 1, max: 1_000_000 })
      .describe('Failed authentications that one address may have before it is refused.')
      .prefault(20),
    per_minute: count({ min: 1, max: 1_000_000 }).describe('How many of them come back each minute.').prefault(20),
    max_addresses: count({ min: 1, max: 10_000_000 }).describe('Addresses remembered at a time.').prefault(100_000),
  })
  .describe('Throttles failed authentication, so that keys cannot be guessed at speed.')
  .prefault({})
  .transform((v) => ({ burst: v.burst, perMinute: v.per_minute, maxAddresses: v.max_addresses }));

const logSchema = z
  .strictObject({
    level: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .describe('The least severe messages that are written.')
      .prefault('info'),
    format: choice(['auto', 'json', 'pretty']).describe('auto: pretty on a terminal, JSON otherwise.').prefault('auto'),
    requests: flag().describe('Write one line for each request.').prefault(true),
  })
  .describe('What is logged, and how.')
  .prefault({});

/**
 * The whole configuration file: takes what YAML gave, yields all of Config but the file's name.
 *
 * @param sources where secrets outside the file are read from
 */
export function configSchema(sources: SecretSources) {
  return z
    .strictObject({
      proxy: proxySchema,
      management: managementSchema,
      health: healthSchema,
      store: storeSchema(sources),
      cache: cacheSchema,
      keys: keysSchema(sources),
      upstreams: z
        .array(upstreamSchema(sources))
        .min(1)
        .max(1000)
        .describe('The APIs behind this gateway. With several, the one with the most specific host and path is used.'),
      access: accessSchema,
      presets: presetsSchema,
      tiers: tiersSchema,
      key_types: keyTypesSchema,
      country: countrySchema,
      tor: torSchema,
      restrictions: restrictionsSchema,
      failures: failuresSchema,
      retention: retentionSchema,
      log: logSchema,
    })
    .transform(({ key_types, country, tor, ...rest }) => ({
      ...rest,
      keyTypes: key_types,
      places: { countryDatabase: country, torList: tor },
    }));
}
