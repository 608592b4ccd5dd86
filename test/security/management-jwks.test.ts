/** Tokens whose keys their issuer publishes: what is believed while keys come, go, and cannot be had. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { createAuthenticator } from '../../src/management/auth/authenticator.ts';
import { AUDIENCE, ISSUER, jwtConfig } from '../management/fixture.ts';
import { ManualClock, NOON } from '../support/clock.ts';
import { signToken } from './tokens.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const first = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const second = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

interface Answer {
  readonly status?: number;
  readonly body: unknown;
  /** Whether the issuer takes the request and says nothing. */
  readonly hangs?: boolean;
  /** How long it takes, on the test's clock. */
  readonly takesMs?: number;
}

const published = (kid: string, { publicKey }: { publicKey: KeyObject }): object => ({
  ...publicKey.export({ format: 'jwk' }),
  kid,
  use: 'sig',
});

/** An issuer that publishes what the test says, and an authenticator that believes it. */
async function issuer(t: Test, initial: Answer) {
  const state = { answer: initial, reads: 0, ended: 0 };
  const clock = new ManualClock();
  const answer: RequestListener = (_request, response) => {
    state.reads++;
    response.on('close', () => state.ended++);
    const { status = 200, body, hangs = false, takesMs = 0 } = state.answer;
    clock.advance(takesMs);
    if (hangs) return;
    const headers = status === 302 ? { location: String(body) } : {};
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const resume = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  t.teardown(stop);
  const url = `http://127.0.0.1:${port}/keys`;
  const troubles: string[] = [];
  const authenticator = await createAuthenticator(jwtConfig({ kind: 'jwks_url', url }), clock, {
    onTrouble: (error) => void troubles.push(error?.reason ?? 'over'),
  });
  /** The subject, or the code of the failure. */
  const ask = (token: string): Promise<string> =>
    authenticator.authenticate(`Bearer ${token}`).then(
      ({ subject }) => subject,
      (error: { code: string }) => error.code,
    );
  return { state, clock, ask, stop, resume, url, troubles };
}

function token(kid: string | undefined, key: KeyObject | Buffer, alg = 'ES256'): string {
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: NOON / SECOND + 86_400 };
  return signToken({ alg, ...(kid === undefined ? {} : { kid }) }, claims, key);
}

t.test('a published key checks the tokens that name it, and is read once', async (t) => {
  const { state, ask } = await issuer(t, { body: { keys: [published('1', first), published('r', rsa)] } });
  t.equal(state.reads, 0, 'not before it is needed');
  const answers = await Promise.all([1, 2, 3].map(() => ask(token('1', first.privateKey))));
  t.strictSame(answers, ['alice', 'alice', 'alice']);
  t.equal(await ask(token('r', rsa.privateKey, 'RS256')), 'alice');
  t.equal(await ask(token(undefined, first.privateKey)), 'alice', 'the only one of its kind needs no name');
  t.equal(await ask(token('1', second.privateKey)), 'token_invalid');
  t.equal(await ask(token('r', first.privateKey)), 'token_invalid');
  t.equal(state.reads, 1);
});

t.test('a published key is no shared secret, and publishes none', async (t) => {
  const secret = Buffer.from('s'.repeat(32));
  const oct = { kty: 'oct', k: secret.toString('base64url'), kid: 's', alg: 'HS256' };
  const { ask } = await issuer(t, { body: { keys: [oct, published('1', first)] } });
  t.equal(await ask(token('s', secret, 'HS256')), 'token_invalid');
  const pem = first.publicKey.export({ type: 'spki', format: 'pem' });
  t.equal(await ask(token('1', Buffer.from(pem), 'HS256')), 'token_invalid');
  t.equal(await ask(token('1', first.privateKey, 'none')), 'token_invalid');
  t.equal(await ask(token('1', first.privateKey)), 'alice');
});

