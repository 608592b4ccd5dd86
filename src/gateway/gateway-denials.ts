import { type DenialCode, deny } from '../core/denial.ts';

/** Denials that the gateway itself gives, around what the checks decide. */
export const OVERLOADED = deny('overloaded', 'The gateway is busy. Try again in a moment.', { retry_after: 1 });
export const TOO_LARGE = deny('body_too_large', 'The request body is larger than is accepted here.');
export const BODY_LATE = deny('request_timeout', 'The request body did not arrive in time.');
export const NO_UPSTREAM = deny('route_not_found', 'Nothing is configured to answer for this host and path.');
export const BROKEN = deny(
  'key_store_unavailable',
  'The gateway could not check your key; this says nothing about the key.',
  {
    retry_after: 1,
  },
);
export const NO_WEBSOCKET = deny(
  'request_rejected',
  'A WebSocket is asked for with GET, over HTTP/1.1 and without a body.',
);
export const MALFORMED = deny('request_rejected', 'The request is not HTTP as it must be.');
export const HEAD_TOO_LARGE = deny(
  'headers_too_large',
  'The request line and headers are larger than is accepted here.',
);
export const HEAD_LATE = deny('request_timeout', 'The request did not arrive in time.');
export const NO_TUNNEL = deny('request_rejected', 'CONNECT is not accepted here.');

/** After these the connection closes: the request's end is not certain, or its sender should not go on. */
export const CLOSES: ReadonlySet<DenialCode> = new Set([
  'request_rejected',
  'request_timeout',
  'body_too_large',
  'uri_too_long',
  'headers_too_large',
]);
