import { z } from 'zod';
import { FAILURES, type FailureCode } from '../failures.ts';

export const FAILURE_CODES = Object.keys(FAILURES) as FailureCode[];

const fieldFault = z
  .object({
    pointer: z
      .string()
      .optional()
      .meta({ description: 'JSON pointer (RFC 6901) into the body.', examples: ['/permissions/0'] }),
    parameter: z.string().optional().meta({ description: 'Or the parameter of the query or the path.' }),
    header: z.string().optional().meta({ description: 'Or the header.' }),
    detail: z.string().meta({ description: 'What is wrong and what was expected.' }),
  })
  .meta({ id: 'FieldFault' });

/** Why something was not done (RFC 9457). */
export const problem = z
  .object({
    type: z.string().meta({ description: 'A URN that ends in the code.' }),
    title: z.string().meta({ description: 'For people; the same for all problems of this code.' }),
    status: z.int().meta({ description: 'The HTTP status.' }),
    detail: z.string().meta({ description: 'For people: what happened this time.' }),
    code: z.enum(FAILURE_CODES).meta({ description: 'For programs.' }),
    request_id: z.string().meta({ description: 'Of this request, as in X-Request-Id and the log.' }),
    errors: z.array(fieldFault).optional().meta({ description: 'Each thing that is wrong with what was sent.' }),
    retry_after: z.int().optional().meta({ description: 'Seconds after which it is worth trying again.' }),
  })
  .meta({
    id: 'Problem',
    description: 'Why something was not done: `application/problem+json` (RFC 9457).',
  });
