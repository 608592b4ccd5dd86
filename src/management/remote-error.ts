export type RemoteErrorCode =
  /** Nobody answers there, or not in time. */
  | 'SERVER_UNREACHABLE'
  /** What answers is no management API of Latchkey, or one that this version does not understand. */
  | 'SERVER_NOT_LATCHKEY'
  /** It sends callers elsewhere, where the token must not go. */
  | 'SERVER_REDIRECTS'
  /** It failed without saying why in its own words. */
  | 'SERVER_FAILED';

/** The management API could not be asked, or its answer not be used. Compare `code`, never the message. */
export class RemoteError extends Error {
  readonly code: RemoteErrorCode;
  constructor(code: RemoteErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RemoteError';
    this.code = code;
  }
}
