/**
 * What gateways ask of Redis, and what it costs there: how many questions the lease book needs by how often a key is used,
 * and the CPU of the server and of this process for each kind of question. docs/scaling.md has the figures.
 *
 *   node bench/micro/redis-work.ts [seconds for the lease book]
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type LoadedKey, noRecentUse, noTexts } from '../../src/core/decision.ts';
import type { Limits } from '../../src/core/limits.ts';
import { compilePermissions } from '../../src/core/permission.ts';
import type { LimitLedger, Store } from '../../src/core/ports.ts';
import { LeaseBook } from '../../src/limits/lease-book.ts';
import { openStore } from '../../src/stores/open.ts';
import { grantField, limitName } from '../../src/stores/redis/layout.ts';
import { LEASE } from '../../src/stores/redis/scripts.ts';
import { startRedis } from '../../test/support/redis.ts';
import { UNRESTRICTED } from '../key-record.ts';
import { sampleBatch, sampleId, sampleKey, sampleLog } from '../samples.ts';

const NOW = Date.now();
/** Requests of one key in a second. */
const RATES = [1, 10, 100, 1_000];
const SWEEP_MS = 200;
/** So large that none of them is near. */
const LIMITS: Limits = { perHour: 100_000_000, perDay: 100_000_000, burst: 1_000_000 };
const KEYS = 10_000;
const CONCURRENCY = 200;
const DAY_MS = 86_400_000;

interface Asked {
  leases: number;
  releases: number;
}

function counting(ledger: LimitLedger, asked: Asked): LimitLedger {
  return {
    lease: (...args) => {
      asked.leases++;
      return ledger.lease(...args);
    },
    peek: (keyId) => ledger.peek(keyId),
    release: (...args) => {
      asked.releases++;
      return ledger.release(...args);
    },
  };
}

/** Uses a key so many times a second, evenly, through a lease book of its own. */
async function useKey(store: Store, rate: number, seconds: number): Promise<void> {
  const asked: Asked = { leases: 0, releases: 0 };
  const elapsed = (): number => performance.now();
  const book = new LeaseBook({ ledger: counting(store.limits, asked), elapsed });
  const record = sampleKey(rate, NOW, UNRESTRICTED);
  const key: LoadedKey = {
    id: record.id,
    type: record.type,
    owner: record.owner,
    worksUntil: Number.POSITIVE_INFINITY,
    previousWorksUntil: Number.NEGATIVE_INFINITY,
    record,
    permissions: compilePermissions(),
    limits: LIMITS,
    restrictions: [],
    shadowsLimits: false,
    permissionsHeader: '',
    texts: noTexts(),
    recent: noRecentUse(),
  };
  const sweeping = setInterval(() => book.sweep(), SWEEP_MS);
  const began = elapsed();
  const last = rate * seconds;
  const waiting: unknown[] = [];
  for (let sent = 0; sent < last; ) {
    for (; sent < last && elapsed() - began >= (sent * 1_000) / rate; sent++) {
      if (book.spend(key) === null) waiting.push(book.take(key));
    }
    await delay(1);
  }
  await Promise.all(waiting);
  clearInterval(sweeping);
  const questions = asked.leases + asked.releases;
  process.stdout.write(
    `| ${rate} | ${asked.leases} | ${asked.releases} | ${last} | ${(questions / last).toFixed(3)} |\n`,
  );
  await book.giveBackAll();
}

async function serverCpuUs(client: Redis): Promise<number> {
  const text = await client.info('cpu');
  const seconds = [...text.matchAll(/used_cpu_(?:sys|user):([\d.]+)/g)].map(([, value]) => Number(value));
  return 1e6 * seconds.reduce((sum, value) => sum + value, 0);
}

