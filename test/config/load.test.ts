import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { configForUpstream, loadConfig, parseConfig } from '../../src/config/load.ts';
import { ConfigError, formatProblem, MAX_PROBLEMS } from '../../src/config/problem.ts';
import { ACCESS, complaints, load, problemsOf, UPSTREAM } from '../support/config.ts';
import { holds } from '../support/random.ts';

t.test('an upstream and access are a whole configuration', async (t) => {
  const { config } = load('');
  t.match(config, {
    file: 'test.yaml',
    proxy: { listen: { host: '0.0.0.0', port: 8080 }, trustedProxies: [], maxHeaderBytes: 16_384, drainDelayMs: 0 },
    management: {
      listen: { host: '127.0.0.1', port: 8081 },
      jwt: {
        issuer: 'latchkey',
        audience: 'latchkey-management',
        source: { kind: 'secret_file', path: './data/management.secret' },
      },
      maxBodyBytes: 1_048_576,
      selfServicePermissions: [],
    },
    health: { listen: { host: '0.0.0.0', port: 9464 }, storeGraceMs: 0 },
    store: { kind: 'sqlite', path: './data/latchkey.db', timeoutMs: 100 },
    cache: { maxKeys: 100_000, maxStaleMs: 900_000 },
    keys: { prefix: 'lk', peppers: [], rotationGraceMs: 86_400_000, recoverableUnder: null },
    upstreams: [{ url: 'http://127.0.0.1:9000', authorization: null, connectTimeoutMs: 2000, totalTimeoutMs: 0 }],
    access: { public: [], anyKey: ['* /*'] },
    tiers: { personal: { perHour: 1000, perDay: 10_000, burst: 100 } },
    keyTypes: {
      service: {
        tier: 'service',
        defaultExpiryMs: null,
        maxExpiryMs: null,
        rotationDueMs: 31_536_000_000,
        requestLog: { retentionMs: 2_592_000_000, maxEntries: 10_000 },
      },
    },
    places: { countryDatabase: null, torList: null },
    retention: { usageMs: 34_560_000_000, auditMs: null },
  });
  t.strictSame(Object.keys(config.access.permissions), []);
  t.strictSame(Object.keys(config.presets), []);
});

t.test('no file: any valid key may do anything on the one upstream', async (t) => {
  const { config, locate } = configForUpstream('http://localhost:3000/', {});
  t.strictSame(
    { ...config, file: 'test.yaml' },
    parseConfig(`${ACCESS}upstreams: [{ url: "http://localhost:3000" }]`, 'test.yaml', {}).config,
  );
  t.equal(config.file, null);
  t.equal(locate(['proxy']), null);
  t.throws(() => configForUpstream('localhost:3000', {}), {
    message:
      '--upstream: upstreams[0].url: expected an URL like http://127.0.0.1:9000 or https://api.internal/base, got "localhost:3000"',
  });
});

t.test('access closes everything that it does not name', async (t) => {
  t.strictSame(load('access: { public: [GET /status] }').config.access.anyKey, []);
  t.strictSame(load('access: {}').config.access.anyKey, []);
});

t.test('a section that must be there is asked for with what to write', async (t) => {
  const routes = 'expected the routes that are open, like any_key: ["* /*"] to let any valid key do anything';
  const apis = 'expected a list of the APIs to protect, like [{ url: "http://127.0.0.1:9000" }]';
  const said = (yaml: string): string[] => problemsOf(yaml).map(formatProblem);
  t.strictSame(said(UPSTREAM), [`test.yaml:1:1: access: missing; ${routes}`]);
  t.strictSame(said(ACCESS), [`test.yaml:1:1: upstreams: missing; ${apis}`]);
  t.strictSame(said(`${UPSTREAM}access:\n  # any_key: ["* /*"]\n`), [`test.yaml:2:8: access: empty; ${routes}`]);
  t.strictSame(said(`${ACCESS}upstreams:\n`), [`test.yaml:2:11: upstreams: empty; ${apis}`]);
  t.match(said(`${UPSTREAM}access: ["* /*"]`), [/access: expected a map of settings, got a list$/]);
});

