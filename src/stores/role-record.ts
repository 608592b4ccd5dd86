import { z } from 'zod';
import { StoreError } from '../core/ports.ts';
import type { Role } from '../core/role.ts';

/** The stored form of a role: JSON, checked strictly when it is read, as that of a key is and for the same reason. */
const schema: z.ZodType<Role> = z.strictObject({
  name: z.string().min(1),
  description: z.string(),
  permissions: z.array(z.string()),
  createdAt: z.int().min(0),
  updatedAt: z.int().min(0),
  version: z.int().min(1),
});

/** @throws StoreError STORE_CORRUPT when it could not be read again: better refused now than found out then */
export function encodeRole(role: Role): string {
  const json = JSON.stringify(role);
  decodeRole(role.name, json);
  return json;
}

/**
 * @param name under which the role was found; one that has another name is damaged
 * @throws StoreError STORE_CORRUPT that names the role and the field, never what the field held
 */
export function decodeRole(name: string, json: string): Role {
  const parsed = schema.safeParse(parseJson(name, json));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys : [];
    const field = [...(issue?.path ?? []), ...unknown].map(String).join('.');
    throw corrupt(name, `cannot be understood at "${field}": written by another version, or damaged`);
  }
  if (parsed.data.name !== name) throw corrupt(name, 'holds another role');
  return parsed.data;
}

function parseJson(name: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // Without the parser's message: it quotes the text.
    throw corrupt(name, 'is not JSON');
  }
}

function corrupt(name: string, what: string): StoreError {
  return new StoreError('STORE_CORRUPT', `The record of role ${name} ${what}`);
}
