/** Tokens that must not open the management API, made by someone who knows everything but the key. */
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ConfigError } from '../../src/config/problem.ts';
import { type Authenticator, createAuthenticator } from '../../src/management/auth/authenticator.ts';
import { AUDIENCE, folder, ISSUER, jwtConfig, secretAuthenticator } from '../management/fixture.ts';
import { ManualClock, NOON } from '../support/clock.ts';
import { type Claims, signToken, unsigned } from './tokens.ts';

const SECONDS = NOON / 1000;
const GOOD: Claims = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: SECONDS + 60, permissions: ['admin:write'] };
const MESSAGE = 'Check who issued the token, for whom, and that it is complete.';

async function opens(authenticator: Authenticator, token: string): Promise<boolean> {
  try {
    return (await authenticator.authenticate(`Bearer ${token}`)).subject === 'alice';
  } catch {
    return false;
  }
}

/** Whether a token is refused, in the words that every token is refused in. */
async function refused(t: Test, authenticator: Authenticator, token: string, what: string): Promise<void> {
  await t.rejects(authenticator.authenticate(`Bearer ${token}`), { code: 'token_invalid', message: MESSAGE }, what);
}

function keyFile(t: Test, text: string): Promise<Authenticator> {
  const path = join(folder(t), 'key');
  writeFileSync(path, text);
  return createAuthenticator(jwtConfig({ kind: 'public_key_file', path }), new ManualClock());
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ec384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const ed = generateKeyPairSync('ed25519');

const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' });
const jwk = (key: KeyObject): object => key.export({ format: 'jwk' });

t.test('a token that is signed with the secret opens, one that is not signed does not', async (t) => {
  const { authenticator, secret } = await secretAuthenticator(t);
  t.equal(await opens(authenticator, signToken({ alg: 'HS256', typ: 'JWT' }, GOOD, secret)), true);
  for (const alg of ['none', 'None', 'NONE', '']) {
    await refused(t, authenticator, unsigned({ alg }, GOOD), `${alg} without a signature`);
    await refused(t, authenticator, `${unsigned({ alg }, GOOD)}AAAA`, `${alg} with one`);
  }
  await refused(t, authenticator, unsigned({ typ: 'JWT' }, GOOD), 'no algorithm at all');
});

t.test('only HS256 is taken for the secret', async (t) => {
  const { authenticator, secret } = await secretAuthenticator(t);
  for (const alg of ['HS384', 'HS512', 'hs256', 'RS256', 'ES256']) {
    await refused(t, authenticator, signToken({ alg }, GOOD, secret, alg === 'HS512' ? 'sha512' : 'sha384'), alg);
    await refused(t, authenticator, signToken({ alg }, GOOD, secret), `${alg} in name only`);
  }
  const lists = [['HS256'], ['none', 'HS256'], { alg: 'HS256' }, null, 256];
  for (const alg of lists) await refused(t, authenticator, signToken({ alg }, GOOD, secret), JSON.stringify(alg));
});

t.test('what was changed, or signed by another, is refused', async (t) => {
  const { authenticator, secret } = await secretAuthenticator(t);
  const good = signToken({ alg: 'HS256' }, { ...GOOD, permissions: [] }, secret);
  const [head, , signature] = good.split('.');
  const more = Buffer.from(JSON.stringify(GOOD)).toString('base64url');
  await refused(t, authenticator, `${head}.${more}.${signature}`, 'other claims');
  await refused(t, authenticator, signToken({ alg: 'HS256' }, GOOD, Buffer.from('x'.repeat(64))), 'another secret');
  await refused(t, authenticator, signToken({ alg: 'HS256' }, GOOD, Buffer.alloc(0)), 'the empty secret');
  await refused(t, authenticator, good.slice(0, -2), 'a cut signature');
  await refused(t, authenticator, signToken({ alg: 'HS256' }, '{"sub":', secret), 'claims that are no JSON');
  await refused(t, authenticator, signToken({ alg: 'HS256' }, '[]', secret), 'claims that are no object');
});

t.test('the header of a token chooses no key', async (t) => {
  const { authenticator, secret } = await secretAuthenticator(t);
  const mine = Buffer.from('m'.repeat(32));
  const headers = [
    { kid: '../../../../dev/null' },
    { kid: '1' },
    { jwk: { kty: 'oct', k: mine.toString('base64url') } },
    { jku: 'https://evil.test/keys' },
    { x5u: 'https://evil.test/cert' },
  ];
  for (const header of headers) {
    await refused(t, authenticator, signToken({ alg: 'HS256', ...header }, GOOD, mine), JSON.stringify(header));
  }
  await refused(t, authenticator, signToken({ alg: 'HS256', kid: 'other' }, GOOD, secret), 'made for another key');
});

t.test('a header that asks for more than is done here is refused', async (t) => {
  const { authenticator, secret } = await secretAuthenticator(t);
  const signed = (header: object): string => signToken({ alg: 'HS256', ...header }, GOOD, secret);
  for (const typ of ['JWT', 'jwt', 'at+jwt', 'application/at+jwt']) {
    t.equal(await opens(authenticator, signed({ typ })), true, typ);
  }
  for (const header of [
    { crit: ['exp'], exp: 1 },
    { crit: [] },
    { crit: ['b64'], b64: true },
    { crit: ['b64'], b64: false },
    { typ: 'logout+jwt' },
    { typ: 'dpop+jwt' },
    { typ: 5 },
    { zip: 'DEF', crit: ['zip'] },
  ]) {
    await refused(t, authenticator, signed(header), JSON.stringify(header));
  }
});

t.test('a token for another time, place or by another issuer is refused', async (t) => {
  const { authenticator, secret } = await secretAuthenticator(t);
  const signed = (claims: Claims): string => signToken({ alg: 'HS256' }, { ...GOOD, ...claims }, secret);
  const cases: Claims[] = [
    { iss: 'https://other.test' },
    { iss: `${ISSUER}/` },
    { iss: undefined },
    { iss: [ISSUER, 'x'] },
    { aud: 'other' },
    { aud: undefined },
    { aud: [] },
    { aud: `${AUDIENCE}x` },
    { exp: undefined },
    { exp: 'tomorrow' },
    { nbf: SECONDS + 60 },
    { nbf: 'x' },
    { sub: undefined },
  ];
  for (const claims of cases) await refused(t, authenticator, signed(claims), JSON.stringify(claims));
  const expired = authenticator.authenticate(`Bearer ${signed({ exp: SECONDS - 6 })}`);
  await t.rejects(expired, { code: 'token_invalid', message: 'The token has expired; get another.' });
  const forged = signToken({ alg: 'HS256' }, { ...GOOD, exp: 1 }, Buffer.from('x'.repeat(32)));
  await refused(t, authenticator, forged, 'and whoever forged an expired one does not learn more');
});

t.test('a token that is too long is not looked at', async (t) => {
  const { authenticator, secret } = await secretAuthenticator(t);
  const sized = (length: number): string => signToken({ alg: 'HS256' }, { ...GOOD, x: 'x'.repeat(length) }, secret);
  t.equal(await opens(authenticator, sized(5_000)), true);
  await refused(t, authenticator, sized(9_000), 'longer than 8 KiB');
  await refused(t, authenticator, 'a'.repeat(1_000_000), 'a megabyte');
});

t.test('a public key in a file checks its own algorithm and no other', async (t) => {
  const cases = [
    [rsa, 'RS256', 'sha256'],
    [ec256, 'ES256', 'sha256'],
    [ec384, 'ES384', 'sha384'],
    [ed, 'EdDSA', null],
  ] as const;
  for (const [pair, alg, digest] of cases) {
    for (const text of [
      pem(pair.publicKey),
      JSON.stringify(jwk(pair.publicKey)),
      JSON.stringify({ keys: [jwk(pair.publicKey)] }),
    ]) {
      const authenticator = await keyFile(t, text);
      const sign = (header: object): string => signToken({ alg, ...header }, GOOD, pair.privateKey, digest);
      t.equal(await opens(authenticator, sign({})), true, alg);
      const others = ['RS256', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA', 'HS256'].filter((name) => name !== alg);
      for (const other of others)
        t.equal(await opens(authenticator, sign({ alg: other })), false, `${other} for ${alg}`);
      await refused(t, authenticator, unsigned({ alg: 'none' }, GOOD), 'none');
    }
  }
});

t.test('a public key is no shared secret', async (t) => {
  for (const { publicKey } of [rsa, ec256, ed]) {
    const text = pem(publicKey);
    const authenticator = await keyFile(t, text);
    const der = publicKey.export({ type: 'spki', format: 'der' });
    for (const secret of [text, text.trim(), text.replaceAll('\n', '\r\n'), der, JSON.stringify(jwk(publicKey))]) {
      for (const alg of ['HS256', 'HS384', 'HS512', 'RS256', 'ES256']) {
        await refused(t, authenticator, signToken({ alg }, GOOD, Buffer.from(secret)), `${alg} with the public key`);
      }
    }
  }
});

t.test('a key with a name is for tokens that name it, or none', async (t) => {
  const named = { ...jwk(ec256.publicKey), kid: 'mine' };
  const other = { ...jwk(rsa.publicKey), kid: 'other' };
  for (const text of [JSON.stringify(named), JSON.stringify({ keys: [named, other] })]) {
    const authenticator = await keyFile(t, text);
    const sign = (header: object): string => signToken({ alg: 'ES256', ...header }, GOOD, ec256.privateKey);
    t.equal(await opens(authenticator, sign({ kid: 'mine' })), true);
    t.equal(await opens(authenticator, sign({})), true);
    await refused(t, authenticator, sign({ kid: 'foreign' }), 'a foreign name');
    await refused(t, authenticator, sign({ kid: 'other' }), "another key's name");
  }
  const unnamed = await keyFile(t, pem(ec256.publicKey));
  t.equal(await opens(unnamed, signToken({ alg: 'ES256', kid: 'any' }, GOOD, ec256.privateKey)), true);
});

t.test('a file that holds no key that may be used is refused', async (t) => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
  const secret = Buffer.from('x'.repeat(32));
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /no key that can be read/],
    ['nonsense', /no key that can be read/],
    ['{', /is not JSON/],
    ['{}', /no key that can be read/],
    ['{"keys":[]}', /holds no key;/],
    [pem(weak.publicKey), /another kind/],
    [JSON.stringify({ keys: [jwk(weak.publicKey)] }), /other kinds/],
    [pem(p521.publicKey), /another kind/],
    [rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }), /private key/],
    [JSON.stringify(jwk(ec256.privateKey)), /private key/],
    [JSON.stringify({ kty: 'oct', k: secret.toString('base64url') }), /shared secret/],
    [JSON.stringify({ keys: [jwk(ec256.publicKey), { kty: 'oct', k: 'AAAA' }] }), /shared secret/],
  ];
  for (const [text, message] of cases) {
    const failure = await keyFile(t, text).then(
      () => null,
      (error: unknown) => error,
    );
    t.ok(failure instanceof ConfigError, text.slice(0, 40));
    t.match(failure, { message });
  }
  const missing = createAuthenticator(jwtConfig({ kind: 'public_key_file', path: '/nowhere/key' }), new ManualClock());
  await t.rejects(missing, { message: /management\.jwt\.public_key_file: cannot be read \(ENOENT\)/ });
});

t.test('the tools of this test sign as the standards say', async (t) => {
  const token = signToken({ alg: 'HS256' }, { a: 1 }, Buffer.from('k'));
  const [head, payload, signature] = token.split('.');
  t.equal(signature, createHmac('sha256', 'k').update(`${head}.${payload}`).digest('base64url'));
  t.equal(createPublicKey(rsa.privateKey).equals(rsa.publicKey), true);
});