t.test('the example in the message about missing access is one that can be used', async (t) => {
  const example = /like (any_key: .*?\])/.exec(problemsOf(UPSTREAM)[0]?.message ?? '')?.[1];
  t.strictSame(load(`access:\n  ${example}`).config.access.anyKey, ['* /*']);
  const upstreams = /like (\[.*\])$/.exec(problemsOf(ACCESS)[0]?.message ?? '')?.[1];
  t.equal(parseConfig(`${ACCESS}upstreams: ${upstreams}`, '', {}).config.upstreams[0]?.url, 'http://127.0.0.1:9000');
});

t.test('names that plain objects know are not found in records', async (t) => {
  const { config } = load('');
  for (const record of [config.tiers, config.keyTypes, config.presets, config.access.permissions]) {
    t.equal(record['constructor'], undefined);
    t.equal(record['__proto__'], undefined);
  }
});

t.test('every problem is reported at once, in the order of the file, with its place', async (t) => {
  const file = `proxy:
  lisen: 0.0.0.0:8080
  head_timeout: soon
upstreams:
  - url: ftp://files
  - { url: 'http://a', wat: 1, hosts: [a] }
access:
  public: [GET /a, get /b]
  any_key: [GET /a]
key_types:
  personal: { tier: personnal }
tiers:
  personal: { per_hour: 0, per_day: 1 }
log: loud
`;
  t.strictSame(problemsOf(file).map(formatProblem), [
    'test.yaml:2:3: proxy.lisen: unknown setting; did you mean "listen"?',
    'test.yaml:3:17: proxy.head_timeout: expected a duration like 100ms, 30s, 15m, 24h or 90d, from 1ms to 1d, got "soon"',
    'test.yaml:5:10: upstreams[0].url: expected http:// or https://, got ftp://',
    'test.yaml:6:24: upstreams[1].wat: unknown setting; expected one of url, hosts, paths, authorization, preserve_host, ' +
      'max_connections, max_queued, max_header_size, connect_timeout, head_timeout, body_idle_timeout, total_timeout, ' +
      'keep_alive_timeout',
    'test.yaml:8:20: access.public[1]: "get" is not a method: expected upper-case letters, like GET, or * for any',
    'test.yaml:9:13: access.any_key[0]: already listed under access.public; a route has one kind of access',
    'test.yaml:11:21: key_types.personal.tier: there is no tier "personnal"; did you mean "personal"?',
    'test.yaml:13:3: tiers.personal.burst: missing; expected a whole number from 1 to 1000000000',
    'test.yaml:13:25: tiers.personal.per_hour: expected a whole number from 1 to 1000000000, got 0',
    'test.yaml:14:6: log: expected a map of settings, got "loud"',
  ]);
});

t.test('the error says all of it, and counts what it leaves out', async (t) => {
  const many = Array.from({ length: MAX_PROBLEMS + 7 }, (_, i) => `x${i}: 1`).join('\n');
  try {
    load(many);
    t.fail('loaded');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    t.equal(error.problems.length, MAX_PROBLEMS);
    t.equal(error.omitted, 7);
    t.match(error.message, /^test\.yaml:3:1: x0: unknown setting.*\n/);
    t.match(error.message, /\n… and 7 more$/);
  }
});

t.test('an empty file, and a file of something else, say what is expected', async (t) => {
  const both = [
    { path: 'upstreams', message: /^missing; expected / },
    { path: 'access', message: /^missing; expected / },
  ];
  t.match(problemsOf(''), both);
  t.match(problemsOf('# nothing'), both);
  t.match(problemsOf(`upstreams: []\n${ACCESS}`), [{ path: 'upstreams', line: 1, column: 12, message: /at least 1/ }]);
  t.match(problemsOf('- a'), [{ path: '', line: 1, message: 'expected a map of settings, got a list' }]);
  t.match(problemsOf('hello'), [{ path: '', line: 1, message: 'expected a map of settings, got "hello"' }]);
});

t.test('YAML that cannot be read names the place and never throws anything else', async (t) => {
  const broken: [string, number, RegExp][] = [
    ['log:\n\tlevel: info', 2, /Tabs are not allowed/],
    ['log: {}\nlog: {}', 2, /keys must be unique/],
    ['access: { any_key: [* /*] }', 1, /must be quoted, like "\* \/\*"/],
    ['log: !custom x', 1, /Unresolved tag/],
    ['log: {}\n---\nlog: {}', 2, /multiple documents/],
    ['log: *nowhere', 1, /cannot be read as YAML|[Aa]lias/],
    ['['.repeat(50_000), 1, /not valid YAML/],
    ['log: "open', 1, /not valid YAML/],
  ];
  for (const [yaml, line, message] of broken) {
    t.match(problemsOf(yaml)[0], { line, message }, yaml.slice(0, 30));
  }
});

