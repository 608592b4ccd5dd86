import t, { type Test } from 'tap';
import type { Serving } from '../cli/serving.ts';
import { type Answer, ask, type Issued, pause, redisFor, Site, until } from '../e2e/site.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import type { RedisServer } from '../support/redis.ts';
import { relayTo } from './relay.ts';

/** Redis keeps what it was told over a restart, as one in earnest would. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];
/** A refusal that takes as long as this would hold up callers; a dead Redis itself is noticed after a minute. */
const QUICK_MS = 2000;

const PASSED = { status: 200 };
const UNAVAILABLE = { status: 503, code: 'key_store_unavailable' };
const NOT_FOUND = { status: 401, code: 'key_not_found' };

/** How many requests with a key pass, of as many as are sent one after the other. */
async function passing({ url }: Serving, { secret }: Issued, count: number): Promise<number> {
  let passed = 0;
  for (let i = 0; i < count; i++) {
    const { status, code } = await ask(url, secret);
    if (status === 200) passed++;
    else if (code !== 'rate_limited') throw new Error(`unexpected: ${status} ${code}`);
  }
  return passed;
}

/** Asks for a while, with a key that is not in memory: always the same answer, and never late. */
async function alwaysUnavailable(t: Test, { url }: Serving, secret: string): Promise<void> {
  const answers: Answer[] = [];
  let slowest = 0;
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    answers.push(await ask(url, secret));
    slowest = Math.max(slowest, performance.now() - began);
    // Over the moments at which the gateway asks the store again.
    await pause(60);
  }
  t.strictSame(new Set(answers.map(({ status, code }) => `${status} ${code}`)), new Set(['503 key_store_unavailable']));
  t.match(answers[0]?.headers.get('retry-after'), /^[1-9]\d*$/);
  t.ok(slowest < QUICK_MS, `the slowest took ${Math.round(slowest)} ms`);
}

interface Outage {
  readonly name: string;
  begin(redis: RedisServer): void | Promise<void>;
  end(redis: RedisServer): void | Promise<void>;
}

const OUTAGES: readonly Outage[] = [
  { name: 'Redis is killed', begin: (redis) => redis.kill(), end: (redis) => redis.restart() },
  { name: 'Redis hangs', begin: (redis) => redis.suspend(), end: (redis) => redis.resume() },
];

for (const outage of OUTAGES) {
  t.test(outage.name, async (t) => {
    const redis = await redisFor(t, ...DURABLE);
    const upstream = await startRawUpstream(t);
    const site = new Site(t, { upstream: upstream.url, store: `${redis.url}/0`, storeTimeout: '300ms' });
    // Keys come first: one that a gateway is told has changed is read again before it is used, or refused.
    const known = await site.create();
    const limited = await site.create('--per-hour', '30', '--per-day', '30', '--burst', '30');
    const revoked = await site.create();
    const uncached = await site.create();
    const gateways = [await site.serve(), await site.serve()] as const;
    const [gateway, other] = gateways;
    for (const serving of gateways) {
      t.match(await ask(serving.url, known.secret), PASSED);
      t.match(await ask(serving.url, revoked.secret), PASSED);
    }
    t.equal(await passing(gateway, limited, 8), 8);
    t.equal(await passing(other, limited, 2), 2);

    await outage.begin(redis);
    await t.test('the first to find out are answered as those after them', async (t) => {
      const [refused, passed] = await Promise.all([ask(gateway.url, uncached.secret), ask(other.url, known.secret)]);
      t.match(refused, UNAVAILABLE);
      t.match(passed, PASSED);
    });
    await t.test('keys in memory keep working', async (t) => {
      for (let i = 0; i < 20; i++) {
        const began = performance.now();
        for (const serving of gateways) t.match(await ask(serving.url, known.secret), PASSED);
        t.ok(performance.now() - began < 2 * QUICK_MS, 'without delay');
        await pause(60);
      }
    });
    await t.test('others are refused, and never as unknown', async (t) => {
      await alwaysUnavailable(t, gateway, uncached.secret);
      t.match(await ask(gateway.url, 'lk_wrong'), NOT_FOUND, 'what is no key needs no store');
    });
    await t.test('each process keeps to the limits by itself, from how they last stood', async (t) => {
      t.equal(await passing(gateway, limited, 40), 22, 'it knew of 8');
      t.equal(await passing(other, limited, 40), 20, 'it knew of 10');
      const refused = await ask(gateway.url, limited.secret);
      t.match(refused, { status: 429, code: 'rate_limited' });
      t.match(refused.headers.get('x-ratelimit-remaining'), '0');
    });
    await t.test('keys cannot be changed, and one line says why', async (t) => {
      const { code, stdout, stderr } = await site.keys('revoke', known.id);
      t.equal(code, 1);
      t.equal(stdout, '');
      t.match(stderr, new RegExp(`^latchkey: Redis at 127\\.0\\.0\\.1:${redis.port} [^\\n]+\\n$`));
    });

    await outage.end(redis);
    await t.test('when Redis is back, all is as it was', async (t) => {
      await until(async () => (await site.keys('revoke', revoked.id)).code === 0);
      const changed = performance.now();
      for (const serving of gateways) {
        await until(async () => (await ask(serving.url, uncached.secret)).status === 200);
        await until(async () => (await ask(serving.url, revoked.secret)).code === 'key_revoked');
        t.match(await ask(serving.url, known.secret), PASSED);
      }
      t.ok(performance.now() - changed < 15_000, 'soon');
      // What each had let in by itself is counted now.
      for (const serving of gateways) {
        await until(async () => (await ask(serving.url, limited.secret)).status === 429);
        t.equal(serving.child.exitCode, null);
      }
    });
  });
}

