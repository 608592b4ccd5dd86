import t from 'tap';
import { newSecret } from '../../src/keys/secret.ts';
import { changed } from '../keys/fixture.ts';
import { BURST, type GateFixture, setUp } from './fixture.ts';

const BAD = '198.51.100.66';

/** Wrong secrets from one address, until it is throttled. */
async function fail({ code }: GateFixture, address = BAD, times = BURST): Promise<void> {
  for (let i = 0; i < times; i++) await code({ secret: newSecret('lk'), address });
}

t.test('without a key, or with credentials of another scheme, the key is missing', async (t) => {
  const { ask, store } = await setUp(t);
  const secret = newSecret('lk');
  for (const authorization of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer    ',
    'Basic YTpi',
    secret,
    `Bearer${secret}`,
    `Bearer\t${secret}`,
    `Digest ${secret}`,
  ]) {
    const { denial, key } = await ask(authorization === undefined ? {} : { authorization });
    t.match(denial, { code: 'key_missing' }, String(authorization));
    t.equal(key, null);
  }
  t.equal(store.finds, 0);
});

t.test('the scheme is read in any case, with any number of spaces after it', async (t) => {
  const { code, issue } = await setUp(t);
  const { secret } = await issue();
  for (const scheme of ['Bearer ', 'bearer ', 'BEARER ', 'bEaReR   ']) {
    t.equal(await code({ authorization: scheme + secret }), null, scheme);
  }
});

t.test('what is malformed is not found, and never reaches the store', async (t) => {
  const { code, issue, store } = await setUp(t);
  const { secret } = await issue();
  const wrong = secret.slice(0, -1) + (secret.endsWith('A') ? 'B' : 'A');
  const malformed = [
    'x',
    wrong,
    `${secret} ${secret}`,
    `${secret},`,
    `"${secret}"`,
    secret.toUpperCase(),
    'x'.repeat(60_000),
    `lk_${'0'.repeat(600)}`,
  ];
  for (const [i, text] of malformed.entries()) {
    t.equal(await code({ secret: text, address: `203.0.113.${i}` }), 'key_not_found', text.slice(0, 80));
  }
  t.equal(store.finds, 0);
});

t.test('a secret longer than any real one is not even looked at', async (t) => {
  const { ask, code, directory } = await setUp(t);
  directory.peek = () => {
    throw new Error('looked at');
  };
  t.equal(await code({ secret: 'x'.repeat(513) }), 'key_not_found');
  t.throws(() => ask({ secret: 'x'.repeat(512) }), { message: 'looked at' });
});

t.test('an unknown secret is asked for once and then known as unknown', async (t) => {
  const { ask, store } = await setUp(t);
  const secret = newSecret('lk');
  for (let i = 0; i < 3; i++) t.match(await ask({ secret }), { key: null, denial: { code: 'key_not_found' } });
  t.equal(store.finds, 1);
});

t.test('a denial never repeats the secret', async (t) => {
  const { ask } = await setUp(t);
  const secret = newSecret('lk');
  t.notMatch(JSON.stringify((await ask({ secret })).denial), secret.slice(3, 20));
});

t.test('when the store cannot say, neither does the gateway', async (t) => {
  const { ask, clock, directory, issue, store } = await setUp(t);
  const { secret } = await issue();
  const unknown = newSecret('lk');
  await ask({ secret: unknown, address: '203.0.113.8' });
  store.down = true;
  for (let i = 0; i < 3 * BURST; i++) {
    clock.advance(250);
    await directory.poll();
    for (const each of [secret, newSecret('lk')]) {
      t.match(await ask({ secret: each }), {
        key: null,
        denial: { code: 'key_store_unavailable', facts: { retry_after: 1 } },
      });
    }
  }
  t.match((await ask({ secret: unknown })).denial, { code: 'key_store_unavailable' });
  store.down = false;
  clock.advance(500);
  t.equal((await ask({ secret })).denial, null, 'none of that counted as a failure');
});

t.test('a mistake in the code is not taken for a store that is down', async (t) => {
  const { ask, store } = await setUp(t);
  store.findByDigest = () => {
    throw new TypeError('a mistake');
  };
  t.throws(() => ask({ secret: newSecret('lk') }), TypeError);
});

