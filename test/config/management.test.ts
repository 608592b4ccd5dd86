import { join } from 'node:path';
import t from 'tap';
import type { JwtConfig } from '../../src/config/config.ts';
import { restartOnly } from '../../src/config/restart.ts';
import { complaints, load } from '../support/config.ts';

function source(jwt: string): JwtConfig['source'] {
  return load(`management: { jwt: ${jwt} }`).config.management.jwt.source;
}

t.test('the listener has an address, or there is none', async (t) => {
  const listen = (text: string) => load(`management: { listen: ${text} }`).config.management.listen;
  t.strictSame(listen('"[::1]:9000"'), { host: '::1', port: 9000 });
  t.strictSame(listen('":0"'), { host: '0.0.0.0', port: 0 });
  t.equal(listen('off'), null);
  t.equal(load('management: { listen: "${L}" }', { L: 'off' }).config.management.listen, null);
  for (const text of ['no', 'false', '""', '8081', 'OFF']) {
    t.match(complaints(`management: { listen: ${text} }`), [/^management.listen: expected an address .*, or off, got/]);
  }
});

t.test('tokens have one source, the local secret when none is named', async (t) => {
  t.strictSame(source('{}'), { kind: 'secret_file', path: './data/management.secret' });
  t.strictSame(source('{ secret_file: /s }'), { kind: 'secret_file', path: '/s' });
  t.strictSame(source('{ public_key_file: k.pem }'), { kind: 'public_key_file', path: 'k.pem' });
  t.strictSame(complaints('management: { jwt: { secret_file: /s, jwks_url: "https://a/" } }'), [
    'management.jwt: expected one source of tokens, got secret_file and jwks_url',
  ]);
  t.match(complaints('management: { jwt: { secret_file: "" } }'), [/^management.jwt.secret_file: expected the path/]);
  t.match(complaints('management: { jwt: { jkws_url: "https://a/" } }'), [
    /unknown setting; did you mean "jwks_url"\?$/,
  ]);
  t.match(complaints('management: { jwt: { issuer: "a b", audience: "" } }'), [
    /^management.jwt.issuer: expected printable text without spaces/,
    /^management.jwt.audience: expected/,
  ]);
});

t.test('public keys come over an encrypted connection, or from this machine', async (t) => {
  for (const url of [
    'https://login.example.com/.well-known/jwks.json',
    'https://login.example.com/keys?tenant=a',
    'http://127.0.0.1:9000/jwks',
    'http://[::1]:9000/jwks',
    'http://localhost/jwks',
  ]) {
    t.strictSame(source(`{ jwks_url: "${url}" }`), { kind: 'jwks_url', url }, url);
  }
  const said = (url: string): string => complaints(`management: { jwt: { jwks_url: ${JSON.stringify(url)} } }`).join();
  for (const url of ['http://login.example.com/jwks', 'http://10.0.0.1/jwks', 'http://127.0.0.1.example.com/']) {
    t.match(said(url), /^management.jwt.jwks_url: expected https:\/\/; http:\/\/ is for this machine alone, got/, url);
  }
  for (const url of ['login.example.com', 'file:///etc/passwd', 'https://', 'https://a b/', 'https://a/#x', '']) {
    t.match(said(url), /^management.jwt.jwks_url: expected an URL like/, url);
  }
  t.match(said('https://me:hunter2@a/'), /without user and password$/);
  t.notMatch(said('https://me:hunter2@a/'), /hunter2/);
});

t.test('bodies have a bound, and self-service its permissions', async (t) => {
  const { config } = load('management: { max_body_size: 64MiB, self_service: { permissions: ["a:b", "c:*"] } }');
  t.equal(config.management.maxBodyBytes, 67_108_864);
  t.strictSame(config.management.selfServicePermissions, ['a:b', 'c:*']);
  t.match(complaints('management: { max_body_size: 65MiB }'), [/from 1KiB to 64MiB/]);
  t.match(complaints('management: { self_service: { permissions: [a, 7] } }'), [
    /^management.self_service.permissions\[0\]: expected a permission/,
    /^management.self_service.permissions\[1\]: expected a permission/,
  ]);
});

