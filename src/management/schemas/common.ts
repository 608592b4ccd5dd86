import { z } from 'zod';
import { isPermission } from '../../core/permission.ts';

/** Schemas that several resources share. What goes in is strict; what comes out is described as it is. */

export const keyId = z
  .string()
  .min(1)
  .max(200)
  .meta({ description: 'Id of a key.', examples: ['key_0123456789abcdef01234567'] });

export const time = z.iso.datetime().meta({ description: 'ISO 8601, in UTC.', examples: ['2027-01-17T10:30:00.000Z'] });

/** A time that a caller names, with its offset. */
export const givenTime = z.iso
  .datetime({ offset: true, error: 'expected a time with its offset, like 2027-01-17T10:30:00Z' })
  .meta({ examples: ['2027-01-17T10:30:00Z'] });

export const permission = z
  .string()
  .refine(isPermission, 'expected a permission: resource:action, resource:* or *')
  .meta({ examples: ['domains:read', 'domains:*', '*'] });

/** A whole number in a query. */
export function countParameter(min: number, max: number) {
  const what = `expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, what)
    .transform(Number)
    .refine((number) => number >= min && number <= max, what)
    .meta({ override: { type: 'integer', minimum: min, maximum: max } });
}

/** `true` or `false` in a query. */
export function flagParameter() {
  return z
    .enum(['true', 'false'], 'expected true or false')
    .transform((text) => text === 'true')
    .meta({ override: { type: 'boolean' } });
}

export const cursor = z.string().min(1).max(500).meta({ description: '`next` of the page before.' });

/** Which part of a list an answer holds. */
export const pagination = z
  .object({
    total: z.int().min(0).nullable().meta({
      description: 'How many there are in all; null when that could only be told by looking at very many.',
    }),
    limit: z.int(),
    offset: z.int(),
    next: z.string().nullable().meta({ description: '`cursor` of the next page; null on the last.' }),
  })
  .meta({ id: 'Pagination' });
