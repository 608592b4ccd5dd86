import { isDeepStrictEqual } from 'node:util';
import type { Claim } from '../core/along.ts';
import type { AuditAction, AuditEvent } from '../core/audit.ts';
import type { KeyRecord, KeyStatus } from '../core/key.ts';
import type { Actor } from './actor.ts';
import { KeyError, type KeyFault } from './key-error.ts';
import { eventOf, keyEvent } from './key-event.ts';
import { fieldFaults, type KeyCatalogue, type KeyFields, normalFields, typeFaults } from './key-input.ts';
import { isConflict, type KeyServiceOptions, KeyWriter, type Versions } from './key-writer.ts';
import { type NewKey, newKeyId, newRecord } from './new-record.ts';
import { hintOf, newSecret } from './secret.ts';

/** The longest grace of a rotation: an old secret that lives on for longer is no rotation. */
export const MAX_GRACE_MS = 90 * 86_400_000;
/** A key with its secret, which is not to be had again. */
export interface IssuedKey {
  readonly record: KeyRecord;
  readonly secret: string;
}

/** Fields to change, perhaps by what the key has now. */
export type Changes = Partial<KeyFields> | ((key: KeyRecord) => Partial<KeyFields>);

/**
 * The life of a key. Every method checks all that it is given before it writes anything, throws a KeyError that names
 * what is wrong, and returns when the change and the entry of the audit log that tells of it are durable.
 */
export class KeyService {
  readonly #options: KeyServiceOptions;
  readonly #writer: KeyWriter;

  constructor(options: KeyServiceOptions) {
    this.#options = options;
    this.#writer = new KeyWriter(options);
  }

  /** The same for another actor. */
  as(actor: Actor): KeyService {
    return new KeyService({ ...this.#options, actor });
  }

  /** What keys may refer to now. */
  catalogue(): Promise<KeyCatalogue> {
    return this.#writer.catalogue();
  }

  /**
   * Makes a key. What is not given comes from its type: tier and expiry.
   *
   * @param claimFor makes what is stored with the key when its caller may ask for it again
   */
  async create(input: NewKey, claimFor?: (issued: IssuedKey, catalogue: KeyCatalogue) => Claim): Promise<IssuedKey> {
    const { actor, clock, hasher, settings, store } = this.#options;
    const { prefix, sealer } = settings();
    const catalogue = await this.catalogue();
    const now = clock.now();
    this.#check(input, catalogue, now);
    const secret = newSecret(prefix);
    const id = newKeyId();
    const sealed = sealer?.seal(secret, id) ?? null;
    const digest = { digest: hasher.digest(secret), hint: hintOf(secret), sealed, imported: false };
    const record = newRecord(id, input, digest, catalogue, now);
    actor.reach.allow(null, record, catalogue);
    const event = keyEvent('key.create', actor, null, record, catalogue, now);
    const claim = claimFor?.({ record, secret }, catalogue);
    await store.keys.create(record, { event, ...(claim === undefined ? {} : { claim }) });
    return { record, secret };
  }

  /**
   * Stores a key that was made elsewhere, as it is.
   * @throws KeyError `KEY_INVALID`, `KEY_EXISTS`
   */
  async adopt(record: KeyRecord, action: 'key.import' | 'key.migrate'): Promise<void> {
    const { actor, clock, store } = this.#options;
    const catalogue = await this.catalogue();
    const now = clock.now();
    // A key that has ended is told by its expiry; it comes along for the record.
    const { expiresAt, ...fields } = record;
    this.#check({ ...fields, ...(expiresAt !== null && expiresAt <= now ? {} : { expiresAt }) }, catalogue, now);
    actor.reach.allow(null, record, catalogue);
    try {
      await store.keys.create(record, { event: keyEvent(action, actor, null, record, catalogue, now) });
    } catch (error) {
      if (!isConflict(error)) throw error;
      throw new KeyError('KEY_EXISTS', `key ${record.id}, or another with its secret, is there already`);
    }
  }

  /** @throws KeyError `KEY_NOT_FOUND` when there is no such key, or none that the actor may see */
  get(id: string): Promise<KeyRecord> {
    return this.#writer.get(id);
  }

  /** Changes the fields that are given, and no others. Where nothing differs, nothing is written. */
  async update(id: string, changes: Changes, versions: Versions = null): Promise<KeyRecord> {
    return this.#writer.change('key.update', id, versions, (key, catalogue, now) => {
      mustNotBeRevoked(key, 'changed');
      const fields = typeof changes === 'function' ? changes(key) : changes;
      refuse(fieldFaults(fields, key.type, catalogue, now));
      const changed = { ...key, ...normalFields(fields) };
      return isDeepStrictEqual(changed, key) ? null : changed;
    });
  }

