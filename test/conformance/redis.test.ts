import t from 'tap';
import { startRedis } from '../support/redis.ts';
import { redisHarness } from './redis-harness.ts';
import { checkStore } from './suite.ts';

const server = await startRedis();
t.teardown(() => server.stop());

await t.test('Redis', (t) => checkStore(t, redisHarness(t, `${server.url}/3`)));