t.test('a new key is found when a token names it, but not looked for all the time', async (t) => {
  const { state, clock, ask } = await issuer(t, { body: { keys: [published('1', first)] } });
  t.equal(await ask(token('1', first.privateKey)), 'alice');
  state.answer = { body: { keys: [published('1', first), published('2', second)] } };
  for (let i = 0; i < 5; i++) t.equal(await ask(token(`made-up-${i}`, second.privateKey)), 'token_invalid');
  t.equal(await ask(token('2', second.privateKey)), 'token_invalid', 'keys were read a moment ago');
  t.equal(state.reads, 1);
  clock.advance(30 * SECOND);
  t.equal(await ask(token('2', second.privateKey)), 'alice');
  t.equal(state.reads, 2);
  t.equal(await ask(token('made-up', second.privateKey)), 'token_invalid');
  t.equal(state.reads, 2, 'a name that is made up costs its issuer no request');
});

t.test('a key that is withdrawn works for ten minutes at most', async (t) => {
  const { state, clock, ask } = await issuer(t, { body: { keys: [published('1', first)] } });
  t.equal(await ask(token('1', first.privateKey)), 'alice');
  state.answer = { body: { keys: [published('2', second)] } };
  clock.advance(10 * MINUTE - 1);
  t.equal(await ask(token('1', first.privateKey)), 'alice');
  clock.advance(1);
  t.equal(await ask(token('1', first.privateKey)), 'token_invalid');
  t.equal(await ask(token('2', second.privateKey)), 'alice');
});

t.test('while the issuer cannot be asked, keys that are known work for an hour', async (t) => {
  const { state, clock, ask, stop, resume } = await issuer(t, { body: { keys: [published('1', first)] } });
  t.equal(await ask(token('1', first.privateKey)), 'alice');
  await stop();
  clock.advance(59 * MINUTE);
  t.equal(await ask(token('1', first.privateKey)), 'alice');
  t.equal(await ask(token('2', second.privateKey)), 'token_invalid', 'one that is not known is not');
  clock.advance(MINUTE);
  t.equal(await ask(token('1', first.privateKey)), 'token_keys_unavailable');
  await resume();
  t.equal(await ask(token('1', first.privateKey)), 'token_keys_unavailable', 'not asked again at once');
  clock.advance(5 * SECOND);
  t.equal(await ask(token('1', first.privateKey)), 'alice');
  t.equal(state.reads, 2);
});

t.test('an issuer that hangs costs those whose keys are known one short wait, and no more', async (t) => {
  const { state, clock, ask } = await issuer(t, { body: { keys: [published('1', first)] } });
  t.equal(await ask(token('1', first.privateKey)), 'alice');
  state.answer = { body: '', hangs: true };
  clock.advance(10 * MINUTE);
  const { ended } = state;
  for (let i = 0; i < 6; i++) t.equal(await ask(token('1', first.privateKey)), 'alice');
  t.equal(state.reads, 2, 'asked once');
  t.equal(state.ended, ended, 'and nobody waited until it was given up');
});

t.test('after an issuer failed, keys that are known are used while it is asked again', async (t) => {
  const { state, clock, ask } = await issuer(t, { body: { keys: [published('1', first)] } });
  t.equal(await ask(token('1', first.privateKey)), 'alice');
  state.answer = { status: 500, body: '' };
  clock.advance(10 * MINUTE);
  t.equal(await ask(token('1', first.privateKey)), 'alice');
  t.equal(state.reads, 2);
  state.answer = { body: '', hangs: true };
  clock.advance(5 * SECOND);
  const began = performance.now();
  t.equal(await ask(token('1', first.privateKey)), 'alice');
  t.ok(performance.now() - began < 900, 'not even for a moment');
});

t.test('the pause after a failure begins when it has failed', async (t) => {
  const { state, clock, ask } = await issuer(t, { status: 500, body: '', takesMs: 5 * SECOND });
  t.equal(await ask(token('1', first.privateKey)), 'token_keys_unavailable');
  t.equal(await ask(token('1', first.privateKey)), 'token_keys_unavailable');
  t.equal(state.reads, 1);
  clock.advance(5 * SECOND);
  t.equal(await ask(token('1', first.privateKey)), 'token_keys_unavailable');
  t.equal(state.reads, 2);
});

