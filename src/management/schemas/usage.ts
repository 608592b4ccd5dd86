import { z } from 'zod';
import { countParameter, cursor, flagParameter, givenTime, keyId, time } from './common.ts';
import { KEY_USAGE, LOG_ENTRY, LOG_LIST, OWNER_USAGE, TOTAL_USAGE } from './examples.ts';

export const usageQuery = z.strictObject({
  period: z
    .string()
    .regex(/^[1-9]\d{0,2}d$/, 'expected a number of days like 30d')
    .optional()
    .meta({
      description: 'So many days of the UTC calendar, today included; 30d by default, or as long as usage is kept.',
      examples: ['30d'],
    }),
  interval: z
    .enum(['hour', 'day'])
    .optional()
    .meta({ description: 'Steps of the series; day by default. Hours for 31 days at most.' }),
});
export type UsageQuery = z.infer<typeof usageQuery>;

const counts = z.record(z.string(), z.int());

const report = {
  period: z.string(),
  from: time,
  to: time,
  total_requests: z.int(),
  requests_by_endpoint: counts.meta({ description: 'By path pattern; `(none)` for requests that no route matched.' }),
  requests_by_method: counts,
  denials_by_code: counts,
  error_rate: z
    .number()
    .min(0)
    .max(1)
    .meta({ description: 'Share of answers with a status of 400 or more, or cut short.' }),
  avg_response_time_ms: z.number().min(0),
  interval: z.enum(['hour', 'day']),
  series: z.array(z.object({ start: time, requests: z.int(), errors: z.int(), avg_response_time_ms: z.number() })),
};

export const keyUsage = z.object({ key_id: keyId, ...report }).meta({ id: 'KeyUsage', examples: [KEY_USAGE] });
export type KeyUsageAnswer = z.infer<typeof keyUsage>;

export const ownerUsage = z
  .object({ owner: z.string(), ...report })
  .meta({ id: 'OwnerUsage', examples: [OWNER_USAGE] });
export type OwnerUsageAnswer = z.infer<typeof ownerUsage>;

export const totalUsage = z.object(report).meta({ id: 'TotalUsage', examples: [TOTAL_USAGE] });
export type TotalUsageAnswer = z.infer<typeof totalUsage>;

const MAX_LOGS = 1_000;

export const logQuery = z.strictObject({
  from: givenTime.optional().meta({ description: 'From this time on.' }),
  to: givenTime.optional().meta({ description: 'Up to this time.' }),
  limit: countParameter(1, MAX_LOGS).optional().meta({ description: '100 by default.' }),
  cursor: cursor.optional(),
  status: z
    .string()
    .regex(/^[1-5](?:\d\d|xx)$/, 'expected a status like 404, or a class like 4xx')
    .optional()
    .meta({ description: 'A status like `404`, or a class like `4xx`.', examples: ['404', '4xx'] }),
  method: z
    .string()
    .min(1)
    .max(32)
    .optional()
    .meta({ description: 'Only this method.', examples: ['GET'] }),
  path: z.string().min(1).max(1_000).optional().meta({ description: 'What the path begins with.' }),
  would_deny: flagParameter()
    .optional()
    .meta({ description: 'Only requests that something in shadow would have denied, or with `false` the others.' }),
  follow: flagParameter()
    .optional()
    .meta({ description: 'Stay connected, and send entries as server-sent events as they come.' }),
});
export type LogQueryInput = z.infer<typeof logQuery>;

export const logEntry = z
  .object({
    timestamp: time,
    ip_address: z.string(),
    user_agent: z.string().nullable(),
    method: z.string(),
    endpoint: z.string().meta({ description: 'The path, without the query.' }),
    route: z.string().nullable().meta({ description: 'The pattern that it matched.' }),
    status_code: z.int(),
    code: z
      .string()
      .nullable()
      .meta({ description: 'Why it was refused or failed; null when it was answered by the API.' }),
    would_deny: z
      .array(z.string())
      .meta({ description: 'What is in shadow and would have denied it; empty when nothing would.' }),
    response_time_ms: z.number(),
    request_id: z.string(),
  })
  .meta({ id: 'LogEntry', examples: [LOG_ENTRY] });
export type LogEntry = z.infer<typeof logEntry>;

export const logList = z
  .object({ logs: z.array(logEntry), pagination: z.object({ limit: z.int(), next: z.string().nullable() }) })
  .meta({ id: 'LogList', examples: [LOG_LIST] });
export type LogList = z.infer<typeof logList>;
