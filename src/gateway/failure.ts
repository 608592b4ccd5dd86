import { type Denial, type DenialCode, deny } from '../core/denial.ts';

const UNREACHABLE = deny('upstream_unreachable', 'The API behind this gateway could not be reached. Try again later.');
export const UPSTREAM_INVALID = deny(
  'upstream_invalid',
  'The API behind this gateway broke off, or gave an answer that is not HTTP.',
);
export const UPSTREAM_TIMEOUT = deny('upstream_timeout', 'The API behind this gateway did not answer in time.');

export type AbortCode = 'client_gone' | 'request_ended' | 'switched_protocols' | 'unknown_coding';

/** Why the gateway itself ended an exchange with the upstream. */
export class GatewayAbort extends Error {
  readonly code: AbortCode;
  constructor(code: AbortCode) {
    super(code);
    this.name = 'GatewayAbort';
    this.code = code;
  }
}

export type UpstreamFault =
  | 'invalid_answer'
  | 'head_too_large'
  | 'head_timeout'
  | 'body_timeout'
  | 'connect_timeout'
  | 'connection_closed'
  | 'request_broken';

/** What went wrong with an upstream on a connection that the gateway itself speaks HTTP on. */
export class UpstreamError extends Error {
  readonly code: UpstreamFault;
  constructor(code: UpstreamFault, message: string) {
    super(message);
    this.name = 'UpstreamError';
    this.code = code;
  }
}

/** The code of an error, as Node and undici give it; its name when it has none. */
export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** An upstream's failure in one line for the log. */
export function describe(error: Error): string {
  return `${codeOf(error)}: ${error.message}`;
}

const CODES: Readonly<Record<string, DenialCode>> = {
  UND_ERR_HEADERS_TIMEOUT: 'upstream_timeout',
  UND_ERR_BODY_TIMEOUT: 'upstream_timeout',
  UND_ERR_HEADERS_OVERFLOW: 'upstream_invalid',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'upstream_invalid',
  UND_ERR_INVALID_ARG: 'upstream_invalid',
  head_timeout: 'upstream_timeout',
  body_timeout: 'upstream_timeout',
  head_too_large: 'upstream_invalid',
  invalid_answer: 'upstream_invalid',
  request_broken: 'upstream_invalid',
};

/**
 * The denial for an upstream that failed before the head of its answer.
 * @param began whether bytes of an answer had come: then it was reached, and broke off
 */
export function denialFor(error: Error, began: boolean): Denial {
  const code = codeOf(error);
  const known = CODES[code];
  if (known === 'upstream_timeout') return UPSTREAM_TIMEOUT;
  if (known === 'upstream_invalid' || code.startsWith('HPE_') || began) return UPSTREAM_INVALID;
  return UNREACHABLE;
}

/** Errors of a connection that the upstream closed while it was idle. */
const CLOSED_WHILE_IDLE: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'connection_closed']);
/** Errors of a connection that never came to be: not one byte was sent. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET']);
/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** What decides whether a failed attempt may be made once more. */
export interface Attempt {
  readonly method: string;
  readonly hasBody: boolean;
  /** Whether it was handed to a connection. */
  readonly sent: boolean;
  /** Whether bytes of an answer had come. */
  readonly began: boolean;
  /** Whether the connection had carried an answer before. */
  readonly reused: boolean;
}

/** Only when not one byte reached the upstream, or the method is idempotent and a reused connection had closed. */
export function mayRetry(error: Error, attempt: Attempt): boolean {
  const code = codeOf(error);
  if (!attempt.sent) return NEVER_CONNECTED.has(code);
  if (attempt.began || attempt.hasBody || !attempt.reused) return false;
  return IDEMPOTENT.has(attempt.method) && CLOSED_WHILE_IDLE.has(code);
}
