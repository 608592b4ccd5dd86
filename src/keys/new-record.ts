import { randomBytes } from 'node:crypto';
import type { KeyRecord, SecretDigest } from '../core/key.ts';
import { type KeyCatalogue, type KeyFields, normalFields } from './key-input.ts';

export type NewKey = { readonly name: string; readonly type: string; readonly owner: string } & Partial<KeyFields>;

/** What opens a new key. */
export interface NewSecret extends SecretDigest {
  readonly sealed: string | null;
  /** Whether it may have another form than our own. */
  readonly imported: boolean;
}

/** 96 random bits: ids are public, unique, and say nothing about how many keys there are. */
export function newKeyId(): string {
  return `key_${randomBytes(12).toString('hex')}`;
}

/** The first record of a key. What is not given comes from its type: tier and expiry. */
export function newRecord(
  id: string,
  input: NewKey,
  { digest, hint, sealed, imported }: NewSecret,
  catalogue: KeyCatalogue,
  now: number,
): KeyRecord {
  const policy = Object.hasOwn(catalogue.keyTypes, input.type) ? catalogue.keyTypes[input.type] : undefined;
  const lifetime = policy?.defaultExpiryMs ?? null;
  return {
    id,
    type: input.type,
    status: 'active',
    name: input.name,
    owner: input.owner,
    description: '',
    metadata: {},
    permissions: [],
    preset: null,
    roles: [],
    tier: policy?.tier ?? '',
    limits: {},
    restrictions: {},
    shadow: [],
    expiresAt: lifetime === null ? null : now + lifetime,
    ...normalFields(input),
    secret: { digest, hint },
    previous: null,
    sealedSecret: sealed,
    imported,
    createdAt: now,
    updatedAt: now,
    rotatedAt: null,
    revokedAt: null,
    disabledBy: null,
    version: 1,
  };
}
