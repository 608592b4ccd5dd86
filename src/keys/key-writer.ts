import type { AuditAction } from '../core/audit.ts';
import type { Clock } from '../core/clock.ts';
import type { KeyRecord } from '../core/key.ts';
import { type Store, StoreError } from '../core/ports.ts';
import { NO_ROLES, type RolePermissions, rolePermissions } from '../core/role.ts';
import type { Actor } from './actor.ts';
import type { SecretHasher } from './hasher.ts';
import { KeyError } from './key-error.ts';
import { keyEvent } from './key-event.ts';
import type { KeyCatalogue } from './key-input.ts';
import type { Sealer } from './sealing.ts';

/** How often a change is tried again when somebody else changed the key in between. */
const MAX_ATTEMPTS = 5;
/** What may be an id, and is shorter than any secret. */
const KEY_ID = /^key_[0-9A-Za-z]{1,40}$/;

/** The part of the configuration that the life of a key goes by. */
export interface KeySettings {
  /** Without the roles, which are in the store. */
  readonly catalogue: Omit<KeyCatalogue, 'roles'>;
  /** Prefix of new secrets. */
  readonly prefix: string;
  /** Grace of a rotation that names none, in ms. */
  readonly rotationGraceMs: number;
  /** null: secrets cannot be shown again. */
  readonly sealer: Sealer | null;
}

export interface KeyServiceOptions {
  readonly store: Pick<Store, 'keys' | 'roles' | 'audit'>;
  readonly hasher: SecretHasher;
  readonly clock: Clock;
  /** The settings in force. */
  readonly settings: () => KeySettings;
  readonly actor: Actor;
}

/** Versions of a key that a change may meet; null: any. */
export type Versions = readonly number[] | null;

/** How a key that is there is changed: as it was read, by whom it may be, and together with the audit log. */
export class KeyWriter {
  readonly #options: KeyServiceOptions;

  constructor(options: KeyServiceOptions) {
    this.#options = options;
  }

  /**
   * What keys may refer to now. When a role is damaged, or was written by a newer version, there are none: no key is given
   * one then, but a key can still be revoked.
   */
  async catalogue(): Promise<KeyCatalogue> {
    const { settings } = this.#options;
    return { ...settings().catalogue, roles: await this.#roles() };
  }

  async #roles(): Promise<RolePermissions> {
    try {
      return rolePermissions(await this.#options.store.roles.list());
    } catch (error) {
      if (error instanceof StoreError && error.code === 'STORE_CORRUPT') return NO_ROLES;
      throw error;
    }
  }

  /** @throws KeyError `KEY_NOT_FOUND` when there is no such key, or none that the actor may see */
  async get(id: string): Promise<KeyRecord> {
    const { actor, store } = this.#options;
    const record = KEY_ID.test(id) ? await store.keys.get(id) : null;
    if (record !== null && actor.reach.sees(record)) return record;
    // What is no id may be a secret, given where an id was wanted: it must not come back in a message.
    const what = KEY_ID.test(id)
      ? `there is no key "${id}"`
      : 'there is no such key; expected an id like key_0123abcd…';
    throw new KeyError('KEY_NOT_FOUND', what);
  }

  /** Reads, changes and writes back. `change` returns null for no change. */
  async change(
    action: AuditAction,
    id: string,
    versions: Versions,
    change: (key: KeyRecord, catalogue: KeyCatalogue, now: number) => KeyRecord | null,
  ): Promise<KeyRecord> {
    return this.attempt(id, versions, async (key, catalogue, now) => {
      const { actor, store } = this.#options;
      const changed = change(key, catalogue, now);
      if (changed === null) {
        // Also to be told that there is nothing to do is for those who might do it.
        actor.reach.allow(key, key, catalogue);
        return key;
      }
      const record = { ...changed, version: key.version + 1, updatedAt: now };
      actor.reach.allow(key, record, catalogue);
      await store.keys.replace(record, { event: keyEvent(action, actor, key, record, catalogue, now) });
      return record;
    });
  }

  /** Does something to a key as it is; begins again when another changed it in between. */
  async attempt<T>(
    id: string,
    versions: Versions,
    act: (key: KeyRecord, catalogue: KeyCatalogue, now: number) => Promise<T>,
  ): Promise<T> {
    const catalogue = await this.catalogue();
    for (let attempt = 1; ; attempt++) {
      const key = await this.get(id);
      if (versions !== null && !versions.includes(key.version)) {
        throw new KeyError('KEY_STALE', `key ${id} is at version ${key.version}, which is not the one that was meant`);
      }
      try {
        return await act(key, catalogue, this.#options.clock.now());
      } catch (error) {
        if (!isConflict(error)) throw error;
        if (attempt === MAX_ATTEMPTS) {
          throw new KeyError('KEY_CONFLICT', `key ${id} is being changed by others; try again`);
        }
      }
    }
  }
}

/** Whether somebody else was there first. */
export function isConflict(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'STORE_CONFLICT';
}
