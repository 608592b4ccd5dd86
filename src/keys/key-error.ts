export type KeyErrorCode =
  /** Something that was given for a key is wrong; `faults` say what. */
  | 'KEY_INVALID'
  /** No key has this id. */
  | 'KEY_NOT_FOUND'
  /** The key's state does not allow it: a revoked key stays revoked. */
  | 'KEY_STATE'
  /** Somebody else changed the key at the same time, again and again. */
  | 'KEY_CONFLICT'
  /** It is not the version any more that the change was meant for. */
  | 'KEY_STALE'
  /** A key with this id or secret is there already. */
  | 'KEY_EXISTS';

/** One thing that is wrong with what was given. */
export interface KeyFault {
  /** The field, as the API writes it: `expires_at`, `permissions[2]`, `time_restrictions.timezone`. */
  readonly field: string;
  /** Where it stands in what was given (RFC 6901), when that is not where the field would be. */
  readonly pointer?: string;
  /** What is wrong and what was expected. */
  readonly message: string;
}

/** A management action that cannot be done. Compare `code`, never the message. */
export class KeyError extends Error {
  readonly code: KeyErrorCode;
  readonly faults: readonly KeyFault[];
  constructor(code: KeyErrorCode, message: string, faults: readonly KeyFault[] = []) {
    super(message);
    this.name = 'KeyError';
    this.code = code;
    this.faults = faults;
  }
}
