import { z } from 'zod';
import { PROPAGATION } from './examples.ts';

const missing = z.object({
  gateway: z
    .string()
    .meta({ description: 'Its machine and port; for callers without `admin:read` an id that says nothing more.' }),
  heard_ms_ago: z.int().min(0).meta({ description: 'How long ago it was heard of, in milliseconds.' }),
});

/** Which gateways act on a change; null: nobody can say. */
export const propagation = z
  .object({
    acknowledged: z.int().min(0).meta({ description: 'Gateways that have confirmed that they act on the change.' }),
    gateways: z.int().min(0).meta({
      description: 'Gateways that the store has heard of within the last five seconds.',
    }),
    took_ms: z.int().min(0).meta({ description: 'From the change, which was durable by then, until this was known.' }),
    missing: z
      .array(missing)
      .meta({ description: 'Those that did not confirm it within a second. They do as soon as they can.' }),
  })
  .meta({
    id: 'Propagation',
    description:
      'Which gateways act on the change. A gateway that confirmed it never again lets a request through on what was before.',
    examples: [PROPAGATION],
  });
export type Propagation = z.infer<typeof propagation>;

export const receiptField = propagation.nullable().meta({
  description: 'null: the change is made, but the store did not say which gateways run.',
});
