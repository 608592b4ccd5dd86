import { Cluster } from 'ioredis';
import t from 'tap';
import { startCluster } from '../support/redis-cluster.ts';
import { redisHarness } from './redis-harness.ts';
import { checkStore } from './suite.ts';

// A script or command that touches names of two slots is refused by every node.
const cluster = await startCluster();
t.teardown(() => cluster.stop());
const hosts = cluster.nodes.map(({ server }) => ({ host: '127.0.0.1', port: server.port }));
const raw = new Cluster(hosts, { redisOptions: { protocol: 2 } });

await t.test('a cluster of six nodes', async (t) => {
  await t.rejects(raw.mset('lk:limit:key_a', 1, 'lk:limit:key_b', 2), /CROSSSLOT/, 'these servers would tell');
  await checkStore(t, redisHarness(t, cluster.url, raw));
});
