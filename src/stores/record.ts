import { z } from 'zod';
import type { KeyRecord } from '../core/key.ts';
import { MAX_LIMIT } from '../core/limits.ts';
import { StoreError } from '../core/ports.ts';

/**
 * The stored form of a key: JSON, checked strictly when it is read. A field that this version does not know may be a
 * restriction that a newer one wrote, so a record with one is refused rather than read without it. What has a default here
 * came later than the first records, which do without it.
 */
const time = z.int().min(0);
const limit = z.int().min(1).max(MAX_LIMIT);
const strings = z.array(z.string());
const secret = { digest: z.string().min(1), hint: z.string() };

const schema: z.ZodType<KeyRecord> = z.strictObject({
  id: z.string().min(1),
  name: z.string(),
  type: z.string(),
  owner: z.string(),
  description: z.string(),
  metadata: z.record(z.string(), z.string()),
  status: z.enum(['active', 'disabled', 'revoked']),
  permissions: strings,
  preset: z.string().nullable(),
  roles: strings.default([]),
  tier: z.string(),
  limits: z.strictObject({
    perHour: z.exactOptional(limit),
    perDay: z.exactOptional(limit),
    burst: z.exactOptional(limit),
  }),
  // Whatever they are: those that are not understood deny, which is for the gateway to find out.
  restrictions: z.unknown().refine(isKeptWhole).pipe(z.record(z.string(), z.unknown())),
  shadow: strings.default([]),
  secret: z.strictObject(secret),
  previous: z.strictObject({ ...secret, expiresAt: time }).nullable(),
  sealedSecret: z.string().nullable().default(null),
  imported: z.boolean().default(false),
  createdAt: time,
  updatedAt: time,
  rotatedAt: time.nullable(),
  expiresAt: time.nullable(),
  revokedAt: time.nullable(),
  disabledBy: z.string().nullable().default(null),
  version: z.int().min(1),
});

/** @throws StoreError STORE_CORRUPT when it could not be read again: better refused now than found out then */
export function encodeRecord(record: KeyRecord): string {
  const json = JSON.stringify(record);
  decodeRecord(record.id, json);
  return json;
}

/**
 * @param id under which the record was found; a record that names another one is damaged
 * @throws StoreError STORE_CORRUPT that names the key and the field, never what the field held
 */
export function decodeRecord(id: string, json: string): KeyRecord {
  const parsed = schema.safeParse(parseJson(id, json));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys : [];
    const field = [...(issue?.path ?? []), ...unknown].map(String).join('.');
    throw corrupt(id, `cannot be understood at "${field}": written by another version, or damaged`);
  }
  if (parsed.data.id !== id) throw corrupt(id, 'holds the record of another key');
  return parsed.data;
}

/** The digests that open a key: its current secret's first, then the one that a rotation replaced. */
export function digestsOf(record: KeyRecord): string[] {
  const current = record.secret.digest;
  const previous = record.previous?.digest;
  return previous === undefined || previous === current ? [current] : [current, previous];
}

/** A record of zod leaves out a member of this name without a word: a restriction would be gone. */
function isKeptWhole(value: unknown): boolean {
  return !(typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__'));
}

function parseJson(id: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // Without the parser's message: it quotes the text.
    throw corrupt(id, 'is not JSON');
  }
}

function corrupt(id: string, what: string): StoreError {
  return new StoreError('STORE_CORRUPT', `The record of ${id} ${what}`);
}
