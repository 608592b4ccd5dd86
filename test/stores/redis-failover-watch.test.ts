import { once } from 'node:events';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import type { RedisHost } from '../../src/core/redis-url.ts';
import { watchFailovers } from '../../src/stores/redis/failover-watch.ts';
import { openSentinel } from '../../src/stores/redis/sentinel.ts';
import { readTarget, settingsOf } from '../../src/stores/redis/settings.ts';
import { startRedis } from '../support/redis.ts';
import { startSentinels } from '../support/redis-sentinel.ts';
import { until } from './redis-fixture.ts';

const SWITCHED = '+switch-master';

function connect(t: Test, host: string): Redis {
  const raw = new Redis(`redis://${host}`, { protocol: 2, retryStrategy: () => 20, maxRetriesPerRequest: 0 });
  raw.on('error', () => undefined);
  t.teardown(() => raw.disconnect());
  return raw;
}

t.test(
  'each sentinel is listened to, of one name, also after its connection was lost, until it is ended',
  async (t) => {
    // A server like any other can say what a sentinel says.
    const servers = await Promise.all([startRedis(), startRedis()]);
    t.teardown(() => Promise.all(servers.map((server) => server.stop())));
    const hosts = servers.map(({ port }) => ({ host: '127.0.0.1', port }));
    const told: RedisHost[] = [];
    const settings = settingsOf(readTarget(`redis://127.0.0.1:${hosts[0]?.port}`, 5_000));
    const end = watchFailovers(hosts, settings, 'mine', (primary) => told.push(primary));
    t.teardown(end);
    const raws = servers.map(({ port }) => connect(t, `127.0.0.1:${port}`));
    const say = (raw: Redis, text: string): Promise<unknown> => raw.publish(SWITCHED, text);
    const isHeard = async (raw: Redis): Promise<boolean> => (await raw.pubsub('NUMSUB', SWITCHED))[1] === 1;
    const allHear = (): Promise<void> =>
      until(async () => (await Promise.all(raws.map((raw) => isHeard(raw).catch(() => false)))).every(Boolean));

    await allHear();
    for (const [i, raw] of raws.entries()) {
      await say(raw, `other 10.0.0.1 6379 10.0.0.9 6379`);
      await say(raw, `mine 10.0.0.1 6379 10.0.0.${i} 638${i}`);
      await until(async () => told.length > i);
    }
    const both = [
      { host: '10.0.0.0', port: 6380 },
      { host: '10.0.0.1', port: 6381 },
    ];
    t.strictSame(told, both);

    await servers[0].restart();
    await allHear();
    await say(raws[0] as Redis, 'mine 10.0.0.1 6379 fe80::1 6390');
    await until(async () => told.length > both.length);
    t.strictSame(told.at(-1), { host: 'fe80::1', port: 6390 });

    end();
    for (const raw of raws) await until(async () => !(await isHeard(raw)));
  },
);

t.test('a connection that goes to the new primary is kept, however many sentinels tell of it', async (t) => {
  const set = await startSentinels();
  t.teardown(() => set.stop());
  const link = await openSentinel(readTarget(set.url, 1_000));
  t.teardown(() => link.close());
  const client = link.client as Redis;
  let closes = 0;
  client.on('close', () => closes++);
  const [, hosts = ''] = /\/\/([^/]+)/.exec(set.url) ?? [];
  const spies = hosts.split(',').map((host) => connect(t, host));
  const told = spies.map(async (spy) => {
    await spy.subscribe(SWITCHED);
    await once(spy, 'message');
  });
  const old = await set.primary();
  await until(async () => spies.every(({ status }) => status === 'ready'));
  await connect(t, hosts.split(',')[0] ?? '').call('SENTINEL', 'FAILOVER', 'latchkey');
  await Promise.race(told);
  await until(async () => client.status === 'ready' && client.stream.remotePort !== old.port);
  const before = closes;
  t.ok(before > 0, 'it was given up for the old one');
  await Promise.all(told);
  // What a sentinel said before it answers has arrived.
  for (let i = 0; i < 20; i++) t.equal(await client.ping().catch(String), 'PONG');
  t.equal(closes, before);
});