t.test('aliases can be used, and cannot be used as a bomb', async (t) => {
  const { config } = parseConfig(
    `${ACCESS}upstreams:\n  - { url: http://a, hosts: &h [x.example] }\n  - { url: http://b, hosts: *h, paths: [/b] }\n`,
    'test.yaml',
    {},
  );
  t.strictSame(config.upstreams[1]?.hosts, ['x.example']);
  let bomb = 'a0: &a0 [x, x, x, x, x, x, x, x, x]\n';
  for (let i = 1; i < 10; i++)
    bomb += `a${i}: &a${i} [${Array(9)
      .fill(`*a${i - 1}`)
      .join(', ')}]\n`;
  t.match(problemsOf(bomb), [{ message: /Excessive alias count/ }]);
  t.match(problemsOf('a: &a [*a]'), [{ path: 'upstreams' }, { path: 'access' }, { path: 'a' }], 'a loop ends');
});

t.test('a name that plain objects treat in a way of their own is a problem', async (t) => {
  t.strictSame(complaints('presets: { __proto__: [a:b] }'), ['presets.__proto__: unknown setting']);
});

t.test('a file is read with its places', async (t) => {
  const dir = t.testdir({ 'a.yaml': `\uFEFF${UPSTREAM}${ACCESS}log:\n  level: warn\n` });
  const { config, locate } = loadConfig(join(dir, 'a.yaml'), {});
  t.equal(config.log.level, 'warn');
  t.strictSame(locate(['log', 'level']), { line: 4, column: 10 });
  t.strictSame(locate(['log', 'format']), { line: 3, column: 1 }, 'a setting left out is where its section is');
  t.strictSame(locate(['upstreams', 0, 'url']), { line: 1, column: 20 });
});

t.test('a file that cannot be read is one clear problem', async (t) => {
  const dir = t.testdir({});
  const at = (name: string): string => join(dir, name);
  mkdirSync(at('folder'));
  writeFileSync(at('large'), `#${'x'.repeat(1024 * 1024)}`);
  writeFileSync(at('latin1'), Buffer.from('log: {} # caf\xe9', 'latin1'));
  symlinkSync('loop', at('loop'));
  t.throws(() => loadConfig(at('none'), {}), { message: `${at('none')}: cannot be read (ENOENT)` });
  t.throws(() => loadConfig(at('folder'), {}), { message: `${at('folder')}: cannot be read (EISDIR)` });
  t.throws(() => loadConfig(at('loop'), {}), { message: `${at('loop')}: cannot be read (ELOOP)` });
  t.throws(() => loadConfig(at('large'), {}), { message: `${at('large')}: is longer than 1MiB` });
  t.throws(() => loadConfig(at('latin1'), {}), { message: `${at('latin1')}: is not UTF-8 text` });
  t.throws(() => loadConfig('/dev/zero', {}), { message: '/dev/zero: is longer than 1MiB' });
});

t.test('whatever the settings hold, a configuration loads or says why', async (t) => {
  const names = fc.constantFrom(
    'proxy',
    'store',
    'upstreams',
    'access',
    'presets',
    'tiers',
    'key_types',
    'keys',
    'log',
    'url',
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(
        null,
        true,
        0,
        -1,
        Number.POSITIVE_INFINITY,
        '',
        '${X',
        'a:b',
        'GET /a',
        '* /*',
        'never',
        '1d',
        'http://a',
      ),
      fc.string(),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(names, fc.string()), tie('any'), { maxKeys: 3 }),
    ),
  })).any;
  holds(
    fc.property(fc.dictionary(names, value), (settings) => {
      // Resolves to [] or to problems; throws only on what is not a ConfigError.
      problemsOf(JSON.stringify(settings));
    }),
    300,
  );
  holds(
    fc.property(fc.string({ unit: 'binary' }), (text) => void problemsOf(text)),
    300,
  );
  t.pass('nothing else was thrown');
});
