import t from 'tap';
import { ACCESS, complaints, load, problemsOf } from '../support/config.ts';

t.test('a route has one kind of access, however its parameters are called', async (t) => {
  const yaml =
    'access: { public: [GET /a/:x, GET /b/*], any_key: [GET /a/:y], permissions: { "a:b": [GET /b/*, POST /b/*] } }';
  t.strictSame(complaints(yaml), [
    'access.any_key[0]: already listed under access.public; a route has one kind of access',
    'access.permissions.a:b[0]: already listed under access.public; a route has one kind of access',
  ]);
  const shared = 'access: { permissions: { "a:b": [GET /a], "c:d": [GET /a, GET /a/*] } }';
  t.strictSame(complaints(shared), [], 'several permissions on one route are any of them');
});

t.test('key types name tiers that there are', async (t) => {
  t.match(complaints('key_types: { a: { tier: servcie }, b: { tier: gold } }'), [
    'key_types.a.tier: there is no tier "servcie"; did you mean "service"?',
    'key_types.b.tier: there is no tier "gold"; expected one of personal, organization, service',
  ]);
  const gold = 'tiers: { gold: { per_hour: 1, per_day: 1, burst: 1 } }';
  t.match(complaints(gold), [/^tiers: key_types is not set and its default names personal, organization, service/]);
  t.equal(load(`${gold}\nkey_types: { a: { tier: gold } }`).config.keyTypes['a']?.tier, 'gold');
  t.match(complaints('tiers: {}\nkey_types: {}'), [
    /^tiers: expected at least one tier/,
    /^key_types: expected at least one/,
  ]);
});

t.test('two upstreams never claim the same requests', async (t) => {
  const upstreams = (list: string): string[] =>
    problemsOf(`${ACCESS}upstreams: [${list}]`).map((p) => `${p.path}: ${p.message}`);
  t.match(upstreams('{ url: http://a }, { url: http://b }'), [
    'upstreams[1]: upstreams[0] has any host and any path already; "hosts" or "paths" must tell them apart',
  ]);
  t.match(upstreams('{ url: http://a, hosts: [x, y], paths: [/p] }, { url: http://b, hosts: [Y], paths: [/q, /p/] }'), [
    'upstreams[1]: upstreams[0] has y and /p already; "hosts" or "paths" must tell them apart',
  ]);
  t.strictSame(upstreams('{ url: http://a, hosts: [x] }, { url: http://b, hosts: [y] }, { url: http://c }'), []);
  t.strictSame(upstreams('{ url: http://a, paths: [/a] }, { url: http://b, paths: [/a/b] }'), []);
  t.strictSame(upstreams('{ url: http://a, hosts: [x, x] }'), [], 'with itself there is no question');
});

t.test('versions of peppers are used once', async (t) => {
  const pepper = (version: number | string): string =>
    `{ version: ${version}, secret: 0123456789abcdef0123456789abcdef }`;
  t.match(complaints(`keys: { peppers: [${pepper(1)}, ${pepper(2)}, ${pepper('"1"')}] }`), [
    'keys.peppers[2].version: version 1 is there already',
  ]);
});

t.test('each listener has its own address', async (t) => {
  const rule = 'the same port; each listener needs its own';
  t.strictSame(complaints('proxy: { listen: "0.0.0.0:9464" }'), [
    `proxy.listen: health.listen is 0.0.0.0:9464, ${rule}`,
  ]);
  t.strictSame(complaints('proxy: { listen: ":8081" }'), [
    `proxy.listen: management.listen is 127.0.0.1:8081, ${rule}`,
  ]);
  t.strictSame(complaints('health: { listen: "[::1]:1" }\nmanagement: { listen: "[::]:1" }'), [
    `health.listen: management.listen is [::]:1, ${rule}`,
  ]);
  t.strictSame(complaints('proxy: { listen: "127.0.0.1:9464" }'), [
    `proxy.listen: health.listen is 0.0.0.0:9464, ${rule}`,
  ]);
  const apart = [
    'proxy: { listen: ":0" }\nhealth: { listen: ":0" }\nmanagement: { listen: ":0" }',
    'proxy: { listen: "127.0.0.1:7" }\nhealth: { listen: "127.0.0.2:7" }',
    'proxy: { listen: ":8081" }\nmanagement: { listen: off }',
  ];
  for (const yaml of apart) t.strictSame(complaints(yaml), [], yaml);
});

t.test('mistakes of one kind do not hide those of the other', async (t) => {
  const found = complaints(
    'access: { public: [GET /a, 7], any_key: [GET /a] }\nkey_types: { a: { tier: x, y: z }, b: [] }\nproxy: no',
  );
  t.match(found, [
    /^access.public\[1\]: expected a route/,
    /^access.any_key\[0\]: already listed/,
    /^key_types.a.tier: there is no tier/,
    /^key_types.a.y: unknown setting/,
    /^key_types.b: expected a map/,
    /^proxy: expected a map/,
  ]);
});
