import { Cluster, Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { dayOf, type UsageBatch, type UsageDay } from '../../src/core/usage.ts';
import { openRedisStore } from '../../src/stores/redis/index.ts';
import { countsName, daysName, LOGS, logsName, OLD_LOGS, partOf } from '../../src/stores/redis/usage-layout.ts';
import { entry, batch as logged } from '../conformance/request-log.ts';
import { startRedis } from '../support/redis.ts';
import { startCluster } from '../support/redis-cluster.ts';

// What every gateway writes is in parts, that a cluster may have on several nodes. Gateways of older versions have it in
// one, and may run at the same time.

const TODAY = dayOf(Date.now());
const PARTS = Array.from({ length: 16 }, (_, i): `all:${number}` => `all:${i}`);

function batch(writer: string, number: number, days: readonly number[] = [TODAY]): UsageBatch {
  const counted = {
    hours: { 4: { requests: 1, errors: 1, timeUs: 9 } },
    endpoints: { '/api/*': 1 },
    methods: { GET: 1 },
    denials: { rate_limited: 1 },
  };
  return {
    writer,
    number,
    uses: [],
    deltas: days.map((day) => ({ scope: 'all', day, ...counted })),
    keepFrom: TODAY - 90,
  };
}

/** What so many of these batches come to. */
function sumOf(requests: number, day = TODAY): UsageDay {
  return {
    day,
    hours: { 4: { requests, errors: requests, timeUs: 9 * requests } },
    endpoints: { '/api/*': requests },
    methods: { GET: requests },
    denials: { rate_limited: requests },
  };
}

/** Counts as an older version does: all processes under one name. */
async function countAsBefore(raw: Redis | Cluster, requests: number, day: number): Promise<void> {
  const fields = { h4r: requests, h4t: 9 * requests, h4e: requests, 'p/api/*': requests, mGET: requests };
  for (const [field, count] of Object.entries({ ...fields, drate_limited: requests })) {
    await raw.hincrby(`lk:usage:{all}:${day}`, field, count);
  }
  await raw.hincrby('lk:usage:{all}:days', String(day), requests);
}

async function check(t: Test, url: string, raw: Redis | Cluster): Promise<void> {
  const { usage, requests: log, close } = await openRedisStore({ url, timeoutMs: 10_000 });
  t.teardown(close);
  t.teardown(() => raw.disconnect());

  await t.test('what all gateways count is in several parts, each process in one of them', async (t) => {
    const writers = Array.from({ length: 200 }, (_, i) => `process-${i}`);
    for (const number of [1, 2]) {
      await Promise.all(writers.map((writer) => usage.record(batch(writer, number))));
      // Sent again, as when no answer came, it is in the same part.
      await Promise.all(writers.map((writer) => usage.record(batch(writer, number))));
    }
    t.strictSame(await usage.days('all', TODAY, TODAY), [sumOf(400)]);
    const parts = await Promise.all(PARTS.map((part) => raw.hget(daysName(part), String(TODAY))));
    t.ok(
      parts.every((requests) => Number(requests) > 0),
      'all parts are used',
    );
    t.equal(
      parts.reduce((sum, requests) => sum + Number(requests), 0),
      400,
    );
    t.equal(await raw.exists(daysName('all')), 0);
  });

  await t.test('what gateways of an older version counted, and still count, is in the sum', async (t) => {
    await countAsBefore(raw, 50, TODAY);
    await countAsBefore(raw, 7, TODAY - 1);
    t.strictSame(await usage.days('all', TODAY - 5, TODAY), [sumOf(7, TODAY - 1), sumOf(450)]);
    await usage.record(batch('process-1', 3, [TODAY - 2, TODAY - 1, TODAY]));
    await countAsBefore(raw, 1, TODAY);
    const days = [sumOf(1, TODAY - 2), sumOf(8, TODAY - 1), sumOf(452)];
    t.strictSame(await usage.days('all', TODAY - 5, TODAY), days, 'oldest first, each day once');
    t.strictSame(await usage.days('all', TODAY - 1, TODAY - 1), [sumOf(8, TODAY - 1)]);
    for (const [part, day] of [
      ['all', TODAY],
      ['all', TODAY - 1],
      [partOf('all', 'process-1'), TODAY - 2],
    ] as const) {
      await raw.del(countsName(part, day));
    }
    t.strictSame(
      (await usage.days('all', TODAY - 5, TODAY)).map(({ day }) => day),
      [TODAY - 1, TODAY],
      'days of which nothing is left are left out',
    );
  });

  await t.test('keys with a log are in many lists', async (t) => {
    const ids = Array.from({ length: 500 }, (_, i) => `key_list_${i}`);
    await log.append(ids.map((id) => logged(id, [entry(id)])));
    const sizes = await Promise.all(LOGS.map((list) => raw.zcard(list)));
    t.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      500,
    );
    t.ok(Math.max(...sizes) < 20, `${Math.max(...sizes)} in the longest`);
  });

  await t.test('logs that an older version listed are forgotten when they are due, and it may list more', async (t) => {
    const now = Date.now();
    const ids = Array.from({ length: 500 }, (_, i) => `key_old_${i}`);
    const old = (id: string): ReturnType<typeof entry> => entry(id, { at: now - 3_000_000, requestId: 'old' });
    // Each has an entry that expires in ten minutes, and one that does in an hour.
    await log.append(ids.map((id) => logged(id, [old(id), entry(id, { at: now })], { retentionMs: 3_600_000 })));
    const listAsBefore = async (): Promise<void> => {
      await Promise.all(ids.map((id) => raw.zrem(logsName(id), id)));
      await raw.zadd(OLD_LOGS, ...ids.flatMap((id) => [now + 600_000, id]));
    };
    const kept = async (): Promise<(string | undefined)[]> => {
      const pages = await Promise.all(ids.map((keyId) => log.read({ keyId, limit: 5, order: 'oldest' })));
      return pages.map(({ entries }) => entries.map(({ requestId }) => requestId).join());
    };
    await listAsBefore();
    // A gateway of this version writes to a log before the list was moved: it says when that entry expires, not the first.
    await log.append(ids.map((id) => logged(id, [entry(id, { at: now })], { retentionMs: 3_600_000 })));
    while ((await log.prune(now)) > 0);
    t.equal(await raw.exists(OLD_LOGS), 0);
    t.equal(Number(await raw.zscore(logsName('key_old_0'), 'key_old_0')), now + 600_000, 'the earlier time holds');
    t.strictSame(new Set(await kept()), new Set(['old,req-1,req-1']));
    await raw.zadd(OLD_LOGS, 'NX', ...ids.flatMap((id) => [now + 3_600_000, id]));
    while ((await log.prune(now + 600_000)) > 0);
    t.strictSame(new Set(await kept()), new Set(['req-1,req-1']));
    t.equal(await raw.exists(OLD_LOGS), 0);
    t.equal(Number(await raw.zscore(logsName('key_old_0'), 'key_old_0')), now + 3_600_000);
  });
}

t.test('a single server', async (t) => {
  const server = await startRedis();
  t.teardown(() => server.stop());
  await check(t, server.url, new Redis(server.url, { protocol: 2 }));
});

t.test('a cluster of six nodes', async (t) => {
  const cluster = await startCluster();
  t.teardown(() => cluster.stop());
  const hosts = cluster.nodes.map(({ server }) => ({ host: '127.0.0.1', port: server.port }));
  const raw = new Cluster(hosts, { redisOptions: { protocol: 2 } });
  const nodes = new Set<unknown>();
  for (const part of PARTS) {
    const slot = Number(await cluster.nodes[0]?.raw.cluster('KEYSLOT', daysName(part)));
    nodes.add(await cluster.primaryOf(slot));
  }
  t.equal(nodes.size, 3, 'every primary has some of the parts');
  await check(t, cluster.url, raw);
});
