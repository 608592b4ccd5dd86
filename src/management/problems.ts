import { StoreError, type StoreErrorCode } from '../core/ports.ts';
import { KeyError, type KeyErrorCode, type KeyFault } from '../keys/key-error.ts';
import { redactSecrets } from '../observe/redact.ts';
import { FAILURES, type FailureCode, type FieldFault, ManagementError } from './failures.ts';
import { bounded, pointerOf, sentence, summary } from './validate.ts';

/** Characters of a detail: it may repeat what was sent, which may be as long as a body. */
const MAX_DETAIL = 1_000;
/** Of WWW-Authenticate. */
const REALM = 'latchkey management';

const KEY_FAILURES: Readonly<Record<KeyErrorCode, FailureCode>> = {
  KEY_INVALID: 'validation_failed',
  KEY_NOT_FOUND: 'not_found',
  KEY_STATE: 'conflict',
  KEY_CONFLICT: 'conflict',
  KEY_STALE: 'precondition_failed',
  KEY_EXISTS: 'conflict',
};

/** What of a store's failure a caller is told. Its own message may name hosts and files, and is for the log. */
const STORE_FAILURES: Readonly<Record<StoreErrorCode, readonly [FailureCode, string]>> = {
  STORE_UNAVAILABLE: ['store_unavailable', 'The store does not answer; nothing is known of what was asked. Try again.'],
  STORE_CONFLICT: ['conflict', 'Somebody else changed it at the same time; read it again and try again.'],
  STORE_READ_ONLY: ['store_read_only', 'The store takes no changes: its disk is full, or it may only be read.'],
  STORE_FULL: ['conflict', 'There are as many as there may be; delete some first.'],
  STORE_CORRUPT: ['internal', 'What is stored cannot be understood; the log says more.'],
  STORE_BAD_QUERY: ['request_invalid', 'cursor is of no page of this list.'],
};

/** Whatever went wrong, as it is answered. The only place where failures of other parts become ones of this API. */
export function failureOf(error: unknown): ManagementError {
  if (error instanceof ManagementError) return error;
  if (error instanceof KeyError) return keyFailure(error);
  if (error instanceof StoreError) return storeFailure(error);
  return new ManagementError('internal', 'The log says more, under this request_id.');
}

function keyFailure({ code, message, faults }: KeyError): ManagementError {
  const failure = KEY_FAILURES[code];
  const errors = faults.map((fault) => ({ pointer: fault.pointer ?? pointerOfField(fault), detail: fault.message }));
  if (errors.length > 0) {
    return new ManagementError(
      failure,
      summary(errors, ({ pointer }) => pointer),
      bounded(errors),
    );
  }
  return new ManagementError(failure, sentence(message.slice(0, 1).toUpperCase() + message.slice(1)));
}

function storeFailure({ code }: StoreError): ManagementError {
  const [failure, detail] = STORE_FAILURES[code];
  const errors = code === 'STORE_BAD_QUERY' ? [{ parameter: 'cursor', detail: 'is of no page of this list' }] : [];
  return new ManagementError(failure, detail, errors);
}

/**
 * `limits.perHour` is `/limits/per_hour` in a body, `ip_restrictions[1]` is `/ip_restrictions/1`. Names in `metadata` are
 * the caller's own: they stay as they are, dots too.
 */
function pointerOfField({ field }: KeyFault): string {
  const [own = '', name] = /^metadata\.([\s\S]*)$/.exec(field) ?? [];
  if (own !== '' && name !== undefined) return pointerOf(['metadata', name]);
  const parts = field.split(/[.[\]]+/).filter((part) => part !== '');
  return pointerOf(parts.map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)));
}

/** A failure as RFC 9457 has it. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function problemOf(failure: ManagementError, requestId: string): Problem {
  const { code, errors, retryAfter } = failure;
  const { status, title } = FAILURES[code];
  const body = {
    type: `urn:latchkey:error:${code}`,
    title,
    status,
    detail: cut(failure.message),
    code,
    request_id: requestId,
    ...(errors.length === 0 ? {} : { errors: errors.map(ordered) }),
    ...(retryAfter === null ? {} : { retry_after: retryAfter }),
  };
  const challenge = challengeOf(code);
  return {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      ...(challenge === null ? {} : { 'WWW-Authenticate': challenge }),
      ...(retryAfter === null ? {} : { 'Retry-After': String(retryAfter) }),
    },
    body: redactSecrets(JSON.stringify(body)),
  };
}

function ordered({ pointer, parameter, header, detail }: FieldFault): FieldFault {
  return {
    ...(pointer === undefined ? {} : { pointer }),
    ...(parameter === undefined ? {} : { parameter }),
    ...(header === undefined ? {} : { header }),
    detail: cut(detail),
  };
}

function cut(text: string): string {
  return text.length <= MAX_DETAIL ? text : `${text.slice(0, MAX_DETAIL - 1).toWellFormed()}…`;
}

/** RFC 6750 §3: no error for a request without a token. */
function challengeOf(code: FailureCode): string | null {
  if (code === 'token_missing') return `Bearer realm="${REALM}"`;
  if (code === 'token_invalid') return `Bearer realm="${REALM}", error="invalid_token"`;
  return code === 'forbidden' ? `Bearer realm="${REALM}", error="insufficient_scope"` : null;
}
