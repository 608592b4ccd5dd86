import type { ZodOpenApiExamplesObject, ZodOpenApiResponseObject } from 'zod-openapi';
import { type Endpoint, mayChange } from '../endpoint.ts';
import { FAILURES, type FailureCode, ManagementError } from '../failures.ts';
import { problemOf } from '../problems.ts';
import { FAILURE_CODES, problem } from '../schemas/problem.ts';
import { isGuarded, problemHeaders } from './headers.ts';

interface Said {
  readonly detail: string;
  readonly errors?: ManagementError['errors'];
}

/** What each failure may say, for the examples. */
const SAID: Readonly<Record<FailureCode, Said>> = {
  token_missing: { detail: 'Send a management token: Authorization: Bearer <token>.' },
  token_invalid: { detail: 'The token has expired.' },
  forbidden: { detail: 'To change many keys at once needs admin:write.' },
  not_found: { detail: 'There is no key "key_0123456789abcdef01234567".' },
  method_not_allowed: { detail: 'Expected GET or POST.' },
  conflict: { detail: 'The key is revoked, which is for good; it cannot be changed.' },
  precondition_failed: { detail: 'It is at version 2 by now.' },
  body_too_large: { detail: 'Expected at most 1048576 bytes.' },
  unsupported_media_type: { detail: 'Expected Content-Type: application/json.' },
  body_malformed: { detail: 'The body ends in the middle of an object.' },
  request_invalid: {
    detail: 'limit expected a whole number from 1 to 500.',
    errors: [{ parameter: 'limit', detail: 'expected a whole number from 1 to 500' }],
  },
  validation_failed: {
    detail: '/permissions/0 "domain:read" is not known; did you mean "domains:read"?',
    errors: [{ pointer: '/permissions/0', detail: '"domain:read" is not known; did you mean "domains:read"?' }],
  },
  idempotency_mismatch: {
    detail: 'This Idempotency-Key came with another body before; use a new one for another request.',
  },
  headers_too_large: { detail: 'Send fewer or smaller headers.' },
  request_timeout: { detail: 'The body did not come in time.' },
  too_many_failures: { detail: 'Wait before another token is tried.' },
  token_keys_unavailable: { detail: 'The keys of whoever issues the tokens cannot be fetched; try again in a moment.' },
  too_many_followers: { detail: 'Expected at most 64 at a time; stop following another.' },
  too_many_explanations: { detail: 'Expected at most 16 at a time of one caller, and 64 of all; wait for an answer.' },
  store_unavailable: { detail: 'The store does not answer; nothing is known of what was asked. Try again.' },
  store_read_only: { detail: 'The store takes no changes: its disk is full, or it may only be read.' },
  internal: { detail: 'The log says more, under this request_id.' },
};

/** How a call of an endpoint can fail, in the order of FAILURES. */
export function failuresOf(endpoint: Endpoint): FailureCode[] {
  const codes = new Set<FailureCode>([
    'token_missing',
    'token_invalid',
    'forbidden',
    'request_invalid',
    'too_many_failures',
    'token_keys_unavailable',
    'store_unavailable',
    'internal',
    ...(endpoint.alsoFails ?? []),
  ]);
  if (endpoint.params !== undefined) codes.add('not_found');
  if (mayChange(endpoint)) codes.add('conflict').add('store_read_only');
  if (isGuarded(endpoint)) codes.add('precondition_failed');
  if (endpoint.isIdempotent === true) codes.add('idempotency_mismatch');
  if (endpoint.streams === true) codes.add('too_many_followers');
  if (endpoint.body !== undefined) {
    codes.add('body_malformed').add('body_too_large').add('unsupported_media_type').add('validation_failed');
  }
  return FAILURE_CODES.filter((code) => codes.has(code));
}

/** Status to the codes that are answered with it, lowest status first. */
export function byStatus(codes: readonly FailureCode[]): [string, FailureCode[]][] {
  const found = new Map<number, FailureCode[]>();
  for (const code of codes) {
    const { status } = FAILURES[code];
    found.set(status, [...(found.get(status) ?? []), code]);
  }
  return [...found].sort(([a], [b]) => a - b).map(([status, of]) => [String(status), of]);
}

/** Name of the component that answers with one of these codes: `TokenMissingOrTokenInvalid`. */
export function problemName(codes: readonly FailureCode[]): string {
  return codes.map((code) => code.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())).join('Or');
}

/** @param status that all of these codes have */
export function problemResponse(codes: readonly FailureCode[], status: number): ZodOpenApiResponseObject {
  const examples: ZodOpenApiExamplesObject = Object.fromEntries(
    codes.map((code) => [code, { summary: FAILURES[code].title, value: problemExample(code) }]),
  );
  return {
    description: codes.map((code) => `\`${code}\`: ${FAILURES[code].title}.`).join(' '),
    headers: problemHeaders(status),
    content: { 'application/problem+json': { schema: problem, examples } },
  };
}

function problemExample(code: FailureCode): unknown {
  const { detail, errors } = SAID[code];
  return JSON.parse(problemOf(new ManagementError(code, detail, errors), 'req_abc123').body);
}
