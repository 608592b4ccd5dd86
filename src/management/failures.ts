/**
 * Why the management API does not do what it was asked: code, HTTP status, and a title for people. docs/errors.md is held
 * equal to this table by a test.
 */
export const FAILURES = {
  token_missing: { status: 401, title: 'A management token is required' },
  token_invalid: { status: 401, title: 'This management token is not valid' },
  forbidden: { status: 403, title: 'This token does not allow that' },
  not_found: { status: 404, title: 'There is no such thing' },
  method_not_allowed: { status: 405, title: 'This method is not for this path' },
  conflict: { status: 409, title: 'The state of things does not allow that' },
  precondition_failed: { status: 412, title: 'It has changed since it was read' },
  body_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  body_malformed: { status: 400, title: 'The body is not JSON' },
  request_invalid: { status: 400, title: 'The request is not valid' },
  validation_failed: { status: 422, title: 'Some fields are not valid' },
  idempotency_mismatch: { status: 422, title: 'This Idempotency-Key was used for another request' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  request_timeout: { status: 408, title: 'The request did not come in time' },
  too_many_failures: { status: 429, title: 'Too many tokens that are not valid came from this address' },
  too_many_followers: { status: 429, title: 'Too many logs are being followed' },
  too_many_explanations: { status: 429, title: 'Too many requests are being explained' },
  token_keys_unavailable: { status: 503, title: 'The keys that tokens are checked with cannot be had' },
  store_unavailable: { status: 503, title: 'The store cannot be asked at the moment' },
  store_read_only: { status: 507, title: 'The store cannot be written to' },
  internal: { status: 500, title: 'Something went wrong inside' },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type FailureCode = keyof typeof FAILURES;

/** Seconds after which it is worth trying again, where that is the same each time. */
const RETRY_AFTER: Readonly<Partial<Record<FailureCode, number>>> = {
  token_keys_unavailable: 5,
  too_many_followers: 10,
  too_many_explanations: 1,
  store_unavailable: 1,
};

/** One thing that is wrong with what was sent. */
export interface FieldFault {
  /** Where: a JSON pointer (RFC 6901) into the body, like `/permissions/0`; '' for the whole of it. */
  readonly pointer?: string;
  /** Or the query parameter. */
  readonly parameter?: string;
  /** Or the header. */
  readonly header?: string;
  /** What is wrong and what was expected. */
  readonly detail: string;
}

/** What a management action ends with that cannot be done. Compare `code`, never the message. */
export class ManagementError extends Error {
  readonly code: FailureCode;
  readonly errors: readonly FieldFault[];
  /** Seconds after which it is worth trying again; null: nobody knows. */
  readonly retryAfter: number | null;
  constructor(
    code: FailureCode,
    detail: string,
    errors: readonly FieldFault[] = [],
    retryAfter: number | null = RETRY_AFTER[code] ?? null,
    /** `cause`: what led to it, for the log alone. */
    options: ErrorOptions = {},
  ) {
    super(detail, options);
    this.name = 'ManagementError';
    this.code = code;
    this.errors = errors;
    this.retryAfter = retryAfter;
  }
}
