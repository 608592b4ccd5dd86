import { z } from 'zod';
import { CONNECTIONS, HEADER_SIZE, TIMEOUT } from './bounds.ts';
import { BELIEVED_HEADERS, type BelievedHeader } from './config.ts';
import { choice, count, duration, flag, leaf, matching, size, unexpected } from './fields.ts';
import { listenAddress, network } from './network-fields.ts';

const webSocketSchema = z
  .strictObject({
    idle_timeout: duration(TIMEOUT)
      .describe('A WebSocket without a byte in either direction for this long is closed.')
      .prefault('5m'),
    max_connections_per_key: count({ min: 0, max: 1_000_000 })
      .describe('WebSockets that one key may have open at a time.')
      .prefault(100),
  })
  .describe('Upgraded connections.')
  .prefault({})
  .transform((v) => ({ idleTimeoutMs: v.idle_timeout, maxConnectionsPerKey: v.max_connections_per_key }));

/** As they are written, which is how messages and editors name them. */
const BELIEVED_NAMES = ['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'Forwarded'] as const;
const BELIEVED_WHAT = `one of ${BELIEVED_NAMES.join(', ')}`;

/** The name of a header that may be believed, in any case. */
function believedHeader() {
  const editor = { anyOf: [{ enum: [...BELIEVED_NAMES, ...BELIEVED_HEADERS] }, { type: 'string', pattern: '\\$\\{' }] };
  return leaf(BELIEVED_WHAT, editor, (input) => {
    const name = typeof input === 'string' ? input.toLowerCase() : null;
    return BELIEVED_HEADERS.find((known) => known === name) ?? unexpected(BELIEVED_WHAT, input);
  });
}

/** Two headers that say the same thing: which of them the proxy wrote, and which its client, cannot be seen. */
const TWO_SOURCES =
  'expected either Forwarded or X-Forwarded headers: a proxy that writes one of them passes on what its client wrote in the other';

function saysOneThingTwice(names: readonly BelievedHeader[]): boolean {
  return names.includes('forwarded') && names.some((name) => name !== 'forwarded');
}

/** Whom to believe, and in what. */
const trust = {
  trusted_proxies: z
    .array(network())
    .max(10_000)
    .describe('Addresses and CIDRs of the proxies in front whose word on their clients is taken.')
    .prefault([]),
  believed_headers: z
    .array(believedHeader())
    .max(10)
    .refine((names) => !saysOneThingTwice(names), { message: TWO_SOURCES })
    .describe('The headers in which it is taken: those that every trusted proxy sets, or removes. Others are not read.')
    .prefault(['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host']),
  proxy_protocol_from: z
    .array(network())
    .max(10_000)
    .describe('Addresses and CIDRs of those whose connections begin with a PROXY protocol header (v1 or v2).')
    .prefault([]),
};

const limits = {
  max_connections: count(CONNECTIONS).describe('Client connections open at a time.').prefault(10_000),
  max_requests_in_flight: count(CONNECTIONS)
    .describe('Requests in flight, all connections together; one more is answered 503.')
    .prefault(4096),
  max_header_size: size(HEADER_SIZE).describe('The request line and all headers together.').prefault('16KiB'),
  max_headers: count({ min: 10, max: 2000 }).describe('Headers in one request.').prefault(100),
  max_target_size: size({ min: 256, max: 64 * 1024 })
    .describe('The path and query of one request.')
    .prefault('8KiB'),
  max_body_size: size({ min: 0, max: 2 ** 40 })
    .describe('The body of one request. Bodies are passed on as they come and never kept in memory.')
    .prefault('1GiB'),
};

const timeouts = {
  head_timeout: duration(TIMEOUT)
    .describe('From the first byte of a request to the end of its headers.')
    .prefault('10s'),
  body_idle_timeout: duration(TIMEOUT)
    .describe('The longest pause between two pieces of a request body.')
    .prefault('30s'),
  keep_alive_timeout: duration(TIMEOUT).describe('How long an idle client connection stays open.').prefault('65s'),
  drain_delay: duration({ ...TIMEOUT, zero: true })
    .describe('From SIGTERM until the listeners stop, so that load balancers see /readyz fail first.')
    .prefault('0s'),
  drain_timeout: duration({ ...TIMEOUT, zero: true })
    .describe('From then until requests still in flight are cut.')
    .prefault('30s'),
};

export const proxySchema = z
  .strictObject({
    listen: listenAddress().describe('Address of the proxy.').prefault('0.0.0.0:8080'),
    front: choice(['auto', 'node'])
      .describe('auto: plain requests take a short way of their own; node: all go through the HTTP server of Node.')
      .prefault('auto'),
    ...trust,
    realm: matching('printable text without quotes, up to 64 characters', /^[ !#-[\]-~]{1,64}$/)
      .describe('Realm of the WWW-Authenticate header.')
      .prefault('latchkey'),
    allow_path_parameters: flag()
      .describe('Accept ";" in paths, which some upstreams cut off before they route.')
      .prefault(false),
    allow_override_headers: z
      .array(matching('a header name, like X-HTTP-Method-Override', /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/))
      .max(100)
      .describe('Headers that can change what a request means to an upstream, dropped unless named here.')
      .prefault([]),
    ...limits,
    ...timeouts,
    websocket: webSocketSchema,
  })
  .describe('The listener that clients talk to.')
  .prefault({})
  .transform((v) => ({
    listen: v.listen,
    front: v.front,
    trustedProxies: v.trusted_proxies,
    believedHeaders: [...new Set(v.believed_headers)],
    proxyProtocolFrom: v.proxy_protocol_from,
    realm: v.realm,
    allowPathParameters: v.allow_path_parameters,
    allowOverrideHeaders: v.allow_override_headers.map((name) => name.toLowerCase()),
    maxConnections: v.max_connections,
    maxHeaderBytes: v.max_header_size,
    maxHeaders: v.max_headers,
    maxTargetBytes: v.max_target_size,
    maxBodyBytes: v.max_body_size,
    maxRequestsInFlight: v.max_requests_in_flight,
    headTimeoutMs: v.head_timeout,
    bodyIdleTimeoutMs: v.body_idle_timeout,
    keepAliveTimeoutMs: v.keep_alive_timeout,
    drainDelayMs: v.drain_delay,
    drainTimeoutMs: v.drain_timeout,
    websocket: v.websocket,
  }));
