import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { printConfig, settings } from '../../src/config/print.ts';
import { ACCESS, UPSTREAM } from '../support/config.ts';

const EVERYTHING = `
proxy:
  listen: "[::1]:0"
  trusted_proxies: [10.0.0.0/8]
  believed_headers: [Forwarded]
  proxy_protocol_from: [10.1.0.0/16]
  front: node
  realm: a$\${b
  allow_path_parameters: true
  allow_override_headers: [X-HTTP-Method-Override]
  max_connections: 1
  max_requests_in_flight: 2
  max_header_size: 1500
  max_headers: 11
  max_target_size: 300B
  max_body_size: 0
  head_timeout: 1ms
  body_idle_timeout: 1500ms
  keep_alive_timeout: 1m
  drain_delay: 5s
  drain_timeout: 20s
  websocket: { idle_timeout: 7s, max_connections_per_key: 0 }
management:
  listen: "[::1]:2"
  jwt: { issuer: https://login.example.com/, audience: keys, jwks_url: "https://login.example.com/jwks.json" }
  max_body_size: 2KiB
  self_service: { permissions: ["a.b:*"], max_keys: 7 }
health: { listen: localhost:1, store_grace: 5m }
store: { url: "rediss://a:1/2", timeout: 70ms }
cache: { max_keys: 1, max_unknown: 2, ttl: 0, unknown_ttl: 3s, max_stale: 4h }
keys: { prefix: acme_live, rotation_grace: 0 }
upstreams:
  - url: https://a.internal/base
    hosts: ["*.example.com"]
    paths: [/x]
    preserve_host: true
    max_connections: 3
    max_queued: 0
    max_header_size: 2KiB
    connect_timeout: 1s
    head_timeout: 2s
    body_idle_timeout: 3s
    total_timeout: 4s
    keep_alive_timeout: 5s
access:
  public: [GET /p]
  any_key: ["* /*"]
  permissions: { "a.b:read": [GET /a/:x] }
presets: { p: ["a.b:*"], none: [] }
tiers: { t: { per_hour: 1, per_day: 2, burst: 3 } }
key_types:
  k: { tier: t, default_expiry: 1h, max_expiry: 2h, rotation_due: 36h, request_log: { retention: 0, max_entries: 7 } }
country: { database: ./country.mmdb }
tor: { list_file: tor.txt }
restrictions:
  ip: { allow: [10.0.0.0/8], deny: [10.1.0.0/16], mode: shadow }
  country: { block: [KP], block_unknown: true, mode: shadow }
  tor: { block: true, mode: shadow }
  shadow: [ip, limits]
failures: { burst: 4, per_minute: 5, max_addresses: 6 }
retention: { usage: 2d, audit: 3d }
log: { level: silent, format: pretty, requests: false }
`;

t.test('what is printed gives the same configuration again', async (t) => {
  const off = 'management: { listen: off, jwt: { public_key_file: ./key.pem } }';
  for (const text of [EVERYTHING, `${UPSTREAM}${ACCESS}`, `${UPSTREAM}${ACCESS}${off}`]) {
    const { config } = parseConfig(text, 'test.yaml', {});
    t.same(parseConfig(printConfig(config), 'test.yaml', {}).config, config);
  }
  const { config } = loadConfig(join(import.meta.dirname, '../../config/latchkey.yaml'), {});
  t.same({ ...parseConfig(printConfig(config), '', {}).config, file: config.file }, config);
});

t.test('every setting of the file is printed', async (t) => {
  const { config } = parseConfig(EVERYTHING, 'test.yaml', {});
  t.strictSame(paths(settings(config)), paths(parse(EVERYTHING)));
});

/** The paths of all settings in a value, sorted. */
function paths(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value)
    .flatMap(([name, inner]) => paths(inner, `${path}.${name}`))
    .sort();
}

t.test('no secret is printed', async (t) => {
  const environment = {
    PEPPER: 'pepper-0123456789abcdef0123456789abcdef',
    TOKEN: 'Bearer s3cr3t',
    PW: 'hunter2',
    SEALING: 'ab'.repeat(32),
  };
  const { config } = parseConfig(
    `${ACCESS}upstreams: [{ url: http://a, authorization: { from_env: TOKEN } }]
store: redis://app:\${PW}@h:6379/1
management: { jwt: { issuer: a, audience: b, jwks_url: "https://login.example.com/jwks.json?key=\${PW}" } }
keys:
  peppers: [{ version: 3, secret: "\${PEPPER}" }]
  recoverable: { secret: "\${SEALING}" }
`,
    'test.yaml',
    environment,
  );
  const printed = printConfig(config);
  for (const secret of ['pepper-', 's3cr3t', 'hunter2', 'app', 'abab', 'q6ur'])
    t.notMatch(printed, new RegExp(secret), secret);
  t.match(settings(config), {
    store: { url: 'redis://********@h:6379/1' },
    management: { jwt: { jwks_url: 'https://login.example.com/jwks.json?********' } },
    keys: { peppers: [{ version: 3, secret: '********' }], recoverable: { secret: '********' } },
    upstreams: [{ authorization: '********' }],
  });
});