t.test('an address that failed too often is refused, whether the next secret is right or wrong', async (t) => {
  const fixture = await setUp(t);
  const { ask, issue, store } = fixture;
  const { secret } = await issue();
  await fail(fixture);
  const { finds } = store;
  const answers = [];
  for (const each of [secret, newSecret('lk'), 'malformed', 'x'.repeat(1_000)]) {
    const { denial, key } = await ask({ secret: each, address: BAD });
    t.equal(key, null);
    answers.push(denial);
  }
  t.match(answers[0], { code: 'too_many_failures', facts: { retry_after: 10 } });
  for (const answer of answers) t.strictSame(answer, answers[0]);
  t.equal(store.finds, finds, 'and the store is not asked');
});

t.test('a right secret that others use is no different, cached or not', async (t) => {
  const fixture = await setUp(t);
  const secret = await fixture.used('203.0.113.1');
  await fail(fixture);
  t.equal(await fixture.code({ secret, address: BAD }), 'too_many_failures');
  t.equal(await fixture.code({ secret, address: '203.0.113.1' }), null, 'other addresses are not affected');
});

t.test('keys that a throttled address used last still work', async (t) => {
  const fixture = await setUp(t);
  const [one, two] = [await fixture.used(BAD), await fixture.used(BAD)];
  await fail(fixture);
  t.equal(await fixture.code({ secret: one, address: BAD }), null);
  t.equal(await fixture.code({ secret: two, address: BAD }), null);
  await fixture.ask({ secret: two, address: '203.0.113.1' });
  t.equal(await fixture.code({ secret: two, address: BAD }), 'too_many_failures', 'last used elsewhere');
});

t.test('they still work when they must be read again, and after a change', async (t) => {
  const fixture = await setUp(t);
  const { clock, code, directory, issue, real } = fixture;
  const { record, secret } = await issue();
  await code({ secret, address: BAD });
  clock.advance(60_000);
  await directory.poll();
  await fail(fixture);
  t.equal(directory.peek(secret), undefined);
  t.equal(await code({ secret, address: BAD }), null);
  await real.replace(changed(record, { description: 'changed' }));
  await directory.poll();
  t.equal(directory.peek(secret), undefined);
  t.equal(await code({ secret, address: BAD }), null);
});

t.test('a key that was refused is no way in', async (t) => {
  const fixture = await setUp(t);
  const secret = await fixture.used(BAD, { status: 'disabled' });
  await fail(fixture);
  t.equal(await fixture.code({ secret, address: BAD }), 'too_many_failures');
});

t.test('an address that is not known is throttled like any other', async (t) => {
  const fixture = await setUp(t);
  const { secret } = await fixture.issue();
  await fixture.directory.find(secret);
  await fail(fixture, '');
  t.equal(await fixture.code({ secret, address: '' }), 'too_many_failures');
});

t.test('an IPv6 client is throttled in its whole /64, and no further', async (t) => {
  const fixture = await setUp(t);
  const { code, issue } = fixture;
  const { secret } = await issue();
  for (let i = 1; i <= BURST; i++) await code({ secret: newSecret('lk'), address: `2001:db8:1:2::${i}` });
  t.equal(await code({ secret, address: '2001:db8:1:2:ffff::1' }), 'too_many_failures');
  t.equal(await code({ secret, address: '2001:db8:1:3::1' }), null);
});

t.test('after a while the address may try again', async (t) => {
  const fixture = await setUp(t);
  const { clock, code, issue } = fixture;
  const { secret } = await issue();
  await fail(fixture, BAD, 10 * BURST);
  clock.advance(9_999);
  t.equal(await code({ secret, address: BAD }), 'too_many_failures');
  clock.advance(1);
  t.equal(await code({ secret: 'wrong', address: BAD }), 'key_not_found', 'one more try');
  t.equal(await code({ secret, address: BAD }), 'too_many_failures');
  clock.advance(10_000);
  t.equal(await code({ secret, address: BAD }), null);
});

t.test('who sends no key is told so, throttled or not, and it does not count', async (t) => {
  const fixture = await setUp(t);
  const { code, issue } = fixture;
  const { secret } = await issue();
  for (let i = 0; i < 3 * BURST; i++) {
    await code({ address: BAD });
    await code({ address: BAD, authorization: 'Basic YTpi' });
  }
  t.equal(await code({ secret, address: BAD }), null);
  await fail(fixture);
  t.equal(await code({ address: BAD }), 'key_missing');
});
