import type { Limits } from './limits.ts';

export type KeyStatus = 'active' | 'disabled' | 'revoked';

/** A time restriction as it is written: wall-clock windows in one IANA zone. */
export interface TimeRestriction {
  /** IANA name, like `Europe/Amsterdam`. */
  readonly timezone: string;
  /** Windows like `09:00-17:00`; `22:00-06:00` crosses midnight. Empty: the whole day. */
  readonly allowed_hours: readonly string[];
  /** Lower-case English day names. Empty: every day. */
  readonly allowed_days: readonly string[];
}

/**
 * The restrictions on a key, by the names of their fields, as they are stored; what is absent restricts nothing.
 * src/restrictions says what each means. One that cannot be understood denies; it never passes.
 */
export type KeyRestrictions = Readonly<Record<string, unknown>>;

/** One stored secret of a key: never the secret itself. */
export interface SecretDigest {
  /** `sha256:<base64url>` or `hmac-<pepper version>:<base64url>` (keys/hasher.ts). */
  readonly digest: string;
  /** Prefix and last four characters, for people to recognise it by. */
  readonly hint: string;
}

/** The secret that a rotation replaced, valid until its grace ends. */
export interface PreviousSecret extends SecretDigest {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** A key as stores keep it. Times are milliseconds since the epoch. */
export interface KeyRecord {
  /** `key_…` */
  readonly id: string;
  readonly name: string;
  /** One of the configured key types. */
  readonly type: string;
  readonly owner: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: KeyStatus;
  /** Permissions granted one by one, sorted; those of its preset and roles come on top. */
  readonly permissions: readonly string[];
  readonly preset: string | null;
  /** Names of roles, sorted. One that is gone gives nothing. */
  readonly roles: readonly string[];
  readonly tier: string;
  /** What the key overrides of its tier. */
  readonly limits: Partial<Limits>;
  readonly restrictions: KeyRestrictions;
  /** Kinds of restrictions, and `limits`, that are counted and logged for this key, not enforced; sorted. */
  readonly shadow: readonly string[];
  readonly secret: SecretDigest;
  readonly previous: PreviousSecret | null;
  /** The current secret, sealed under a key from outside the store; null: it cannot be recovered. */
  readonly sealedSecret: string | null;
  /** Whether its secret may have another form than Latchkey's own, as an imported one has. */
  readonly imported: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly rotatedAt: number | null;
  /** null: never. */
  readonly expiresAt: number | null;
  readonly revokedAt: number | null;
  /** Who disabled it, for as long as it is; null: it is not, or nobody knows. */
  readonly disabledBy: string | null;
  /** Grows by one with each change; a change names the version that it saw. */
  readonly version: number;
}
