import { z } from 'zod';
import { cursor, keyId } from './common.ts';
import { BULK_CHANGE, BULK_RESULT } from './examples.ts';
import { optionalFilters } from './key.ts';
import { propagation } from './receipt.ts';

export const bulkChange = z
  .strictObject({
    action: z.enum(['revoke', 'disable']),
    filter: z
      .strictObject({ ...optionalFilters, ids: z.array(keyId).min(1).max(1_000).optional() })
      .refine((filter) => Object.keys(filter).length > 0, 'expected at least one condition')
      .meta({ description: 'The keys that meet all of it.' }),
    dry_run: z.boolean().optional().meta({ description: 'Say what would be done, and do nothing.' }),
    cursor: cursor
      .optional()
      .meta({ description: '`next` of the call before; with the same filter, which has no `ids`.' }),
  })
  .refine(({ cursor: given, filter }) => given === undefined || filter.ids === undefined, {
    path: ['cursor'],
    error: 'goes with no "ids": these are looked up all at once',
  })
  .meta({ id: 'BulkChange', examples: [BULK_CHANGE] });
export type BulkChange = z.infer<typeof bulkChange>;

export const bulkResult = z
  .object({
    action: z.enum(['revoke', 'disable']),
    dry_run: z.boolean(),
    matched: z.int(),
    changed: z.int().meta({ description: 'Keys that were not so already.' }),
    ids: z.array(keyId).meta({ description: 'The keys that were changed, or would be.' }),
    failed: z.array(z.object({ id: keyId, code: z.string(), detail: z.string() })),
    next: z
      .string()
      .nullable()
      .meta({ description: 'There may be further ones: send it again with this `cursor`. null: that was all.' }),
    propagation: propagation.nullable().meta({
      description: 'For all that this call changed. null: nothing was, or the store did not say which gateways run.',
    }),
  })
  .meta({ id: 'BulkResult', examples: [BULK_RESULT] });
export type BulkResult = z.infer<typeof bulkResult>;