/** Does something so many times, and prints what each took, in microseconds of CPU. @param per what one call stands for */
async function cost(
  client: Redis,
  what: string,
  calls: number,
  work: (i: number) => Promise<unknown>,
  per = 1,
): Promise<void> {
  const run = async (from: number, count: number): Promise<void> => {
    for (let start = from; start < from + count; start += CONCURRENCY) {
      await Promise.all(Array.from({ length: Math.min(CONCURRENCY, from + count - start) }, (_, i) => work(start + i)));
    }
  };
  await run(0, Math.ceil(calls / 4));
  const server = await serverCpuUs(client);
  const own = process.cpuUsage();
  await run(Math.ceil(calls / 4), calls);
  const { user, system } = process.cpuUsage(own);
  const serverUs = ((await serverCpuUs(client)) - server) / calls / per;
  process.stdout.write(`| ${what} | ${serverUs.toFixed(1)} | ${((user + system) / calls / per).toFixed(1)} |\n`);
}

async function costs(store: Store, client: Redis): Promise<void> {
  await client.script('LOAD', LEASE.lua);
  const lease = (i: number): Promise<unknown> => {
    const { perHour, perDay, burst } = LIMITS;
    const name = limitName(sampleId(i % KEYS));
    return client.evalsha(LEASE.sha, 1, name, grantField(0), `process0${i}`, perHour, perDay, burst, 1, 0, '', '');
  };
  await cost(client, 'lease, a script for each', 40_000, lease);
  await cost(client, 'lease, up to 200 in one script', 100_000, async (i) =>
    store.limits.lease(sampleId(i % KEYS), LIMITS, 1),
  );
  let number = 0;
  const shape = { hours: 1, routes: 1 };
  await cost(
    client,
    'usage of a key and second, 50 in one script',
    200,
    (i) =>
      store.usage.record(
        sampleBatch(
          'one',
          ++number,
          Array.from({ length: 50 }, (_, n) => (50 * i + n) % KEYS),
          NOW,
          shape,
        ),
      ),
    50,
  );
  await cost(client, 'usage of a key and second, a script for each', 10_000, (i) =>
    store.usage.record(sampleBatch('two', ++number, [i % KEYS], NOW, shape)),
  );
  await cost(client, 'logged request', 10_000, (i) => store.requests.append([sampleLog(i % KEYS, 1, Date.now())]));
  for (let i = 0; i < 1_000; i++) await store.keys.create(sampleKey(i, NOW, UNRESTRICTED));
  const { cursor } = await store.keys.changesSince(null);
  await cost(client, 'key that a gateway does not know (GET, HGET)', 10_000, async (i) =>
    store.keys.findByDigest(sampleKey(i % 1_000, NOW, UNRESTRICTED).secret.digest),
  );
  await cost(client, 'poll, nothing changed (XRANGE, GET)', 20_000, async () => store.keys.changesSince(cursor));
  await cost(client, 'report of a gateway', 20_000, (i) =>
    store.gateways.report({ id: `gw_${i % 100}`, name: `gateway-${i % 100}`, cursor }),
  );
  await cost(client, 'look of a receipt at 100 gateways', 5_000, () => store.gateways.progress(cursor));
  await cost(client, 'key created, no audit entry', 5_000, (i) =>
    store.keys.create(sampleKey(10_000 + i, NOW - DAY_MS, UNRESTRICTED)),
  );
}

const seconds = Number(process.argv[2] ?? '10');
if (!(seconds >= 1)) {
  process.stderr.write('usage: node bench/micro/redis-work.ts [seconds for the lease book]\n');
  process.exit(2);
}
const server = await startRedis();
const client = new Redis(server.port, '127.0.0.1');
const store = await openStore({ kind: 'redis', url: server.url, timeoutMs: 30_000 }, { now: () => NOW });
try {
  process.stdout.write(
    '| requests/s of a key | leases | given back | requests | questions for each |\n|---|---|---|---|---|\n',
  );
  await Promise.all(RATES.map((rate) => useKey(store, rate, seconds)));
  process.stdout.write('\n| | Redis CPU, µs | CPU here, µs |\n|---|---|---|\n');
  await costs(store, client);
} finally {
  await store.close();
  client.disconnect();
  await server.stop();
}