t.test('the key under which secrets are sealed is 32 bytes, whole', async (t) => {
  const bytes = Buffer.from('00ff10ef'.repeat(8), 'hex');
  const dir = t.testdir({ key: `${bytes.toString('base64')}\n`, short: 'abc' });
  const under = (yaml: string) => load(`keys: { recoverable: ${yaml} }`).config.keys.recoverableUnder;
  for (const text of [
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    bytes.toString('base64'),
    bytes.toString('base64').replace('=', ''),
    bytes.toString('base64url'),
  ]) {
    t.strictSame(under(`{ secret: "${text}" }`), bytes, text);
  }
  t.strictSame(under(`{ secret_file: ${join(dir, 'key')} }`), bytes);
  const said = (yaml: string): string => complaints(`keys: { recoverable: ${yaml} }`).join();
  const expected = 'keys.recoverable: expected 32 random bytes, written as 64 hexadecimal digits or in base64';
  const hex = bytes.toString('hex');
  const mistyped = `${bytes.toString('base64url').slice(0, -1)}9`;
  for (const text of [hex.slice(2), `${hex}00`, `${hex.slice(1)}g`, 'x'.repeat(32), 'hunter2', mistyped, `${hex} `]) {
    t.match(said(`{ secret: "${text}" }`), new RegExp(`^${expected}`), text);
    t.notMatch(said(`{ secret: "${text}" }`), new RegExp(text), 'it is not repeated');
  }
  t.match(said(`{ secret_file: ${join(dir, 'short')} }`), new RegExp(`^${expected}`));
  t.match(said(`{ secret_file: ${join(dir, 'none')} }`), /cannot be read \(ENOENT\)$/);
  t.match(said('{}'), /expected either "secret" or "secret_file"$/);
  t.match(said(`{ secret: "${hex}", secret_file: x }`), /expected either "secret" or "secret_file"$/);
  t.equal(load('').config.keys.recoverableUnder, null);
});

t.test('places and retention', async (t) => {
  const { config } = load(
    'country: { database: c.mmdb }\ntor: { list_file: t.txt }\nretention: { usage: 1d, audit: 2d }',
  );
  t.strictSame(config.places, { countryDatabase: 'c.mmdb', torList: { kind: 'file', path: 't.txt' } });
  t.strictSame(config.retention, { usageMs: 86_400_000, auditMs: 172_800_000 });
  t.match(complaints('country: { databse: c.mmdb }\ntor: { list: t.txt }\nretention: { usage: 0, audit: 1h }'), [
    'country.databse: unknown setting; did you mean "database"?',
    'tor.list: unknown setting; expected one of list_file, list_url, refresh, kept_file',
    /^retention.usage: expected a duration .* from 1d to 36500d, got 0$/,
    /^retention.audit: expected "never" or a duration .* from 1d to 36500d, got "1h"$/,
  ]);
  t.match(complaints('country: { database: "" }'), ['country.database: expected the path of a file, got ""']);
});

t.test('what a reload leaves as it is', async (t) => {
  const before = load('').config;
  const after = load(`management: { listen: off, jwt: { issuer: x }, max_body_size: 2MiB }
keys: { recoverable: { secret: "${'00'.repeat(32)}" } }
country: { database: c.mmdb }
tor: { list_file: t.txt }
retention: { usage: 1d }
key_types: { a: { tier: service, max_expiry: never } }`).config;
  t.strictSame(restartOnly(before, before), []);
  t.strictSame(restartOnly(before, after), [
    'management.listen',
    'management.jwt',
    'management.max_body_size',
    'keys.recoverable',
    'country',
    'tor',
  ]);
});
