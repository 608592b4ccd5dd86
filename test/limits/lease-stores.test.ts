import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import t, { type Test } from 'tap';
import type { LoadedKey } from '../../src/core/decision.ts';
import type { Lease, Limits } from '../../src/core/limits.ts';
import type { LimitLedger, Store } from '../../src/core/ports.ts';
import { LedgerLimiter } from '../../src/limits/limiter.ts';
import { openRedisStore } from '../../src/stores/redis/index.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import { ManualClock } from '../support/clock.ts';
import { loadedKey, sqlitePath } from '../support/keys.ts';
import { startRedis } from '../support/redis.ts';

/** Only the day's limit is ever met: no hour that ends while this runs gets in its way. */
const LIMITS: Limits = { perHour: 1_000_000_000, perDay: 2_000, burst: 1_000_000 };
const TIMEOUT_MS = 10_000;

/** Two gateways on one store. */
interface Pair {
  readonly stores: readonly [Store, Store];
  /** Breaks the store; absent where nothing can. */
  readonly kill?: () => Promise<void>;
}

async function sqlitePair(t: Test): Promise<Pair> {
  const path = sqlitePath();
  const clock = new ManualClock();
  const open = (): Promise<Store> => openSqliteStore({ path, timeoutMs: TIMEOUT_MS, clock });
  const stores = [await open(), await open()] as const;
  t.teardown(async () => {
    for (const store of stores) await store.close();
    rmSync(dirname(path), { recursive: true, force: true });
  });
  return { stores };
}

async function redisPair(t: Test): Promise<Pair> {
  const server = await startRedis();
  const open = (): Promise<Store> => openRedisStore({ url: server.url, timeoutMs: TIMEOUT_MS });
  const stores = [await open(), await open()] as const;
  t.teardown(async () => {
    for (const store of stores) await store.close();
    await server.stop();
  });
  return { stores, kill: () => server.kill() };
}

/** A gateway whose own time stands still until the test turns it, however slow the machine is. */
class Gateway {
  readonly limiter: LedgerLimiter;
  readonly key: LoadedKey;
  elapsed = 1;

  constructor(ledger: LimitLedger, keyId: string, limits = LIMITS) {
    this.limiter = new LedgerLimiter(ledger, { now: () => Date.now() }, 100, () => this.elapsed);
    this.key = loadedKey({ id: keyId, limits });
  }

  async flood(requests: number): Promise<number> {
    const leases = await Promise.all(Array.from({ length: requests }, async () => this.limiter.admit(this.key)));
    return leases.filter(({ granted }: Lease) => granted === 1).length;
  }

  /** What it holds ahead ends, and goes back. */
  async expire(ledger: LimitLedger): Promise<void> {
    this.elapsed += 1_500;
    this.limiter.sweep();
    // Answered after what was sent before; twice, since Redis may first have to be given the script that takes it back.
    for (let i = 0; i < 2; i++) await ledger.lease('another key', LIMITS, 1);
  }
}

for (const [name, open] of [
  ['Redis', redisPair],
  ['SQLite, shared by two', sqlitePair],
] as const) {
  t.test(`${name}: two gateways take ahead and together admit the limit, and not one more`, async (t) => {
    const { stores } = await open(t);
    const gateways = stores.map(({ limits }) => new Gateway(limits, 'key_of_two'));
    let admitted = 0;
    for (let round = 0; round < 60; round++) {
      const counts = await Promise.all(gateways.map((gateway) => gateway.flood(35)));
      for (const count of counts) admitted += count;
      for (const gateway of gateways) gateway.elapsed += 100;
    }
    t.ok(admitted <= LIMITS.perDay && admitted > LIMITS.perDay * 0.8, `${admitted} of ${LIMITS.perDay}`);
    for (const [i, gateway] of gateways.entries()) await gateway.expire((stores[i] as Store).limits);
    for (const gateway of gateways) admitted += await gateway.flood(1_000);
    t.equal(admitted, LIMITS.perDay);
    const stats = gateways.map(({ limiter }) => limiter.stats);
    const asked = stats.reduce((sum, { asked }) => sum + asked, 0);
    t.ok(stats.every(({ spentAhead }) => spentAhead > 500));
    t.ok(asked < 400, `${asked} questions for 6,200 requests`);
  });

  t.test(`${name}: a gateway that stops gives back all that it holds`, async (t) => {
    const { stores } = await open(t);
    const [one, two] = [
      new Gateway(stores[0].limits, 'key_that_stops'),
      new Gateway(stores[1].limits, 'key_that_stops'),
    ];
    // Two that count: from here on the ledger is far.
    await two.flood(1);
    for (let i = 0; i < 5; i++) await one.flood(40);
    t.ok(one.limiter.stats.spentAhead > 0);
    t.ok(one.limiter.stats.open > 0);
    await one.limiter.close();
    t.match(await stores[1].limits.lease('key_that_stops', LIMITS, 1), { dayRemaining: LIMITS.perDay - 202 });
  });
}

t.test(
  'Redis that dies: what was taken ahead is spent, then the gateway is alone, and keeps to the limit',
  async (t) => {
    const { stores, kill } = await redisPair(t);
    const gateway = new Gateway(stores[0].limits, 'key_of_the_dead', { ...LIMITS, perDay: 200 });
    let admitted = 0;
    for (let i = 0; i < 2; i++) admitted += await gateway.flood(40);
    admitted += await gateway.flood(1);
    const { asked } = gateway.limiter.stats;
    await kill?.();
    t.equal(await gateway.flood(10), 10);
    t.match(gateway.limiter.stats, { asked, fallbacks: 0 });
    admitted += 10 + (await gateway.flood(300));
    t.ok(gateway.limiter.stats.fallbacks > 0);
    t.equal(admitted, 200);
  },
);
