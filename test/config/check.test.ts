import t from 'tap';
import { checkConfig } from '../../src/config/check.ts';
import { parseConfig } from '../../src/config/load.ts';
import { ACCESS, load } from '../support/config.ts';

/** `path: message` of each warning. */
function warnings(yaml: string): string[] {
  const { config, locate } = load(yaml);
  return checkConfig(config, locate).map(({ path, message }) => `${path}: ${message}`);
}

t.test('the defaults have nothing to warn of', async (t) => {
  t.strictSame(warnings(''), []);
});

t.test('routes that are one route under two names, or written twice', async (t) => {
  const yaml =
    'access: { public: [GET /p, GET /p], permissions: { "a:r": [GET /a/:x], "b:r": [GET /a/:y, GET /a/:x] } }';
  t.strictSame(warnings(yaml), [
    'access.public[1]: listed twice',
    'access.permissions.b:r[0]: the same route as "GET /a/:x" in access.permissions.a:r: names of parameters do not tell routes apart',
  ]);
});

t.test('HEAD beside GET', async (t) => {
  t.match(warnings('access: { public: [HEAD /a, GET /b, HEAD /b], any_key: [GET /a, HEAD /c] }'), [
    /^access.public\[0\]: HEAD asks for something else here than GET/,
    /^access.public\[2\]: GET covers HEAD already/,
  ]);
});

t.test('public routes that open all the rest', async (t) => {
  t.match(warnings('access: { public: ["* /*", GET /*, GET /:x/*, GET /static/*] }'), [
    'access.public[0]: opens every request that no other route names, without a key',
    'access.public[1]: opens every GET request that no other route names, without a key',
    'access.public[2]: opens every GET request that no other route names, without a key',
  ]);
});

t.test('a management API that others can reach', async (t) => {
  t.match(warnings('management: { listen: 0.0.0.0:8081 }'), [/^management\.listen: can be reached from elsewhere/]);
  t.strictSame(warnings('management: { listen: "[::1]:8081" }'), []);
  t.strictSame(warnings('management: { listen: off }'), []);
});

t.test('no routes at all', async (t) => {
  t.strictSame(warnings('access: {}'), ['access: no route is listed, so every request is refused']);
});

t.test('permissions in presets that no route knows', async (t) => {
  const yaml =
    'access: { permissions: { "domains:read": [GET /a] } }\npresets: { p: ["domains:raed", "domain:*", "domains:*", "*", "x:y"] }';
  t.strictSame(warnings(yaml), [
    'presets.p[0]: no route asks for domains:raed; did you mean "domains:read"?',
    'presets.p[1]: no route asks for domain:*; did you mean "domains:*"?',
    'presets.p[4]: no route asks for x:y',
  ]);
});

t.test('permissions for self-service that no route knows, or that are all there are', async (t) => {
  const access = 'access: { permissions: { "domains:read": [GET /a] } }\n';
  t.strictSame(warnings(`${access}management: { self_service: { permissions: ["domains:raed", "domains:*", "*"] } }`), [
    'management.self_service.permissions[0]: no route asks for domains:raed; did you mean "domains:read"?',
    'management.self_service.permissions[2]: lets everybody who has a token make keys that may do anything',
  ]);
});

t.test('tiers that are not used, and limits that never refuse', async (t) => {
  const yaml = `tiers:
  used: { per_hour: 10, per_day: 5, burst: 20 }
  spare: { per_hour: 10, per_day: 50, burst: 5 }
key_types: { a: { tier: used } }`;
  t.strictSame(warnings(yaml), [
    'tiers.used: per_day is below per_hour, so per_hour is never reached',
    'tiers.used: burst is above per_hour, so burst never refuses anything',
    'tiers.spare: no key type uses this tier; only keys that name it have it',
  ]);
});

t.test('believing everybody', async (t) => {
  const { config, locate } = load('proxy:\n  trusted_proxies: [10.0.0.0/8, 0.0.0.0/0, "::/0"]');
  const message = 'believes the headers of everybody, so that a client can claim any address';
  t.strictSame(checkConfig(config, locate), [
    { path: 'proxy.trusted_proxies[1]', line: 4, column: 33, message },
    { path: 'proxy.trusted_proxies[2]', line: 4, column: 44, message },
  ]);
  t.match(
    checkConfig(config),
    [
      { line: null, column: null },
      { line: null, column: null },
    ],
    'no file, no place',
  );
});

t.test('connections that leave the network without encryption', async (t) => {
  t.match(warnings('store: redis://u:hunter2@redis.example.com:6379'), [
    /^store: the connection to redis.example.com is not encrypted; use rediss:/,
  ]);
  t.match(warnings('store: redis://8.8.8.8/1'), [/^store: the connection to 8\.8\.8\.8 is not/]);
  for (const host of [
    '127.0.0.1',
    '[::1]',
    '10.1.2.3',
    'redis',
    'redis.cache.svc',
    'redis.cache.svc.cluster.local',
    '[fd00::1]',
  ]) {
    t.strictSame(warnings(`store: "redis://${host}:6379"`), [], host);
  }
  t.match(warnings('store: redis+sentinel://10.0.0.1,s2.example.com/main'), [
    /^store: the connection to s2.example.com is not encrypted; use rediss\+sentinel:\/\/$/,
  ]);
  t.strictSame(warnings('store: rediss+cluster://n1.example.com'), []);
  t.strictSame(warnings('store: rediss://redis.example.com'), []);
  const upstream = (url: string): string[] =>
    checkConfig(parseConfig(`${ACCESS}upstreams: [{ url: "${url}" }]`, 'test.yaml', {}).config).map(
      (w) => `${w.path}: ${w.message}`,
    );
  t.match(upstream('http://api.example.com'), [
    /^upstreams\[0\].url: the connection to api.example.com is not encrypted/,
  ]);
  t.strictSame(upstream('https://api.example.com'), []);
  t.strictSame(upstream('http://api:9000'), []);
  t.match(upstream('http://localhost:8080'), [/this proxy itself/]);
  t.match(upstream('http://[::1]:8080'), [/this proxy itself/]);
});
