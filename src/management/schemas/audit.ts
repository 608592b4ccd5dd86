import { z } from 'zod';
import { AUDIT_ACTIONS } from '../../core/audit.ts';
import { countParameter, cursor, givenTime, time } from './common.ts';
import { AUDIT_ENTRY, AUDIT_LIST } from './examples.ts';

export const auditQuery = z.strictObject({
  from: givenTime.optional().meta({ description: 'From this time on.' }),
  to: givenTime.optional().meta({ description: 'Up to this time.' }),
  actor: z
    .string()
    .min(1)
    .max(300)
    .optional()
    .meta({ description: 'Who did it.', examples: ['alice'] }),
  action: z.enum(AUDIT_ACTIONS).optional().meta({ description: 'What was done.' }),
  target: z.string().min(1).max(200).optional().meta({ description: 'Id of a key or name of a role.' }),
  limit: countParameter(1, 1_000).optional().meta({ description: '100 by default.' }),
  cursor: cursor.optional(),
});
export type AuditQueryInput = z.infer<typeof auditQuery>;

export const auditEntry = z
  .object({
    seq: z.int().meta({ description: '1 for the first, without gaps.' }),
    timestamp: time,
    actor: z.string().meta({ description: 'Subject of the token; `local:NAME` for the command line on the store.' }),
    from: z.string().meta({ description: 'The address, or the name of the machine.' }),
    action: z.string(),
    target: z.string().nullable(),
    before: z.unknown().meta({ description: 'What changed, as it was; null: there was nothing.' }),
    after: z.unknown().meta({ description: 'What changed, as it is; null: there is nothing.' }),
    request_id: z.string().nullable(),
    previous_hash: z.string(),
    hash: z.string().meta({ description: 'SHA-256 over the number, the hash before and the event.' }),
  })
  .meta({ id: 'AuditEntry', examples: [AUDIT_ENTRY] });
export type AuditEntryAnswer = z.infer<typeof auditEntry>;

export const auditList = z
  .object({ entries: z.array(auditEntry), pagination: z.object({ limit: z.int(), next: z.string().nullable() }) })
  .meta({ id: 'AuditList', examples: [AUDIT_LIST] });
export type AuditList = z.infer<typeof auditList>;
