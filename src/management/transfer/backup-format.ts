import { z } from 'zod';
import type { KeyRecord } from '../../core/key.ts';
import { MAX_LIMIT } from '../../core/limits.ts';
import type { Role } from '../../core/role.ts';
import {
  RESTRICTION_VALUES,
  RESTRICTIONS,
  restrictionValues,
  storedRestrictions,
  unknownRestrictions,
} from '../../restrictions/index.ts';
import { roleName } from '../schemas/catalogue.ts';

/**
 * The lines of a backup, JSON each: a header, all roles, all keys, and a footer by which a file that was cut or changed
 * shows. Strict when it is read: a field that is not known may be a restriction that a newer version wrote.
 */
export const BACKUP_FORMAT = 'latchkey-backup';
export const BACKUP_VERSION = 1;

const time = z.iso.datetime().transform((text) => Date.parse(text));
const limit = z.int().min(1).max(MAX_LIMIT);
const strings = z.array(z.string());
const filters = z.strictObject({ type: z.string(), owner: z.string(), status: z.string() }).partial();

const headerSchema = z.strictObject({
  format: z.literal(BACKUP_FORMAT),
  version: z.int(),
  created_at: z.string(),
  /** Without them the keys of a backup open nothing, and it cannot be restored. */
  hashes: z.boolean(),
  /** Which keys are in it; empty: all. */
  filters,
});
export type BackupHeader = z.infer<typeof headerSchema>;

const roleSchema = z.strictObject({
  name: roleName,
  description: z.string(),
  permissions: strings,
  created_at: time,
  updated_at: time,
  version: z.int().min(1),
});

const digest = z.string().regex(/^(?:sha256|hmac-\d{1,9}):[A-Za-z0-9_-]{43}$/, 'expected a digest like sha256:…');

const keySchema = z.strictObject({
  id: z.string().regex(/^key_[0-9A-Za-z]{1,40}$/, 'expected an id like key_0123abcd…'),
  name: z.string(),
  type: z.string(),
  owner: z.string(),
  description: z.string(),
  metadata: z.record(z.string(), z.string()),
  status: z.enum(['active', 'disabled', 'revoked']),
  permissions: strings,
  preset: z.string().nullable(),
  roles: strings,
  tier: z.string(),
  limits: z.strictObject({
    per_hour: z.exactOptional(limit),
    per_day: z.exactOptional(limit),
    burst: z.exactOptional(limit),
  }),
  ...z.strictObject(RESTRICTION_VALUES).partial().shape,
  shadow: strings.default([]),
  hint: z.string(),
  digest,
  previous_secret: z.strictObject({ hint: z.string(), digest, expires_at: time }).nullable(),
  imported: z.boolean(),
  created_at: time,
  updated_at: time,
  rotated_at: time.nullable(),
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
  disabled_by: z.string().nullable(),
  version: z.int().min(1),
});