t.test('why keys cannot be read is told when it changes, each minute, and when it is over', async (t) => {
  const { state, clock, ask, stop, resume, troubles } = await issuer(t, { status: 404, body: '' });
  const tryAgain = (answer: Answer): Promise<string> => {
    state.answer = answer;
    clock.advance(5 * SECOND);
    return ask(token('1', first.privateKey));
  };
  for (let i = 0; i < 12; i++) await tryAgain({ status: 404, body: '' });
  t.strictSame(troubles.splice(0), ['answers with status 404']);
  await tryAgain({ status: 404, body: '' });
  t.strictSame(troubles.splice(0), ['answers with status 404'], 'once more after a minute');
  await tryAgain({ status: 302, body: '/elsewhere' });
  await tryAgain({ body: 'x'.repeat(300_000) });
  await tryAgain({ body: 'nonsense' });
  await tryAgain({ body: { keys: 'x' } });
  await tryAgain({ body: { keys: [1] } });
  await tryAgain({ body: { keys: Array.from({ length: 101 }, () => ({})) } });
  await stop();
  await tryAgain({ body: '' });
  t.match(troubles.splice(0), [
    'answers with status 302, a redirect, which is not followed',
    'sends more than 262144 bytes',
    'sends something else than JSON',
    'sends something else than a set of keys',
    'sends a set of keys that is malformed',
    'sends more than 100 keys',
    /^cannot be reached \((?:ECONNREFUSED|UND_ERR_SOCKET)\)$/,
  ]);
  await resume();
  t.equal(await tryAgain({ body: { keys: [published('1', first)] } }), 'alice');
  t.strictSame(troubles, ['over']);
});

t.test('the failure that a caller meets has its reason for the log', async (t) => {
  const { url } = await issuer(t, { status: 404, body: 'hunter2' });
  const authenticator = await createAuthenticator(jwtConfig({ kind: 'jwks_url', url }), new ManualClock());
  for (let i = 0; i < 2; i++) {
    await t.rejects(authenticator.authenticate(`Bearer ${token('1', first.privateKey)}`), {
      code: 'token_keys_unavailable',
      message: /^The issuer of tokens does not answer/,
      cause: { name: 'KeysUnreadable', message: `${url} answers with status 404` },
    });
  }
});

t.test('whoever never could be asked says nothing about a token', async (t) => {
  const { ask, stop } = await issuer(t, { body: {} });
  await stop();
  t.equal(await ask(token('1', first.privateKey)), 'token_keys_unavailable');
  t.equal(await ask('a.b.c'), 'token_invalid', 'what is no token is none');
});

t.test('what is no set of keys is not believed', async (t) => {
  const { state, clock, ask, url } = await issuer(t, { body: {} });
  const good = { keys: [published('1', first)] };
  const answers: Answer[] = [
    { body: 'nonsense' },
    { body: [] },
    { body: { keys: 'x' } },
    { body: { keys: [1, null] } },
    { status: 500, body: good },
    { status: 404, body: good },
    { status: 302, body: `${url}2` },
    { body: { ...good, padding: 'x'.repeat(300_000) } },
    { body: { keys: Array.from({ length: 101 }, () => published('1', first)) } },
  ];
  for (const answer of answers) {
    state.answer = answer;
    clock.advance(5 * SECOND);
    t.equal(await ask(token('1', first.privateKey)), 'token_keys_unavailable', JSON.stringify(answer).slice(0, 60));
  }
  t.equal(state.reads, answers.length, 'and nobody was sent elsewhere');
  state.answer = { body: good };
  clock.advance(5 * SECOND);
  t.equal(await ask(token('1', first.privateKey)), 'alice');
});
