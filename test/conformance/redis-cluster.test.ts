import { Redis } from 'ioredis';
import t from 'tap';
import { freePort, startRedis } from '../support/redis.ts';
import { redisHarness } from './redis-harness.ts';
import { checkStore } from './suite.ts';

// One node that has all slots: a script or command that touches names of two slots is refused by it, as by any cluster.
const server = await startRedis('--cluster-enabled', 'yes', '--cluster-port', String(await freePort()));
t.teardown(() => server.stop());
const admin = new Redis(server.url, { protocol: 2 });
t.teardown(() => admin.disconnect());
await admin.cluster('ADDSLOTSRANGE', 0, 16_383);
while (!(await admin.cluster('INFO')).includes('cluster_state:ok'));

await t.test('every script and command stays within one slot', async (t) => {
  await t.rejects(admin.mset('lk:limit:key_a', 1, 'lk:limit:key_b', 2), /CROSSSLOT/, 'this server would tell');
  await checkStore(t, redisHarness(t, server.url));
});
