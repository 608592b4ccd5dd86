/** Keys cannot be guessed at speed. */
import t from 'tap';
import { newSecret } from '../../src/keys/secret.ts';
import type { ClientAnswer } from '../support/raw-client.ts';
import { stage, within } from './fixture.ts';
import { targets } from './table.ts';

const gateway = await stage(t, { settings: { failures: { burst: 20, per_minute: 1 } } });
const GUESSER = '127.0.0.2';

/** One request with a credential, from an address. */
async function guess(credential: string, from: string, lines = ''): Promise<ClientAnswer> {
  const client = await gateway.dial(from);
  client.send(`GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: ${credential}\r\n${lines}\r\n`);
  const answer = await within(client.answer(), 'an answer');
  client.close();
  return answer;
}

t.test('after some wrong keys, an address is told to wait, and others are not', async (t) => {
  const answers: ClientAnswer[] = [];
  for (let i = 0; i < 30; i++) {
    // Well-formed ones, ones with a wrong checksum, and ones of another form count alike.
    const wrong = [newSecret('lk'), `${newSecret('lk').slice(0, -1)}?`, `key-${i}`][i % 3];
    answers.push(await guess(`Bearer ${wrong}`, GUESSER, `X-Forwarded-For: 10.0.0.${i}\r\n`));
  }
  t.strictSame(
    answers.map(({ status }) => status),
    [...Array<number>(20).fill(401), ...Array<number>(10).fill(429)],
  );
  for (const answer of answers.slice(20)) {
    t.equal(answer.json()['code'], 'too_many_failures');
    t.match(answer.header('retry-after'), /^(?:[1-9]|[1-5]\d|60)$/);
    t.equal(answer.json()['retry_after'], Number(answer.header('retry-after')));
  }
  t.equal(
    (await guess(`Bearer ${gateway.key.secret}`, GUESSER)).status,
    429,
    'a right guess is not told from a wrong one',
  );
  t.equal((await guess(`Bearer ${gateway.key.secret}`, '127.0.0.3')).status, 200, 'another address is served');
  t.equal((await guess(`Bearer ${newSecret('lk')}`, '127.0.0.3')).status, 401, 'and has guesses of its own');
  t.equal((await guess('Basic eDp5', GUESSER)).status, 401, 'what is no key is no guess');
  t.strictSame(targets(await gateway.arrived()), ['/x'], 'one of all these arrives');
});

t.test('guesses on one connection, pipelined, count alike', async (t) => {
  const client = await gateway.dial('127.0.0.4');
  const one = (): string => `GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${newSecret('lk')}\r\n\r\n`;
  client.send(Array.from({ length: 30 }, one).join(''));
  const statuses: number[] = [];
  for (let i = 0; i < 30; i++) statuses.push((await within(client.answer(), 'an answer')).status);
  t.strictSame(statuses, [...Array<number>(20).fill(401), ...Array<number>(10).fill(429)]);
  client.close();
});

t.test('a wrong key is answered alike, whatever is wrong with it', async (t) => {
  const { secret } = gateway.key;
  const last = secret.endsWith('0') ? '1' : '0';
  const shapes: Readonly<Record<string, string>> = {
    'one that is unknown': newSecret('lk'),
    'a wrong checksum': secret.slice(0, -1) + last,
    'another case': secret.toLowerCase() === secret ? secret.toUpperCase() : secret.toLowerCase(),
    'a character more': `${secret}0`,
    'a character less': secret.slice(0, -1),
    'the hint': `lk_…${secret.slice(-4)}`.replace('…', '...'),
    'the id': gateway.key.id,
    'a very long one': 'x'.repeat(8000),
    'its digest': `sha256:${'A'.repeat(43)}`,
  };
  const bodies = new Set<string>();
  for (const [name, shape] of Object.entries(shapes)) {
    const answer = await guess(`Bearer ${shape}`, '127.0.0.5');
    t.equal(answer.status, 401, name);
    t.equal(answer.header('www-authenticate'), 'Bearer realm="latchkey", error="invalid_token"', name);
    bodies.add(JSON.stringify({ ...answer.json(), request_id: '' }));
  }
  t.equal(bodies.size, 1, 'nothing tells one from the other');
  t.strictSame(await gateway.arrived(), []);
});
