import { METHODS } from 'node:http';
import { z } from 'zod';
import { canonicalAddress } from '../../core/address.ts';
import { DENIALS } from '../../core/denial.ts';
import { givenTime, keyId, time } from './common.ts';
import { EXPLAIN_REQUEST, EXPLANATION } from './examples-explain.ts';

const MAX_REQUEST_ID = 200;
const MAX_METHOD = 32;
/** No gateway takes a longer one. */
const MAX_PATH = 65_536;
const MAX_ADDRESS = 100;
const MAX_USER_AGENT = 4_096;

const method = z
  .string()
  .max(MAX_METHOD)
  .refine((text) => METHODS.includes(text), { error: ({ input }) => methodFault(String(input)) });

const path = z
  .string()
  .max(MAX_PATH)
  .refine((text) => text.startsWith('/'), 'does not begin with "/"; expected a path like /api/domains');

const address = z
  .string()
  .max(MAX_ADDRESS)
  .refine((text) => canonicalAddress(text) !== null, 'is no address; expected one like 203.0.113.7 or 2001:db8::7');

const asked = z.strictObject({
  key_id: keyId.optional(),
  request_id: z.string().min(1).max(MAX_REQUEST_ID).optional().meta({
    description:
      'A request in the log of a key: what is not given besides is taken from there. Of several with this id the latest; `key_id` names the key.',
  }),
  method: method.optional().meta({ description: 'Needed without a `request_id`.', examples: ['GET'] }),
  path: path.optional().meta({
    description: 'As a client would send it, perhaps with a query. Needed without a `request_id`.',
    examples: ['/api/domains'],
  }),
  ip_address: address.optional().meta({ description: 'Of the client.', examples: ['203.0.113.7'] }),
  user_agent: z
    .string()
    .max(MAX_USER_AGENT)
    .optional()
    .meta({ description: 'The `User-Agent` header; empty: the request has none.' }),
  at: givenTime.optional().meta({ description: 'When the request comes; now by default.' }),
});

type Asked = z.infer<typeof asked>;

/** Looked at even when something else is wrong: every fault is told at once. */
function needed(field: 'key_id' | 'method' | 'path', expected: string) {
  return z.refine<Asked>((body) => body.request_id !== undefined || body[field] !== undefined, {
    path: [field],
    error: `is missing; expected ${expected}, or a request_id`,
    when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
  });
}

export const explainRequest = asked
  .check(
    needed('key_id', 'the id of a key'),
    needed('method', 'a method like GET'),
    needed('path', 'a path like /api/domains'),
  )
  .meta({
    id: 'ExplainRequest',
    description: 'A key and a request, or a request that was made. What is not known is said to be unknown.',
    examples: [EXPLAIN_REQUEST],
  });
export type ExplainRequest = z.infer<typeof explainRequest>;

const code = z.enum(Object.keys(DENIALS) as [keyof typeof DENIALS]);

const standing = z.object({
  limit: z.int(),
  remaining: z.int(),
  full_in_ms: z.int().meta({ description: 'Milliseconds until all of it is there again.' }),
});

const check = z.object({
  check: z.string().meta({ description: '`request` (whether it has one meaning), or the name of a check.' }),
  restriction: z.string().nullable().meta({ description: 'Of a check that has several: `ip`, `time`, …' }),
  verdict: z.enum(['passed', 'denied', 'would_deny', 'unknown', 'skipped']).meta({
    description:
      '`would_deny`: it is in shadow. `unknown`: that depends on what was not given, or is not known here. `skipped`: a public route does not ask.',
  }),
  code: code.nullable().meta({ description: 'Of a denial, also of one in shadow.' }),
  detail: z.string(),
  passes_at: time.nullable().meta({ description: 'When it would pass, where only time is in the way.' }),
});

const change = z.object({
  change: z.string().meta({ description: 'What could be done, for people.' }),
  set: z.record(z.string(), z.unknown()).nullable().meta({
    description: 'Fields for `PATCH /api-keys/{id}`; null: there are none to set. The text has all to be done.',
  }),
  for: z.string().meta({ description: 'The check or the restriction that it is about.' }),
  suffices: z.boolean().meta({ description: 'Whether it lets the request through by itself; it was tried.' }),
});

export const explanation = z
  .object({
    allowed: z
      .boolean()
      .nullable()
      .meta({ description: 'null: that depends on what was not given, or is not known here.' }),
    status: z.int().nullable().meta({ description: 'Of the denial; null where there is none.' }),
    code: code.nullable().meta({ description: 'The denial; null where there is none.' }),
    title: z.string().nullable(),
    detail: z.string(),
    key: z.object({ id: keyId, name: z.string() }),
    request: z
      .object({
        method: z.string(),
        path: z.string().nullable().meta({ description: 'In its canonical form; null when it has none.' }),
        ip_address: z.string().nullable(),
        user_agent: z.string().nullable().meta({ description: 'Empty: it has none. null: not known.' }),
        at: time,
      })
      .meta({ description: 'The request as it was understood; null: not known.' }),
    recorded: z
      .object({ request_id: z.string(), timestamp: time, status_code: z.int(), code: z.string().nullable() })
      .nullable()
      .meta({ description: 'What became of the request when it was made; null without a `request_id`.' }),
    route: z
      .object({
        pattern: z.string(),
        access: z.enum(['public', 'any_key', 'permission']),
        required_permissions: z.array(z.string()).meta({ description: 'Any one of them opens it.' }),
      })
      .nullable()
      .meta({ description: 'null: no route is configured for it.' }),
    permission: z
      .string()
      .nullable()
      .meta({ description: 'What the key has that opens the route, perhaps a wildcard.' }),
    checks: z.array(check).meta({ description: 'In the order in which a request meets them.' }),
    would_deny: z.array(code).meta({ description: 'What is in shadow and would deny.' }),
    limits: z
      .object({
        burst: standing,
        hour: standing,
        day: standing,
        exact: z.boolean().meta({
          description:
            'false: at least so much remains; another process counts, and wrote more down than it has admitted.',
        }),
      })
      .nullable()
      .meta({ description: 'As they stand now, before this request; null where none is asked for or known.' }),
    changes: z.array(change).meta({ description: 'What would let it through; what suffices by itself comes first.' }),
    together_suffice: z
      .boolean()
      .nullable()
      .meta({ description: 'Whether the first change for each check that denies lets it through, all together.' }),
    warnings: z.array(z.string()).meta({
      description: 'What a gateway knows and this process does not; and other keys that made a request with this id.',
    }),
  })
  .meta({ id: 'Explanation', description: 'Why a request passes or not.', examples: [EXPLANATION] });
export type ExplanationAnswer = z.infer<typeof explanation>;

/** Methods are told apart by case, and all that are read here are upper-case. */
function methodFault(text: string): string {
  const upper = text.toUpperCase();
  return `is no HTTP method; ${METHODS.includes(upper) ? `did you mean "${upper}"?` : 'expected one like GET'}`;
}
