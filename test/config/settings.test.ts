import { join } from 'node:path';
import t from 'tap';
import type { UpstreamConfig } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { ACCESS, complaints, load, problemsOf } from '../support/config.ts';

/** The one upstream of a configuration, given its URL and other settings. */
function parse(url: string, more = '', environment = {}): UpstreamConfig {
  const text = `${ACCESS}upstreams: [{ url: ${JSON.stringify(url)}, ${more} }]`;
  return parseConfig(text, 'test.yaml', environment).config.upstreams[0] as UpstreamConfig;
}

const PEPPER = '0123456789abcdef0123456789abcdef';

t.test('an address to listen on', async (t) => {
  const known: [string, string, number][] = [
    ['0.0.0.0:8080', '0.0.0.0', 8080],
    [':0', '0.0.0.0', 0],
    ['[::1]:65535', '::1', 65_535],
    ['localhost:80', 'localhost', 80],
  ];
  for (const [text, host, port] of known) {
    t.strictSame(load(`proxy: { listen: "${text}" }`).config.proxy.listen, { host, port }, text);
  }
  for (const text of [
    '8080',
    '"8080"',
    'host',
    'host:65536',
    '"1.2.3:80"',
    '"256.1.1.1:80"',
    '"::1:80"',
    '"[::g]:80"',
  ]) {
    t.match(complaints(`proxy: { listen: ${text} }`), [/^proxy.listen: expected an address and a port/], text);
  }
});

t.test('trusted proxies are addresses and CIDRs, and nothing that parsers disagree about', async (t) => {
  const good = ['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1', '0.0.0.0/0', '10.1.2.3/8', '::ffff:10.0.0.0/104'];
  t.strictSame(load(`proxy: { trusted_proxies: ${JSON.stringify(good)} }`).config.proxy.trustedProxies, good);
  const bad = [
    '010.0.0.1',
    '1',
    '0x7f.1',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/',
    '::/129',
    'fe80::1%eth0',
    'all',
    '',
  ];
  t.equal(complaints(`proxy: { trusted_proxies: ${JSON.stringify(bad)} }`).length, bad.length);
});

t.test('durations and sizes have bounds, and say them', async (t) => {
  t.equal(load('proxy: { drain_delay: 0 }').config.proxy.drainDelayMs, 0);
  t.equal(load('proxy: { max_body_size: 4096 }').config.proxy.maxBodyBytes, 4096);
  t.match(complaints('proxy: { head_timeout: 0 }'), [/from 1ms to 1d, got 0$/]);
  t.match(complaints('proxy: { head_timeout: 25h }'), [/from 1ms to 1d, got "25h"$/]);
  t.match(complaints('proxy: { head_timeout: 30 }'), [/expected a duration like .*, got 30$/]);
  t.match(complaints('proxy: { max_header_size: 2MiB }'), [/from 1KiB to 1MiB, got "2MiB"$/]);
  t.match(complaints('proxy: { max_headers: 1.5 }'), [/whole number from 10 to 2000, got 1.5$/]);
  t.match(complaints('log: { requests: yes }'), [/expected true or false, got "yes"$/]);
});

