import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { KeyRecord, KeyStatus } from '../core/key.ts';
import { type KeyStore, StoreError } from '../core/ports.ts';
import type { SecretHasher } from './hasher.ts';
import { KeyError, type KeyFault } from './key-error.ts';
import { fieldFaults, type KeyCatalogue, type KeyFields, normalFields, typeFaults } from './key-input.ts';
import { hintOf, newSecret } from './secret.ts';

/** The longest grace of a rotation: an old secret that lives on for longer is no rotation. */
export const MAX_GRACE_MS = 90 * 86_400_000;
/** How often a change is tried again when somebody else changed the key in between. */
const MAX_ATTEMPTS = 5;
/** What may be an id, and is shorter than any secret. */
const KEY_ID = /^key_[0-9A-Za-z]{1,40}$/;

export interface KeyServiceOptions {
  readonly store: KeyStore;
  readonly hasher: SecretHasher;
  readonly clock: Clock;
  readonly catalogue: KeyCatalogue;
  /** Prefix of new secrets. */
  readonly prefix: string;
  /** Grace of a rotation that names none, in ms. */
  readonly rotationGraceMs: number;
}

/** A key with its secret, which is not to be had again. */
export interface IssuedKey {
  readonly record: KeyRecord;
  readonly secret: string;
}

export type NewKey = { readonly name: string; readonly type: string; readonly owner: string } & Partial<KeyFields>;

/**
 * The life of a key. Every method checks all that it is given before it writes anything, throws a KeyError that names
 * what is wrong, and returns when the change is durable.
 */
export class KeyService {
  readonly #options: KeyServiceOptions;

  constructor(options: KeyServiceOptions) {
    this.#options = options;
  }

  /** Makes a key. What is not given comes from its type: tier and expiry. */
  async create(input: NewKey): Promise<IssuedKey> {
    const { catalogue, clock, hasher, prefix, store } = this.#options;
    const now = clock.now();
    refuse([...typeFaults(input.type, catalogue), ...fieldFaults(input, catalogue, now)]);
    const policy = catalogue.keyTypes[input.type];
    const secret = newSecret(prefix);
    const defaultExpiry = policy?.defaultExpiryMs ?? null;
    const record: KeyRecord = {
      id: newKeyId(),
      type: input.type,
      status: 'active',
      name: input.name,
      owner: input.owner,
      description: '',
      metadata: {},
      permissions: [],
      preset: null,
      tier: policy?.tier ?? '',
      limits: {},
      restrictions: { ip_restrictions: [], time_restrictions: null },
      expiresAt: defaultExpiry === null ? null : now + defaultExpiry,
      ...normalFields(input),
      secret: { digest: hasher.digest(secret), hint: hintOf(secret) },
      previous: null,
      createdAt: now,
      updatedAt: now,
      rotatedAt: null,
      revokedAt: null,
      version: 1,
    };
    await store.create(record);
    return { record, secret };
  }

  /** @throws KeyError `KEY_NOT_FOUND` when there is no such key. */
  async get(id: string): Promise<KeyRecord> {
    const record = await this.#options.store.get(id);
    if (record !== null) return record;
    // What is no id may be a secret, given where an id was wanted: it must not come back in a message.
    const what = KEY_ID.test(id)
      ? `there is no key "${id}"`
      : 'there is no such key; expected an id like key_0123abcd…';
    throw new KeyError('KEY_NOT_FOUND', what);
  }

  /** Changes the fields that are given, and no others. */
  async update(id: string, changes: Partial<KeyFields>): Promise<KeyRecord> {
    const now = this.#options.clock.now();
    refuse(fieldFaults(changes, this.#options.catalogue, now));
    return this.#change(id, (key) => {
      mustNotBeRevoked(key, 'changed');
      return { ...key, ...normalFields(changes) };
    });
  }

  /** Allows or forbids the use of a key for the time being. */
  async setEnabled(id: string, enabled: boolean): Promise<KeyRecord> {
    const status: KeyStatus = enabled ? 'active' : 'disabled';
    return this.#change(id, (key) => {
      mustNotBeRevoked(key, enabled ? 'enabled' : 'disabled');
      return key.status === status ? null : { ...key, status };
    });
  }

  /** Ends a key for good. To revoke it again changes nothing. */
  async revoke(id: string): Promise<KeyRecord> {
    const now = this.#options.clock.now();
    return this.#change(id, (key) => (key.status === 'revoked' ? null : { ...key, status: 'revoked', revokedAt: now }));
  }

  /**
   * Gives a key a new secret at once. The old one stays valid for `graceMs`; one that an earlier rotation left behind
   * ends now.
   */
  async rotate(id: string, graceMs: number = this.#options.rotationGraceMs): Promise<IssuedKey> {
    if (!Number.isInteger(graceMs) || graceMs < 0 || graceMs > MAX_GRACE_MS) {
      refuse([{ field: 'grace', message: `is ${graceMs} ms; expected 0 to 90 days` }]);
    }
    const { clock, hasher, prefix } = this.#options;
    const now = clock.now();
    const secret = newSecret(prefix);
    const record = await this.#change(id, (key) => {
      mustNotBeRevoked(key, 'rotated');
      if (key.expiresAt !== null && key.expiresAt <= now) {
        throw new KeyError('KEY_STATE', `key ${id} has expired; give it a later expiry before it is rotated`);
      }
      return {
        ...key,
        secret: { digest: hasher.digest(secret), hint: hintOf(secret) },
        previous: graceMs === 0 ? null : { ...key.secret, expiresAt: now + graceMs },
        rotatedAt: now,
      };
    });
    return { record, secret };
  }

  /** Reads, changes and writes back; begins again when another did so in between. `change` returns null for no change. */
  async #change(id: string, change: (key: KeyRecord) => KeyRecord | null): Promise<KeyRecord> {
    for (let attempt = 1; ; attempt++) {
      const key = await this.get(id);
      const changed = change(key);
      if (changed === null) return key;
      const record = { ...changed, version: key.version + 1, updatedAt: this.#options.clock.now() };
      try {
        await this.#options.store.replace(record);
        return record;
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'STORE_CONFLICT') throw error;
        if (attempt === MAX_ATTEMPTS)
          throw new KeyError('KEY_CONFLICT', `key ${id} is being changed by others; try again`);
      }
    }
  }
}

/** 96 random bits: ids are public, unique, and say nothing about how many keys there are. */
function newKeyId(): string {
  return `key_${randomBytes(12).toString('hex')}`;
}

function mustNotBeRevoked(key: KeyRecord, what: string): void {
  if (key.status !== 'revoked') return;
  throw new KeyError('KEY_STATE', `key ${key.id} is revoked, which is for good; it cannot be ${what}`);
}

function refuse(faults: readonly KeyFault[]): void {
  if (faults.length === 0) return;
  throw new KeyError('KEY_INVALID', faults.map(({ field, message }) => `${field}: ${message}`).join('; '), faults);
}