  /** Allows or forbids the use of a key for the time being. */
  async setEnabled(id: string, enabled: boolean, versions: Versions = null): Promise<KeyRecord> {
    const status: KeyStatus = enabled ? 'active' : 'disabled';
    const { subject } = this.#options.actor;
    return this.#writer.change(enabled ? 'key.enable' : 'key.disable', id, versions, (key) => {
      mustNotBeRevoked(key, enabled ? 'enabled' : 'disabled');
      const isSo = enabled ? key.status === 'active' : isDisabledFor(key, subject);
      return isSo ? null : { ...key, status, disabledBy: enabled ? null : subject };
    });
  }

  /** Ends a key for good. To revoke it again changes nothing. */
  async revoke(id: string, versions: Versions = null): Promise<KeyRecord> {
    return this.#writer.change('key.revoke', id, versions, (key, _, now) => {
      if (key.status === 'revoked') return null;
      return { ...key, status: 'revoked', revokedAt: now, disabledBy: null, sealedSecret: null };
    });
  }

  /**
   * Gives a key a new secret at once. The old one stays valid for `graceMs`; one that an earlier rotation left behind
   * ends now.
   */
  async rotate(id: string, graceMs?: number, versions: Versions = null): Promise<IssuedKey> {
    const { hasher, settings } = this.#options;
    const { prefix, rotationGraceMs, sealer } = settings();
    const grace = graceMs ?? rotationGraceMs;
    if (!Number.isInteger(grace) || grace < 0 || grace > MAX_GRACE_MS) {
      refuse([{ field: 'grace_period', message: `is ${grace} ms; expected 0 to 90 days` }]);
    }
    const secret = newSecret(prefix);
    const record = await this.#writer.change('key.rotate', id, versions, (key, _, now) => {
      mustNotBeRevoked(key, 'rotated');
      if (key.expiresAt !== null && key.expiresAt <= now) {
        throw new KeyError('KEY_STATE', `key ${id} has expired; give it a later expiry before it is rotated`);
      }
      return {
        ...key,
        secret: { digest: hasher.digest(secret), hint: hintOf(secret) },
        previous: grace === 0 ? null : { ...key.secret, expiresAt: now + grace },
        sealedSecret: sealer?.seal(secret, id) ?? null,
        rotatedAt: now,
      };
    });
    return { record, secret };
  }

  /** Removes a key, and with it all that is known of it but its usage, its requests and the audit log. */
  async delete(id: string, versions: Versions = null): Promise<void> {
    await this.#writer.attempt(id, versions, async (key, catalogue, now) => {
      const { actor, store } = this.#options;
      actor.reach.allow(key, null, catalogue);
      await store.keys.delete(id, key.version, { event: keyEvent('key.delete', actor, key, null, catalogue, now) });
    });
  }

  /** The secret of a key, when it was kept. Each look is in the audit log before it is given. */
  async reveal(id: string): Promise<string> {
    const key = await this.get(id);
    const { settings } = this.#options;
    const { sealer } = settings();
    if (sealer === null) throw new KeyError('KEY_STATE', 'secrets are not kept here: keys.recoverable is not set');
    if (key.sealedSecret === null) {
      throw new KeyError('KEY_STATE', `the secret of ${id} was not kept; only one that is made from now on can be`);
    }
    const secret = sealer.open(key.sealedSecret, id);
    if (secret === null) throw new KeyError('KEY_STATE', `the secret of ${id} was sealed under another key`);
    await this.record({ action: 'key.secret_read', target: id, after: null });
    return secret;
  }

  /** Tells the audit log of something that changes no key. */
  async record(told: Pick<AuditEvent, 'target' | 'after'> & { readonly action: AuditAction }): Promise<void> {
    const { actor, clock, store } = this.#options;
    await store.audit.append({ ...eventOf(told.action, actor, clock.now()), ...told });
  }

  #check(input: NewKey, catalogue: KeyCatalogue, now: number): void {
    refuse([...typeFaults(input.type, catalogue), ...fieldFaults(input, input.type, catalogue, now)]);
  }
}

/**
 * Whether it would change nothing if this one disabled the key. What its owner disabled the owner may enable again; when
 * somebody else says so too, that one's word is what counts from then on.
 */
export function isDisabledFor({ status, disabledBy, owner }: KeyRecord, subject: string): boolean {
  return status === 'disabled' && (disabledBy !== owner || subject === owner);
}

function mustNotBeRevoked(key: KeyRecord, what: string): void {
  if (key.status !== 'revoked') return;
  throw new KeyError('KEY_STATE', `key ${key.id} is revoked, which is for good; it cannot be ${what}`);
}

function refuse(faults: readonly KeyFault[]): void {
  if (faults.length === 0) return;
  throw new KeyError('KEY_INVALID', faults.map(({ field, message }) => `${field}: ${message}`).join('; '), faults);
}
