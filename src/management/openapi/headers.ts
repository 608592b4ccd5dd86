import type { Endpoint } from '../endpoint.ts';

/** Headers and header parameters of the document, by the name of their component. */

const string = { type: 'string' } as const;

export const HEADERS = {
  RequestId: {
    description: 'Names this request in the log; a valid one that was sent is kept.',
    schema: { ...string, examples: ['req_abc123'] },
  },
  ETag: {
    description: 'The version of what is shown, for `If-Match`.',
    schema: { ...string, examples: ['"v1"'] },
  },
  Location: {
    description: 'The path of what was made.',
    schema: { ...string, examples: ['/api-keys/key_0123456789abcdef01234567'] },
  },
  RetryAfter: {
    description: 'Seconds after which it is worth trying again; absent when nobody knows.',
    schema: { type: 'integer' as const, minimum: 0, examples: [1] },
  },
  Authenticate: {
    description: 'What is wanted instead (RFC 6750).',
    schema: { ...string, examples: ['Bearer realm="latchkey management", error="invalid_token"'] },
  },
};

export const PARAMETERS = {
  IfMatch: {
    name: 'If-Match',
    in: 'header' as const,
    description:
      'The ETag that was read: the change is refused with `precondition_failed` when it is another by now. Absent or `*`: any.',
    schema: { ...string, examples: ['"v1"'] },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header' as const,
    description:
      'Chosen by the caller, another for each key that it wants. Sent again with the same body within a day, the request gets the answer that it got.',
    schema: { ...string, minLength: 1, maxLength: 255, examples: ['8e03978e-40d5-43dd-bc93-6894a57f9324'] },
  },
  LastEventId: {
    name: 'Last-Event-ID',
    in: 'header' as const,
    description: 'With `follow=true`: the id of the event after which to go on.',
    schema: string,
  },
};

const headerRef = (name: keyof typeof HEADERS): { $ref: string } => ({ $ref: `#/components/headers/${name}` });
const parameterRef = (name: keyof typeof PARAMETERS): { $ref: string } => ({ $ref: `#/components/parameters/${name}` });

/** The headers of a problem with this status. */
export function problemHeaders(status: number): Record<string, { $ref: string }> {
  return {
    ...(status === 401 || status === 403 ? { 'WWW-Authenticate': headerRef('Authenticate') } : {}),
    ...(status === 429 || status === 503 ? { 'Retry-After': headerRef('RetryAfter') } : {}),
    'X-Request-Id': headerRef('RequestId'),
  };
}

/** Whether If-Match means something for an endpoint. */
export function isGuarded({ isVersioned, method, params }: Endpoint): boolean {
  return isVersioned === true && method !== 'GET' && params !== undefined;
}

/** The headers that a request may have, but for Authorization. */
export function headerParameters(endpoint: Endpoint): { $ref: string }[] {
  return [
    ...(isGuarded(endpoint) ? [parameterRef('IfMatch')] : []),
    ...(endpoint.isIdempotent === true ? [parameterRef('IdempotencyKey')] : []),
    ...(endpoint.streams === true ? [parameterRef('LastEventId')] : []),
  ];
}

/** The headers that an answer has. */
export function answerHeaders(endpoint: Endpoint, status: string, hasBody: boolean): Record<string, { $ref: string }> {
  return {
    ...(endpoint.isVersioned === true && hasBody && endpoint.method !== 'DELETE' ? { ETag: headerRef('ETag') } : {}),
    ...(status === '201' ? { Location: headerRef('Location') } : {}),
    'X-Request-Id': headerRef('RequestId'),
  };
}
