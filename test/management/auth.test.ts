import { spawn } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import t from 'tap';
import { ConfigError } from '../../src/config/problem.ts';
import { createAuthenticator } from '../../src/management/auth/authenticator.ts';
import { signingSecret } from '../../src/management/auth/secret-file.ts';
import { type TokenFault, TokenRejected } from '../../src/management/auth/token-fault.ts';
import { endpoint } from '../../src/management/endpoint.ts';
import { problemOf } from '../../src/management/problems.ts';
import { signToken } from '../security/tokens.ts';
import { ManualClock, NOON } from '../support/clock.ts';
import { AUDIENCE, folder, ISSUER, jwtConfig, problem, secretAuthenticator, start } from './fixture.ts';

const SECONDS = NOON / 1000;

/** Signs claims as they are given, with the issuer, audience and times of a good token around them. */
function signed(secret: Buffer, claims: Readonly<Record<string, unknown>>): Promise<string> {
  const all = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: SECONDS + 60, ...claims };
  return new SignJWT(all).setProtectedHeader({ alg: 'HS256' }).sign(secret);
}

t.test('a token says who holds it and what for', async (t) => {
  const { authenticator, secret, token } = await secretAuthenticator(t);
  const holder = async (claims: Readonly<Record<string, unknown>>) =>
    authenticator.authenticate(`Bearer ${await signed(secret, claims)}`);
  t.strictSame(await authenticator.authenticate(`Bearer ${await token(['admin:write', 'a:b'], 'ci')}`), {
    subject: 'ci',
    permissions: ['a:b', 'admin:write'],
    expiresAt: NOON + 3_600_000,
  });
  t.strictSame(await holder({}), { subject: 'alice', permissions: [], expiresAt: NOON + 60_000 });
  t.strictSame((await holder({ scope: 'admin:read domains:*' })).permissions, ['admin:read', 'domains:*']);
  t.strictSame((await holder({ permissions: ['*', 'a:b'], scope: 'a:b c:d' })).permissions, ['*', 'a:b', 'c:d']);
  t.strictSame(
    (await holder({ scope: 'openid  email admin:read' })).permissions,
    ['admin:read'],
    'scopes of other APIs',
  );
  t.strictSame((await holder({ aud: ['other', AUDIENCE] })).subject, 'alice');
  t.strictSame((await holder({ sub: 'Zoë Müller-Ōta' })).subject, 'Zoë Müller-Ōta');
});

t.test('claims that make no sense are refused', async (t) => {
  const { authenticator, secret } = await secretAuthenticator(t);
  const odd: readonly Readonly<Record<string, unknown>>[] = [
    { sub: '' },
    { sub: ' ' },
    { sub: 5 },
    { sub: undefined },
    { sub: 'x'.repeat(201) },
    { sub: 'a\nb' },
    { sub: 'a\u202eb' },
    { sub: 'local:root' },
    { permissions: 'admin:write' },
    { permissions: ['admin:write', 5] },
    { permissions: ['admin'] },
    { permissions: ['Admin:write'] },
    { permissions: { 'admin:write': true } },
    { permissions: Array.from({ length: 501 }, (_, i) => `a${i}:b`) },
    { scope: ['admin:write'] },
  ];
  for (const claims of odd) {
    const given = authenticator.authenticate(`Bearer ${await signed(secret, claims)}`);
    await t.rejects(given, { code: 'token_invalid' }, JSON.stringify(claims).slice(0, 60));
  }
});

t.test('credentials of another scheme are none', async (t) => {
  const { authenticator } = await secretAuthenticator(t);
  for (const header of [undefined, '', 'Bearer', 'Bearer ', 'Basic YTpi', 'Token a.b.c', 'Bearerx a.b.c']) {
    await t.rejects(authenticator.authenticate(header), { code: 'token_missing' }, String(header));
  }
  for (const header of [
    'Bearer a',
    'Bearer a.b.c',
    'Bearer a.b.c d',
    'bearer a.b.',
    'Bearer a.b.c.d.e',
    'Bearer é.b.c',
  ]) {
    await t.rejects(authenticator.authenticate(header), { code: 'token_invalid' }, header);
  }
});

t.test('a token is valid from and until the times that it says, give or take five seconds', async (t) => {
  const { authenticator, clock, secret } = await secretAuthenticator(t);
  const timed = await signed(secret, { nbf: SECONDS + 10, exp: SECONDS + 60 });
  const at = async (seconds: number): Promise<string> => {
    clock.time = NOON + seconds * 1000;
    return authenticator.authenticate(`Bearer ${timed}`).then(
      () => 'valid',
      (error: Error) => error.message,
    );
  };
  const other = 'Check who issued the token, for whom, and that it is complete.';
  t.equal(await at(4), other);
  t.equal(await at(5), 'valid');
  t.equal(await at(64), 'valid');
  t.equal(await at(66), 'The token has expired; get another.');
});

