import { z } from 'zod';
import { CONNECTIONS, HEADER_SIZE, TIMEOUT } from './bounds.ts';
import { count, duration, filePath, flag, Invalid, matching, size } from './fields.ts';
import { hostName, pathPrefix, upstreamUrl } from './network-fields.ts';
import type { SecretSources } from './secrets.ts';

/** What a header may carry; anything else would split it, or make the request unreadable. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?$/;

function authorizationSchema(sources: SecretSources) {
  return z
    .strictObject({
      from_env: matching('the name of an environment variable', /^[A-Za-z_][A-Za-z0-9_]*$/)
        .describe('The environment variable that holds the whole header value, like "Bearer …".')
        .optional(),
      from_file: filePath().describe('The file that holds the whole header value.').optional(),
    })
    .describe("The upstream's own credential, sent in place of the caller's Authorization header.")
    .transform((v, context): string => {
      const value = credential(v, sources);
      if (!(value instanceof Invalid)) return value;
      context.addIssue({ code: 'custom', message: value.message });
      return z.NEVER;
    });
}

function credential(
  from: { from_env?: string | undefined; from_file?: string | undefined },
  sources: SecretSources,
): string | Invalid {
  if ((from.from_env === undefined) === (from.from_file === undefined)) {
    return new Invalid('expected either "from_env" or "from_file"');
  }
  const value = from.from_env !== undefined ? sources.variable(from.from_env) : sources.file(from.from_file ?? '');
  if (value instanceof Invalid || HEADER_VALUE.test(value)) return value;
  return new Invalid('expected a header value on one line, in printable ASCII, like "Bearer …"');
}

const limits = {
  max_connections: count(CONNECTIONS).describe('Connections to this upstream open at a time.').prefault(256),
  max_queued: count({ min: 0, max: 1_000_000 })
    .describe('Requests that wait for a connection; one more is answered 503.')
    .prefault(1024),
  max_header_size: size(HEADER_SIZE).describe('All headers of one answer together.').prefault('16KiB'),
};

const timeouts = {
  connect_timeout: duration(TIMEOUT).describe('How long connecting may take.').prefault('2s'),
  head_timeout: duration(TIMEOUT).describe('From the request sent until the headers of the answer.').prefault('60s'),
  body_idle_timeout: duration(TIMEOUT)
    .describe("The longest pause between two pieces of the answer's body.")
    .prefault('60s'),
  total_timeout: duration({ ...TIMEOUT, zero: true })
    .describe("From the decision to the answer's end; 0: no limit.")
    .prefault('0s'),
  keep_alive_timeout: duration(TIMEOUT)
    .describe("How long an idle connection is kept; keep it below the upstream's own.")
    .prefault('4s'),
};

export function upstreamSchema(sources: SecretSources) {
  return z
    .strictObject({
      url: upstreamUrl().describe('Origin and, where there is one, base path.'),
      hosts: z.array(hostName()).max(1000).describe('Host names that choose this upstream; none: any.').prefault([]),
      paths: z.array(pathPrefix()).max(1000).describe('Path prefixes that choose it; none: any.').prefault([]),
      authorization: authorizationSchema(sources).optional(),
      preserve_host: flag().describe("Send the client's Host header instead of the upstream's own.").prefault(false),
      ...limits,
      ...timeouts,
    })
    .transform((v) => ({
      url: v.url,
      hosts: v.hosts,
      paths: v.paths,
      authorization: v.authorization ?? null,
      preserveHost: v.preserve_host,
      maxConnections: v.max_connections,
      maxQueued: v.max_queued,
      connectTimeoutMs: v.connect_timeout,
      headTimeoutMs: v.head_timeout,
      bodyIdleTimeoutMs: v.body_idle_timeout,
      totalTimeoutMs: v.total_timeout,
      keepAliveTimeoutMs: v.keep_alive_timeout,
      maxHeaderBytes: v.max_header_size,
    }));
}