const footerSchema = z.strictObject({
  roles: z.int().min(0),
  keys: z.int().min(0),
  /** Keys of the store that could not be read and are not in it. */
  unreadable: z.int().min(0),
  /** Of all lines before, each with its line feed; hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type BackupFooter = z.infer<typeof footerSchema>;

/** Any line but the first. */
const lineSchema = z.strictObject({
  role: z.exactOptional(roleSchema),
  key: z.exactOptional(keySchema),
  footer: z.exactOptional(footerSchema),
});

/** What a line holds, or what is wrong with it. */
export type BackupLine =
  | { readonly kind: 'role'; readonly role: Role }
  | { readonly kind: 'key'; readonly record: KeyRecord }
  | { readonly kind: 'footer'; readonly footer: BackupFooter }
  | { readonly kind: 'wrong'; readonly field: string | null; readonly message: string };

/** @returns null when it is no line of a backup at all */
export function readHeader(text: string): BackupHeader | null {
  const parsed = headerSchema.safeParse(jsonOf(text));
  return parsed.success ? parsed.data : null;
}

/** Whether a text is the first line of a backup, of whatever version. */
export function isBackup(text: string): boolean {
  const value = jsonOf(text);
  return typeof value === 'object' && value !== null && 'format' in value && value.format === BACKUP_FORMAT;
}

export function readLine(text: string): BackupLine {
  const parsed = lineSchema.safeParse(jsonOf(text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys : [];
    const field = [...(issue?.path.slice(1) ?? []), ...unknown].join('.');
    const message = 'cannot be understood: written by another version, or damaged';
    return { kind: 'wrong', field: field === '' ? null : field, message };
  }
  const { role, key, footer } = parsed.data;
  if (role !== undefined) return { kind: 'role', role: roleOf(role) };
  if (key !== undefined) return { kind: 'key', record: recordOf(key) };
  if (footer !== undefined) return { kind: 'footer', footer };
  return { kind: 'wrong', field: null, message: 'is neither a role nor a key' };
}

/** Without the parser's message, which quotes the text. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const iso = (at: number): string => new Date(at).toISOString();
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));

export function roleLine({ name, description, permissions, createdAt, updatedAt, version }: Role): string {
  const times = { created_at: iso(createdAt), updated_at: iso(updatedAt) };
  return JSON.stringify({ role: { name, description, permissions, ...times, version } });
}

function roleOf(given: z.infer<typeof roleSchema>): Role {
  const { created_at: createdAt, updated_at: updatedAt, ...rest } = given;
  return { ...rest, createdAt, updatedAt };
}

const SAME = [
  'id',
  'name',
  'type',
  'owner',
  'description',
  'metadata',
  'status',
  'permissions',
  'preset',
  'roles',
  'tier',
] as const;
type Same = Pick<KeyRecord, (typeof SAME)[number]>;

/** What has the same name in a backup. */
function same(from: Same): Same {
  return Object.fromEntries(SAME.map((name) => [name, from[name]])) as Same;
}

/**
 * Everything about a key but its sealed secret.
 * @throws RangeError for a time that cannot be written
 */
export function keyLine(record: KeyRecord, withHashes: boolean): string {
  const { limits, previous, imported, version } = record;
  const hash = (value: string): { digest?: string } => (withHashes ? { digest: value } : {});
  const key = {
    // The version that wrote them reads them again; this one refuses the line rather than restore it without them.
    ...unknownRestrictions(record.restrictions),
    ...same(record),
    limits: { per_hour: limits.perHour, per_day: limits.perDay, burst: limits.burst },
    ...restrictionValues(record.restrictions),
    shadow: record.shadow,
    hint: record.secret.hint,
    ...hash(record.secret.digest),
    previous_secret:
      previous === null ? null : { hint: previous.hint, ...hash(previous.digest), expires_at: iso(previous.expiresAt) },
    imported,
    created_at: iso(record.createdAt),
    updated_at: iso(record.updatedAt),
    rotated_at: isoOrNull(record.rotatedAt),
    expires_at: isoOrNull(record.expiresAt),
    revoked_at: isoOrNull(record.revokedAt),
    disabled_by: record.disabledBy,
    version,
  };
  return JSON.stringify({ key });
}

function recordOf(given: z.infer<typeof keySchema>): KeyRecord {
  const { per_hour: perHour, per_day: perDay, burst } = given.limits;
  const { previous_secret: previous } = given;
  const fields: Readonly<Record<string, unknown>> = given;
  const restrictions: Record<string, unknown> = {};
  for (const { field } of RESTRICTIONS) if (fields[field] !== undefined) restrictions[field] = fields[field];
  return {
    ...same(given),
    limits: {
      ...(perHour === undefined ? {} : { perHour }),
      ...(perDay === undefined ? {} : { perDay }),
      ...(burst === undefined ? {} : { burst }),
    },
    restrictions: storedRestrictions(restrictions),
    shadow: given.shadow,
    secret: { digest: given.digest, hint: given.hint },
    previous:
      previous === null ? null : { digest: previous.digest, hint: previous.hint, expiresAt: previous.expires_at },
    sealedSecret: null,
    imported: given.imported,
    createdAt: given.created_at,
    updatedAt: given.updated_at,
    rotatedAt: given.rotated_at,
    expiresAt: given.expires_at,
    revokedAt: given.revoked_at,
    disabledBy: given.disabled_by,
    version: given.version,
  };
}
