import { z } from 'zod';
import { time } from './common.ts';
import { PERMISSION_LIST, PRESET_LIST, ROLE, ROLE_CREATE, ROLE_LIST, ROLE_UPDATE, TIER_LIST } from './examples.ts';
import { permissionsInput } from './permissions.ts';

export const permissionList = z
  .object({
    permissions: z.array(
      z.object({
        permission: z.string(),
        routes: z.array(z.string()).meta({ description: 'The routes that it opens.' }),
      }),
    ),
  })
  .meta({ id: 'PermissionList', examples: [PERMISSION_LIST] });
export type PermissionList = z.infer<typeof permissionList>;

export const presetList = z
  .object({ presets: z.array(z.object({ name: z.string(), permissions: z.array(z.string()) })) })
  .meta({ id: 'PresetList', examples: [PRESET_LIST] });
export type PresetList = z.infer<typeof presetList>;

export const tierList = z
  .object({
    tiers: z.array(z.object({ name: z.string(), per_hour: z.int(), per_day: z.int(), burst: z.int() })),
    key_types: z.array(
      z.object({
        name: z.string(),
        tier: z.string(),
        default_expiry: z.string().nullable().meta({ description: 'A duration like 90d; null: never.' }),
        max_expiry: z.string().nullable().meta({ description: 'The longest that a key may live; null: for ever.' }),
        rotation_due: z.string().nullable().meta({ description: 'The age at which a rotation is due; null: none.' }),
      }),
    ),
  })
  .meta({ id: 'TierList', examples: [TIER_LIST] });
export type TierList = z.infer<typeof tierList>;

const ROLE_NAME = /^[a-z][a-z0-9_-]{0,63}$/;
export const roleName = z
  .string()
  .regex(ROLE_NAME, 'expected lower-case letters, digits, "_" and "-", like on_call')
  .meta({ examples: ['on_call'] });

export const roleCreate = z
  .strictObject({
    name: roleName,
    description: z.string().max(2_000).optional(),
    permissions: permissionsInput,
  })
  .meta({ id: 'RoleCreate', examples: [ROLE_CREATE] });
export type RoleCreate = z.infer<typeof roleCreate>;

export const roleUpdate = z
  .strictObject({ description: z.string().max(2_000).optional(), permissions: permissionsInput.optional() })
  .meta({ id: 'RoleUpdate', description: 'Only the fields that are sent change.', examples: [ROLE_UPDATE] });
export type RoleUpdate = z.infer<typeof roleUpdate>;

export const role = z
  .object({
    name: z.string(),
    description: z.string(),
    permissions: z.array(z.string()),
    created_at: time,
    updated_at: time,
    version: z.int(),
  })
  .meta({ id: 'Role', examples: [ROLE] });
export type RoleAnswer = z.infer<typeof role>;

export const roleList = z.object({ roles: z.array(role) }).meta({ id: 'RoleList', examples: [ROLE_LIST] });
export type RoleList = z.infer<typeof roleList>;