t.test('the URL of an upstream is taken as written or refused, never repaired', async (t) => {
  const url = (text: string): string[] =>
    problemsOf(`${ACCESS}upstreams: [{ url: ${JSON.stringify(text)} }]`).map((p) => p.message);
  const kept: [string, string][] = [
    ['http://127.0.0.1:9000', 'http://127.0.0.1:9000'],
    ['https://API.example.com:443/', 'https://api.example.com'],
    ['http://[::1]:9000/base/v2/', 'http://[::1]:9000/base/v2'],
  ];
  for (const [text, expected] of kept) {
    t.equal(parse(text).url, expected);
  }
  const refused: [string, RegExp][] = [
    ['ftp://a', /got ftp:\/\//],
    ['a:9000', /expected an URL/],
    ['http://', /expected an URL/],
    ['http://a/x?y', /no query or fragment/],
    ['http://a/#x', /no query or fragment/],
    ['http://a/x/../y', /canonical form/],
    ['http://a/%2e%2e/y', /canonical form/],
    ['http://a\\b/', /expected an URL/],
    [' http://a', /expected an URL/],
    ['http://a b', /expected an URL/],
    ['http://a:99999', /expected an URL/],
  ];
  for (const [text, message] of refused) t.match(url(text), [message], text);
  t.notMatch(url('http://me:hunter2@a/'), [/hunter2/], 'a password is not repeated');
  t.match(url('http://me:hunter2@a/'), [/no user or password/]);
});

t.test('hosts and paths are brought into the form that is compared', async (t) => {
  const upstream = parse(
    'http://a',
    'hosts: [API.Example.com, "*.Example.org.", 127.0.0.1, "[::1]"], paths: [/api/, /]',
  );
  t.strictSame(upstream.hosts, ['api.example.com', '*.example.org', '127.0.0.1', '[::1]']);
  t.strictSame(upstream.paths, ['/api', '/']);
  const found = problemsOf(
    `${ACCESS}upstreams: [{ url: http://a, hosts: ["a:80", "*", "a.*.b", "http://x"], paths: [api, /a//b, /a/../b, /x/*, "/x?y"] }]`,
  );
  t.equal(found.length, 9);
});

t.test("the upstream's own credential comes from the environment or a file", async (t) => {
  const dir = t.testdir({ token: 'Bearer from-file\n', split: 'a\r\nX-Admin: 1\n', empty: '\n' });
  const given = (authorization: string, environment = {}): string | null =>
    parse('http://a', `authorization: ${authorization}`, environment).authorization;
  t.equal(given('{ from_env: TOKEN }', { TOKEN: 'Bearer abc' }), 'Bearer abc');
  t.equal(given(`{ from_file: ${join(dir, 'token')} }`), 'Bearer from-file');
  const complaint = (authorization: string, environment = {}): unknown =>
    problemsOf(`${ACCESS}upstreams: [{ url: http://a, authorization: ${authorization} }]`, environment).map(
      (p) => p.message,
    );
  t.match(complaint('{ from_env: TOKEN }'), [/environment variable TOKEN is not set/]);
  t.match(complaint('{ from_env: TOKEN }', { TOKEN: '' }), [/TOKEN is not set/]);
  t.match(complaint('{}'), [/either "from_env" or "from_file"/]);
  t.match(complaint('{ from_env: TOKEN, from_file: x }', { TOKEN: 'x' }), [/either "from_env" or "from_file"/]);
  t.match(complaint(`{ from_file: ${join(dir, 'split')} }`), [/header value on one line/]);
  t.match(complaint(`{ from_file: ${join(dir, 'empty')} }`), [/is empty/]);
  t.match(complaint(`{ from_file: ${join(dir, 'none')} }`), [/cannot be read \(ENOENT\)/]);
});

t.test('a store is an URL, or a map with more to say', async (t) => {
  const store = (yaml: string, environment = {}): unknown => load(`store: ${yaml}`, environment).config.store;
  t.strictSame(store('sqlite:/var/lib/k.db'), { kind: 'sqlite', path: '/var/lib/k.db', timeoutMs: 100 });
  t.strictSame(store('{ timeout: 50ms }'), { kind: 'sqlite', path: './data/latchkey.db', timeoutMs: 50 });
  for (const url of [
    'redis://127.0.0.1:6379/0',
    'rediss://u:p%40ss@redis.example.com',
    'redis://[::1]:7001',
    'redis://cache.default.svc:6379/15',
    'redis+sentinel://u:p%40ss@s1:26379,[::1],s3.example.com:26381/my-primary/2',
    'rediss+sentinel://s1/main',
    'redis+cluster://u:pw@10.0.0.1:7000,10.0.0.2:7001',
    'rediss+cluster://node.example.com/0',
  ]) {
    t.strictSame(store(`{ url: "${url}", timeout: 1s }`), { kind: 'redis', url, timeoutMs: 1000 }, url);
  }
  t.match(store('redis://:${PW}@r:6379/1', { PW: 'a%2Fb' }), { url: 'redis://:a%2Fb@r:6379/1' });
});

t.test('a store that cannot be used is explained without its password', async (t) => {
  const bad = [
    'mysql://u:hunter2@h',
    'redis://u:hunter2@x/y@h:1/0',
    'redis://u:hunter2@h:99999',
    'redis://u:hunter2@h/name',
    'redis://u:hunter2@a,b/0',
    'redis://u:hunter2@h/0?db=3',
    'redis://u:hunter2%ff@h',
    'redis+sentinel://u:hunter2@h:26379',
    'redis+sentinel://u:hunter2@h:26379/',
    'redis+sentinel://u:hunter2@h:26379/main/db',
    'redis+sentinel://u:hunter2@h:26379,/main',
    'redis+sentinel://u:hunter2@a:1,b:99999/main',
    'redis+sentinel://u:hunter2%ff@a:1/main',
    'redis+cluster://u:hunter2@a:7000/3',
    'redis+cluster://u:hunter2@a:7000,u:hunter2@b:7000',
    `redis+cluster://u:hunter2@${'a,'.repeat(32)}a`,
    'redis+magic://u:hunter2@h:26379/main',
    'redis://u:hunter2 x@h',
    'hunter2',
    'sqlite:',
    'sqlite::memory:',
    'sqlite:///var/lib/k.db',
  ];
  for (const url of bad) {
    const found = complaints(`store: ${JSON.stringify(url)}`);
    t.match(found, [/^store: /], url);
    t.notMatch(found.join(), /hunter2/, url);
    t.equal(complaints(`store: { url: ${JSON.stringify(url)} }`)[0], found[0]?.replace('store:', 'store.url:'));
  }
  t.match(complaints('store: "redis+sentinel://s1:26379"'), [/redis\+sentinel:\/\/HOST:PORT,HOST:PORT\/NAME/]);
  t.match(complaints('store: "redis+cluster://n1:7000/3"'), [/redis\+cluster:\/\/.* a cluster has but one/]);
  t.match(complaints('store: { url: "sqlite:a", tiemout: 1s }'), [/^store.tiemout: .*did you mean "timeout"/]);
  t.match(complaints('store: 7'), [/^store: expected sqlite/]);
});

t.test('the password for Redis can be in a file, as it is', async (t) => {
  const dir = t.testdir({ password: 'p@ss/w:rd?#\n' });
  const file = join(dir, 'password');
  t.match(load(`store: { url: "redis://app@r:6379/2", password_file: ${file} }`).config.store, {
    url: 'redis://app:p%40ss%2Fw%3Ard%3F%23@r:6379/2',
  });
  t.match(load(`store: { url: "redis+sentinel://app@s1,s2:1/main/2", password_file: ${file} }`).config.store, {
    url: 'redis+sentinel://app:p%40ss%2Fw%3Ard%3F%23@s1,s2:1/main/2',
  });
  t.match(load(`store: { url: "redis://r", password_file: ${file} }`).config.store, { url: /^redis:\/\/:p%40ss.*@r$/ });
  const both = `store: { url: "redis://:pw@r", password_file: ${file} }`;
  t.match(complaints(both), [/^store.password_file: .*not both/]);
  t.match(complaints(`store: { password_file: ${file} }`), [/for Redis only/]);
});

t.test('peppers come from the environment or a file, and are long enough', async (t) => {
  const dir = t.testdir({ pepper: `${PEPPER}\r\n`, long: 'x'.repeat(70_000) });
  const yaml = `keys:\n  peppers:\n    - { version: 2, secret_file: ${join(dir, 'pepper')} }\n    - version: 1\n      secret: \${P}\n`;
  t.strictSame(load(yaml, { P: `${PEPPER}!` }).config.keys.peppers, [
    { version: 2, secret: PEPPER },
    { version: 1, secret: `${PEPPER}!` },
  ]);
  t.equal(
    load('keys: { peppers: [{ version: 1, secret: "${P}" }] }', { P: '1'.repeat(32) }).config.keys.peppers[0]?.secret,
    '1'.repeat(32),
  );
  const complaint = (pepper: string): string[] => complaints(`keys: { peppers: [${pepper}] }`);
  t.match(complaint('{ version: 1, secret: hunter2 }'), [/at least 32 bytes, got 7$/]);
  t.match(complaint('{ version: 1 }'), [/either "secret" or "secret_file"/]);
  t.match(complaint(`{ version: 1, secret: ${PEPPER}, secret_file: x }`), [/either "secret" or "secret_file"/]);
  t.match(complaint(`{ version: 1, secret_file: ${join(dir, 'long')} }`), [/longer than a secret can be/]);
  t.match(complaint('{ version: 0, secret: 12345678 }'), [/version: expected a whole number/, /at least 32 bytes$/]);
  t.notMatch(complaint('{ version: 1, secret: hunter2 }').join(), /hunter2/);
});

t.test('the prefix of secrets', async (t) => {
  for (const prefix of ['lk', 'pulse', 'acme_live', 'A1']) {
    t.equal(load(`keys: { prefix: ${prefix} }`).config.keys.prefix, prefix);
  }
  for (const prefix of ['', '_a', 'a_', 'a__b', 'a-b', '1a', 'x'.repeat(33)]) {
    t.match(complaints(`keys: { prefix: "${prefix}" }`), [/^keys.prefix: expected at most 32/], prefix);
  }
});

t.test('permissions, presets and names', async (t) => {
  t.match(complaints('access: { permissions: { "domains:*": [], Domains:read: [], domains: [] } }'), [
    /^access.permissions\["domains:\*"\]: expected a permission like domains:read$/,
    /^access.permissions.Domains:read: expected/,
    /^access.permissions.domains: expected/,
  ]);
  t.match(complaints('presets: { ok: ["domains:*", "*"], bad: ["*:read", a], Bad: [] }'), [
    /^presets.bad\[0\]: expected a permission/,
    /^presets.bad\[1\]: expected a permission/,
    /^presets.Bad: expected a name/,
  ]);
  t.match(complaints('access: { public: GET /a, any_key: [{ a: b }] }'), [
    /^access.public: expected a list, got "GET \/a"$/,
    /^access.any_key\[0\]: expected a route like .*, got a map$/,
  ]);
});

t.test('key types', async (t) => {
  const yaml = `key_types:
  robot: { tier: service, default_expiry: never, rotation_due: 30d, request_log: { retention: 0, max_entries: 5 } }
  guest: { tier: personal, max_expiry: 90d }`;
  t.strictSame(
    { ...load(yaml).config.keyTypes },
    {
      robot: {
        tier: 'service',
        defaultExpiryMs: null,
        maxExpiryMs: null,
        rotationDueMs: 2_592_000_000,
        requestLog: { retentionMs: 0, maxEntries: 5 },
      },
      guest: {
        tier: 'personal',
        defaultExpiryMs: 7_776_000_000,
        maxExpiryMs: 7_776_000_000,
        rotationDueMs: null,
        requestLog: { retentionMs: 2_592_000_000, maxEntries: 10_000 },
      },
    },
  );
  t.match(complaints('key_types: { a: { tier: service, default_expiry: 0 } }'), [/expected "never" or a duration/]);
  t.match(complaints('key_types: { a: { tier: service, request_log: { retantion: 1d } } }'), [
    'key_types.a.request_log.retantion: unknown setting; did you mean "retention"?',
  ]);
});

t.test('no key lives longer by default than its type lets it', async (t) => {
  const said = (expiry: string): string[] => complaints(`key_types: { a: { tier: service, ${expiry} } }`);
  const most = 'key_types.a.default_expiry: expected at most max_expiry, which is 30d, got';
  t.strictSame(said('max_expiry: 30d, default_expiry: 31d'), [`${most} 31d`]);
  t.strictSame(said('max_expiry: 30d, default_expiry: never'), [`${most} never`]);
  t.strictSame(said('max_expiry: 30d'), [`${most} 90d`], 'the default of default_expiry counts as well');
  t.strictSame(said('max_expiry: 30d, default_expiry: 30d'), []);
});
