import { z } from 'zod';
import { formatDuration } from '../core/duration.ts';
import { bare, NAME, NAME_WHAT } from './access-schema.ts';
import { DAY, LIFETIME } from './bounds.ts';
import { count, duration, durationOrNever, matching } from './fields.ts';

/** The default: an organization's keys live shortest since most people share them; a service's are rotated instead. */
export const DEFAULT_KEY_TYPES = {
  personal: { tier: 'personal', default_expiry: '90d' },
  organization: { tier: 'organization', default_expiry: '30d' },
  service: { tier: 'service', default_expiry: 'never', rotation_due: '365d' },
} as const;

const requestLogSchema = z
  .strictObject({
    retention: duration({ min: 1000, max: 3650 * DAY, zero: true })
      .describe('How long a request is kept; 0: none is.')
      .prefault('30d'),
    max_entries: count({ min: 1, max: 1_000_000 })
      .describe('Requests of one key that are kept; older ones go.')
      .prefault(10_000),
  })
  .describe('What is kept of the requests of keys of this type.')
  .prefault({})
  .transform((v) => ({ retentionMs: v.retention, maxEntries: v.max_entries }));

const keyTypeSchema = z
  .strictObject({
    tier: matching(NAME_WHAT, NAME).describe('The tier of keys of this type; one of "tiers".'),
    default_expiry: durationOrNever(LIFETIME)
      .describe('How long a new key lives unless it says so itself.')
      .prefault('90d'),
    max_expiry: durationOrNever(LIFETIME)
      .describe('The longest that a key may live, from when its expiry is set.')
      .prefault('never'),
    rotation_due: durationOrNever(LIFETIME).describe('The age at which a rotation is due.').prefault('never'),
    request_log: requestLogSchema,
  })
  .transform((v, context) => {
    if (v.max_expiry !== null && (v.default_expiry === null || v.default_expiry > v.max_expiry)) {
      const given = v.default_expiry === null ? 'never' : formatDuration(v.default_expiry);
      const message = `expected at most max_expiry, which is ${formatDuration(v.max_expiry)}, got ${given}`;
      context.addIssue({ code: 'custom', message, path: ['default_expiry'] });
      return z.NEVER;
    }
    return {
      tier: v.tier,
      defaultExpiryMs: v.default_expiry,
      maxExpiryMs: v.max_expiry,
      rotationDueMs: v.rotation_due,
      requestLog: v.request_log,
    };
  });

export const keyTypesSchema = z
  .record(z.string().regex(NAME, `expected ${NAME_WHAT}`), keyTypeSchema)
  .describe('The types of keys: each brings a tier and an expiry policy. A list here replaces the default one.')
  .prefault(DEFAULT_KEY_TYPES)
  .transform(bare);