t.test('why a token is not believed is known inside, and not told', async (t) => {
  const { authenticator, secret } = await secretAuthenticator(t);
  const good = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: SECONDS + 60 };
  const hs256 = { alg: 'HS256' };
  const cases: readonly [TokenFault, string][] = [
    ['malformed', 'a.b.c'],
    ['malformed', 'a.b'],
    ['algorithm', signToken({ alg: 'HS512' }, good, secret, 'sha512')],
    ['algorithm', signToken({ alg: 'none' }, good, secret)],
    ['key', signToken({ ...hs256, kid: 'theirs' }, good, secret)],
    ['signature', signToken(hs256, good, Buffer.alloc(32))],
    ['header', signToken({ ...hs256, typ: 'dpop+jwt' }, good, secret)],
    ['expired', signToken(hs256, { ...good, exp: SECONDS - 60 }, secret)],
    ['not_yet_valid', signToken(hs256, { ...good, nbf: SECONDS + 60 }, secret)],
    ['issuer', signToken(hs256, { ...good, iss: 'https://other.test' }, secret)],
    ['audience', signToken(hs256, { ...good, aud: 'other' }, secret)],
    ['claims', signToken(hs256, { ...good, exp: undefined }, secret)],
    ['claims', signToken(hs256, { ...good, permissions: 'all' }, secret)],
  ];
  const told = new Set<string>();
  for (const [fault, token] of cases) {
    const error: unknown = await authenticator.authenticate(`Bearer ${token}`).catch((reason: unknown) => reason);
    if (!(error instanceof TokenRejected)) throw error;
    t.equal(error.fault, fault);
    if (fault !== 'expired') told.add(problemOf(error, 'req_1').body);
  }
  t.equal(told.size, 1, 'all are told the same');
});

t.test('a bad token is told so over HTTP, and a flood of them to wait', async (t) => {
  const { authenticator, clock, token } = await secretAuthenticator(t);
  const page = endpoint({
    method: 'GET',
    path: '/x',
    operationId: 'x',
    tag: 'T',
    summary: 's',
    answers: { 200: null },
    handle: async () => ({ status: 200, body: 1 }),
  });
  const { url } = await start(t, [page], { authenticate: authenticator, clock });
  const ask = (authorization: string) => fetch(`${url}/x`, { headers: { authorization } });
  const bad = await ask('Bearer a.b.c');
  t.equal(bad.status, 401);
  t.equal(bad.headers.get('www-authenticate'), 'Bearer realm="latchkey management", error="invalid_token"');
  for (let i = 1; i < 20; i++) t.equal((await ask('Bearer a.b.c')).status, 401);
  const refused = await ask('Bearer a.b.c');
  t.equal(refused.status, 429);
  t.equal(refused.headers.get('retry-after'), '3');
  t.match(await problem(refused), { code: 'too_many_failures', retry_after: 3 });
  t.equal((await fetch(`${url}/x`)).status, 401, 'no token is no guess');
  t.equal((await ask(`Bearer ${await token()}`)).status, 200, 'a good one is let in all the same');
  clock.advance(3000);
  t.equal((await ask('Bearer a.b.c')).status, 401);
  t.equal((await ask('Bearer a.b.c')).status, 429);
});

t.test('a signing secret is made once, for its owner alone', async (t) => {
  const path = join(folder(t), 'new', 'management.secret');
  const made = signingSecret(path);
  t.equal(made.made, true);
  t.match(made.secret.toString(), /^[0-9a-f]{64}$/);
  t.equal(readFileSync(path, 'utf8'), `${made.secret.toString()}\n`);
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
  t.strictSame(readdirSync(join(path, '..')), ['management.secret']);
  t.strictSame(made.warnings, []);
  const again = signingSecret(path);
  t.equal(again.made, false);
  t.strictSame(again.secret, made.secret);
});

t.test('processes that start together agree on the secret', async (t) => {
  const path = join(folder(t), 'management.secret');
  const module = new URL('../../src/management/auth/secret-file.ts', import.meta.url).href;
  const code = `import { signingSecret } from ${JSON.stringify(module)};
    process.stdout.write(signingSecret(${JSON.stringify(path)}).secret.toString());`;
  const outputs = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code]);
      let output = '';
      for await (const piece of child.stdout) output += String(piece);
      return output;
    }),
  );
  t.strictSame([...new Set(outputs)], [readFileSync(path, 'utf8').trim()]);
});

t.test('a secret that others can read is used with a warning', async (t) => {
  const path = join(folder(t), 'management.secret');
  writeFileSync(path, `${'s'.repeat(32)}\r\n`);
  chmodSync(path, 0o640);
  const { secret, warnings } = signingSecret(path);
  t.equal(secret.toString(), 's'.repeat(32));
  t.match(warnings, [/can be read by others.*chmod 600/]);
  const authenticator = await createAuthenticator(jwtConfig({ kind: 'secret_file', path }), new ManualClock());
  t.strictSame(authenticator.warnings, warnings);
});

t.test('a secret that is unfit is refused, and never shown', async (t) => {
  const base = folder(t);
  const refusal = (path: string): string => {
    try {
      signingSecret(path);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
    }
    return 'taken';
  };
  const path = join(base, 'short');
  writeFileSync(path, 'hunter2hunter2hunter2hunter2-31');
  t.match(refusal(path), /management\.jwt\.secret_file: holds 31 bytes; expected at least 32/);
  t.notMatch(refusal(path), 'hunter2');
  writeFileSync(path, 'x'.repeat(5000));
  t.match(refusal(path), /is longer than a secret can be/);
  t.match(refusal(base), /cannot be read \(EISDIR\)/);
  t.match(refusal(join(path, 'below')), /\(ENOTDIR\)/);
  const dangling = join(base, 'dangling');
  symlinkSync(join(base, 'nowhere'), dangling);
  t.match(refusal(dangling), /leads nowhere/);
  t.equal(existsSync(join(base, 'nowhere')), false);
});
