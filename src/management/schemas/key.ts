import { z } from 'zod';
import { KEY_SORTS, MAX_OFFSET } from '../../core/ports.ts';
import { RESTRICTION_INPUTS, type RESTRICTION_VALUES, RESTRICTIONS, SHADOW_NAMES } from '../../restrictions/index.ts';
import { countParameter, cursor, givenTime, keyId, pagination, permission, time } from './common.ts';
import {
  KEY,
  KEY_CREATE,
  KEY_DELETED,
  KEY_ISSUED,
  KEY_LIST,
  KEY_REVOKED,
  KEY_ROTATED,
  KEY_SECRET,
  KEY_UPDATE,
  PROPAGATION,
} from './examples.ts';
import { permissionsInput } from './permissions.ts';

import { receiptField } from './receipt.ts';

export { type PermissionsInput, permissionsInput } from './permissions.ts';

const MAX_LISTED = 500;

const limitsInput = z
  .strictObject({
    per_hour: z.int().min(1).optional(),
    per_day: z.int().min(1).optional(),
    burst: z.int().min(1).optional(),
  })
  .meta({ id: 'LimitsInput', description: 'What the key overrides of its tier.' });

const fields = {
  name: z.string().meta({ description: 'What people call it.' }),
  owner: z.string().meta({ description: 'Whom it belongs to; the caller by default.' }),
  description: z.string().meta({ description: 'What it is for, for people.' }),
  permissions: permissionsInput,
  preset: z.string().nullable().meta({ description: 'A set of permissions from the configuration.' }),
  roles: z.array(z.string()).max(100).meta({ description: 'Sets of permissions that were made over this API.' }),
  tier: z.string().meta({ description: 'A set of limits; the one of its type by default.' }),
  limits: limitsInput,
  expires_at: givenTime.nullable().meta({ description: 'null: never. By default as its type says.' }),
  ...RESTRICTION_INPUTS,
  shadow: z
    .array(z.string())
    .max(50)
    .meta({
      description: `What is counted and logged for this key, not enforced: ${SHADOW_NAMES.join(', ')}.`,
      examples: [['ip']],
    }),
  metadata: z.record(z.string(), z.string()).meta({ description: 'Names and values of your own.' }),
};

const optionalFields = z.strictObject(fields).partial().shape;

export const keyCreate = z
  .strictObject({
    ...optionalFields,
    name: fields.name,
    type: z
      .string()
      .optional()
      .meta({ description: 'personal, organization, service, or as configured; personal by default.' }),
  })
  .meta({
    id: 'KeyCreate',
    description: 'What is not sent comes from the type of the key, or is empty.',
    examples: [KEY_CREATE],
  });
export type KeyCreate = z.infer<typeof keyCreate>;

export const keyUpdate = z.strictObject(optionalFields).meta({
  id: 'KeyUpdate',
  description: 'Only the fields that are sent change. A key keeps its type.',
  examples: [KEY_UPDATE],
});
export type KeyUpdate = z.infer<typeof keyUpdate>;

/** One that cannot be read is shown as it is stored: it must not make the whole answer one that cannot be read. */
const restrictionAnswers = Object.fromEntries(
  RESTRICTIONS.map(({ field, stored, none }) => [field, stored.catch(none)]),
) as unknown as typeof RESTRICTION_VALUES;

const keyStatus = z.enum(['active', 'disabled', 'revoked', 'expired']);

export const keyAnswer = z
  .object({
    id: keyId,
    name: z.string(),
    type: z.string(),
    owner: z.string(),
    description: z.string(),
    metadata: z.record(z.string(), z.string()),
    status: keyStatus,
    hint: z.string().meta({ description: 'Prefix and last four characters of the secret.' }),
    permissions: z
      .array(z.string())
      .meta({ description: 'All that it may do, its preset and roles included; sorted.' }),
    granted_permissions: z.array(z.string()).meta({ description: 'Those that it was given one by one; sorted.' }),
    preset: z.string().nullable(),
    roles: z.array(z.string()),
    tier: z.string(),
    limits: z
      .object({ per_hour: z.int(), per_day: z.int(), burst: z.int() })
      .meta({ description: 'Those of its tier, and what it overrides of them.' }),
    limit_overrides: z
      .object({ per_hour: z.int().optional(), per_day: z.int().optional(), burst: z.int().optional() })
      .meta({ description: 'What it overrides of them.' }),
    ...restrictionAnswers,
    shadow: z.array(z.string()).meta({ description: 'What is counted and logged, not enforced; sorted.' }),
    created_at: time,
    updated_at: time,
    expires_at: time.nullable(),
    last_used: time.nullable(),
    rotated_at: time.nullable(),
    rotation_due_at: time.nullable().meta({ description: 'When its type asks for the next rotation.' }),
    revoked_at: time.nullable(),
    previous_secret: z
      .object({ hint: z.string(), expires_at: time, last_used: time.nullable() })
      .nullable()
      .meta({ description: 'The secret that the last rotation replaced, while it still works.' }),
    recoverable: z.boolean().meta({ description: 'Whether the secret can be shown again.' }),
    version: z.int().meta({ description: 'Grows with each change; the ETag is made of it.' }),
    usage: z
      .object({ requests_today: z.int(), requests_this_month: z.int() })
      .meta({ description: 'By the UTC calendar.' }),
  })
  .meta({ id: 'Key', description: 'A key as it stands; never its secret.', examples: [KEY] });
