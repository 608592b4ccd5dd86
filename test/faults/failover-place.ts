import type { Redis } from 'ioredis';
import type { Test } from 'tap';
import { until } from '../e2e/site.ts';
import type { RedisServer } from '../support/redis.ts';
import { type RedisSentinels, startSentinels } from '../support/redis-sentinel.ts';
import { connect } from './failover-load.ts';

/**
 * After this a silent primary is taken for dead here. With less, servers that a busy machine does not let run would fail
 * over by themselves, to one another and to the one that was started again and has nothing yet.
 */
const DOWN_AFTER_MS = 1_500;

/** A name that may be written to and never is. */
export const PROBE = 'probe';

/** Of the primary, to the sentinels. */
const NAME = 'latchkey';

export interface Place {
  readonly set: RedisSentinels;
  /** Straight to one server. */
  raw(server: RedisServer): Redis;
  /** Resolves when a replica has what the primary has. */
  inStep(): Promise<void>;
  /** Those of which one is to take over. */
  replicas(): Promise<Redis[]>;
}

/** Servers and sentinels of this test's own. */
export async function start(t: Test): Promise<Place> {
  const set = await startSentinels();
  t.teardown(() => set.stop());
  const [, sentinels = ''] = /\/\/([^/]+)/.exec(set.url) ?? [];
  for (const host of sentinels.split(',')) {
    const sentinel = connect(t, `redis://${host}`);
    await until(() => sentinel.status === 'ready');
    await sentinel.call('SENTINEL', 'SET', NAME, 'down-after-milliseconds', DOWN_AFTER_MS);
  }
  const raws = new Map(set.servers.map((server) => [server, connect(t, server.url)]));
  const raw = (server: RedisServer): Redis => {
    const found = raws.get(server);
    if (found === undefined) throw new Error('no such server');
    return found;
  };
  const inStep = async (): Promise<void> => {
    const primary = raw(await set.primary());
    await until(async () => (await primary.wait(1, 200).catch(() => 0)) > 0);
  };
  const replicas = async (): Promise<Redis[]> => {
    const all = [...raws.values()];
    const told = await Promise.all(all.map((each) => each.info('replication')));
    return all.filter((_, i) => told[i]?.includes('role:slave'));
  };
  return { set, raw, inStep, replicas };
}