t.test('a key that was revoked while a gateway was cut off is dead within a second of its return', async (t) => {
  const redis = await redisFor(t);
  const relay = await relayTo(t, redis.port);
  const upstream = await startRawUpstream(t);
  const direct = new Site(t, { upstream: upstream.url, store: `${redis.url}/0` });
  const cutOff = new Site(t, {
    upstream: upstream.url,
    store: `redis://127.0.0.1:${relay.port}/0`,
    storeTimeout: '300ms',
  });
  const [kept, revoked, unused] = [await direct.create(), await direct.create(), await direct.create()];
  const { id, secret } = await direct.create();
  const gateway = await cutOff.serve();
  for (const key of [kept, revoked, { secret }]) t.match(await ask(gateway.url, key.secret), PASSED);

  relay.cut();
  t.equal((await direct.keys('revoke', revoked.id)).code, 0);
  const { new_secret: rotated } = await direct.json<{ new_secret: string }>('rotate', id, '--grace', '0');
  await until(async () => (await ask(gateway.url, unused.secret)).status === 503);
  t.match(await ask(gateway.url, kept.secret), PASSED);
  t.match(await ask(gateway.url, revoked.secret), PASSED, 'it cannot know');
  t.match(await ask(gateway.url, rotated), UNAVAILABLE, 'nor this');

  await relay.mend();
  // Its first answer from the store shows that it is back.
  await until(async () => (await ask(gateway.url, unused.secret)).status === 200);
  const back = performance.now();
  for (const [dead, code] of [
    [revoked.secret, 'key_revoked'],
    [secret, 'key_not_found'],
  ] as const) {
    let latest = 0;
    await until(async () => {
      const sent = performance.now() - back;
      const answer = await ask(gateway.url, dead);
      if (answer.status === 200) latest = sent;
      return answer.code === code;
    });
    t.ok(latest < 1000, `${code}: let in ${Math.round(latest)} ms after its return`);
  }
  t.match(await ask(gateway.url, rotated), PASSED);
  t.match(await ask(gateway.url, kept.secret), PASSED);
});

t.test('after cache.max_stale, no key works without the store', async (t) => {
  const redis = await redisFor(t, ...DURABLE);
  const upstream = await startRawUpstream(t);
  const site = new Site(t, {
    upstream: upstream.url,
    store: `${redis.url}/0`,
    storeTimeout: '300ms',
    more: 'cache: { max_stale: 2s }\n',
  });
  const { secret } = await site.create();
  const gateway = await site.serve();
  t.match(await ask(gateway.url, secret), PASSED);
  await redis.kill();
  t.match(await ask(gateway.url, secret), PASSED);
  await until(async () => {
    const answer = await ask(gateway.url, secret);
    t.not(answer.status, 401);
    return answer.status === 503;
  });
  await redis.restart();
  await until(async () => (await ask(gateway.url, secret)).status === 200);
});

t.test('a gateway that loses Redis ends in order when it is told to', async (t) => {
  const redis = await redisFor(t);
  const upstream = await startRawUpstream(t);
  const site = new Site(t, { upstream: upstream.url, store: `${redis.url}/0`, storeTimeout: '300ms' });
  for (const outage of OUTAGES) {
    const { secret } = await site.create();
    const gateway = await site.serve();
    t.match(await ask(gateway.url, secret), PASSED);
    await outage.begin(redis);
    t.match(await ask(gateway.url, secret), PASSED);
    gateway.child.kill('SIGTERM');
    t.equal(await gateway.ended, 0, outage.name);
    await outage.end(redis);
  }
});