export type KeyAnswer = z.infer<typeof keyAnswer>;

const warnings = z.array(z.string()).meta({ description: 'What about it will probably not work as meant.' });

export const keyChanged = keyAnswer.extend({ warnings, propagation: receiptField }).meta({
  id: 'ChangedKey',
  description: 'A key after a change.',
  examples: [{ ...KEY, version: 2, warnings: [], propagation: PROPAGATION }],
});
export type KeyChanged = z.infer<typeof keyChanged>;

export const keySwitched = keyAnswer.extend({ propagation: receiptField }).meta({
  id: 'SwitchedKey',
  description: 'A key that was enabled, disabled or revoked.',
  examples: [KEY_REVOKED],
});
export type KeySwitched = z.infer<typeof keySwitched>;

export const keyDeleted = z
  .object({ id: keyId, deleted: z.literal(true), propagation: receiptField })
  .meta({ id: 'DeletedKey', description: 'A key that is there no more.', examples: [KEY_DELETED] });
export type KeyDeleted = z.infer<typeof keyDeleted>;

export const keyIssued = keyAnswer
  .extend({ secret: z.string().meta({ description: 'Shown this once.' }), warnings })
  .meta({ id: 'IssuedKey', description: 'A new key with its secret.', examples: [KEY_ISSUED] });
export type KeyIssued = z.infer<typeof keyIssued>;

export const keyRotate = z
  .strictObject({
    grace_period: z
      .string()
      .optional()
      .meta({
        description: 'How long the old secret still works: `24h`, `0`. As configured by default.',
        examples: ['24h', '0'],
      }),
  })
  .meta({ id: 'KeyRotate', examples: [{ grace_period: '24h' }] });
export type KeyRotate = z.infer<typeof keyRotate>;

export const keyRotated = z
  .object({
    id: keyId,
    name: z.string(),
    new_secret: z.string().meta({ description: 'Shown this once.' }),
    rotated_at: time,
    old_secret_expires_at: time,
    version: z.int(),
    propagation: receiptField,
  })
  .meta({ id: 'RotatedKey', examples: [KEY_ROTATED] });
export type KeyRotated = z.infer<typeof keyRotated>;

export const keySecret = z.object({ id: keyId, secret: z.string() }).meta({ id: 'KeySecret', examples: [KEY_SECRET] });
export type KeySecret = z.infer<typeof keySecret>;

const filters = {
  type: z.string().meta({ description: 'Keys of this type.', examples: ['organization'] }),
  status: keyStatus.meta({ description: 'Keys that are so now.' }),
  owner: z.string().meta({ description: 'Keys of this owner.', examples: ['devops-team'] }),
  permission: permission.meta({ description: 'Keys that may do this, wildcards included.' }),
  expiring_before: givenTime.meta({ description: 'Keys that end before this time and have not ended yet.' }),
  q: z
    .string()
    .min(1)
    .max(200)
    .meta({ description: 'Text in the id, name, owner, description or hint; case does not matter.' }),
};

export const optionalFilters = z.strictObject(filters).partial().shape;

export const keyListQuery = z.strictObject({
  ...optionalFilters,
  sort: z.enum(KEY_SORTS).optional().meta({ description: '`-` for the other way round; newest first by default.' }),
  limit: countParameter(1, MAX_LISTED).optional().meta({ description: '50 by default.' }),
  offset: countParameter(0, MAX_OFFSET)
    .optional()
    .meta({ description: 'So many keys are skipped; not together with `cursor`.' }),
  cursor: cursor.optional(),
});
export type KeyListQuery = z.infer<typeof keyListQuery>;

export const keyList = z
  .object({
    keys: z.array(keyAnswer),
    unreadable: z
      .array(z.string())
      .meta({ description: 'Keys whose record is damaged or was written by a newer version.' }),
    pagination,
  })
  .meta({ id: 'KeyList', examples: [KEY_LIST] });
export type KeyList = z.infer<typeof keyList>;
