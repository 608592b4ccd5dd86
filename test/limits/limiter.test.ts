import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import type { LoadedKey } from '../../src/core/decision.ts';
import type { Lease } from '../../src/core/limits.ts';
import { LedgerLimiter } from '../../src/limits/limiter.ts';
import { ManualClock } from '../support/clock.ts';
import { loadedKey, sqliteStore } from '../support/keys.ts';
import { HeldLedger, SyncLedger } from './ledgers.ts';

const HOUR = 3_600_000;

function setUp(maxKeys = 100): { clock: ManualClock; ledger: SyncLedger; limiter: LedgerLimiter } {
  const clock = new ManualClock();
  const ledger = new SyncLedger(clock);
  return { clock, ledger, limiter: new LedgerLimiter(ledger, clock, maxKeys) };
}

async function admit(limiter: LedgerLimiter, key: LoadedKey): Promise<Lease> {
  return limiter.admit(key);
}

async function admitted(limiter: LedgerLimiter, key: LoadedKey, requests: number): Promise<number> {
  let count = 0;
  for (let i = 0; i < requests; i++) count += (await admit(limiter, key)).granted;
  return count;
}

t.test('each request takes one admission from the shared ledger', async (t) => {
  const { ledger, limiter } = setUp();
  const key = loadedKey({ limits: { perHour: 3 } });
  t.match(limiter.admit(key), { granted: 1, hourRemaining: 2 }, 'at once');
  t.equal(await admitted(limiter, key, 5), 2);
  t.match(await admit(limiter, key), { granted: 0, refusedBy: 'hour' });
  t.equal(ledger.asked.length, 7);
  t.match(
    limiter.stats,
    { fallbacks: 0, ledgerErrors: 0, asked: 7, spentAhead: 0 },
    'one that answers at once is asked each time',
  );
});

t.test('it works the same on a real store, where answers take a while', async (t) => {
  const clock = new ManualClock();
  const store = await sqliteStore(t, clock);
  const limiter = new LedgerLimiter(store.limits, clock, 100);
  const key = loadedKey({ limits: { perHour: 5 } });
  const leases = await Promise.all(Array.from({ length: 8 }, async () => limiter.admit(key)));
  t.equal(leases.filter((lease) => lease.granted === 1).length, 5);
});

t.test('while the ledger is down the limits go on from how they last stood', async (t) => {
  const { ledger, limiter } = setUp();
  const key = loadedKey({ limits: { perHour: 10 } });
  t.equal(await admitted(limiter, key, 4), 4);
  ledger.down = true;
  t.match(await admit(limiter, key), { granted: 1, hourRemaining: 5 });
  t.equal(await admitted(limiter, key, 20), 5, 'ten in all, no more');
  t.match(await admit(limiter, key), { granted: 0, refusedBy: 'hour', retryAfterMs: HOUR / 2 });
  t.equal(limiter.stats.fallbacks, 22);
});

t.test('while the ledger is down a new hour brings new admissions, and burst is refilled', async (t) => {
  const { clock, ledger, limiter } = setUp();
  const key = loadedKey({ limits: { perHour: 3_600, burst: 2 } });
  ledger.down = true;
  t.equal(await admitted(limiter, key, 5), 2, 'a key that was not seen before starts afresh');
  t.match(await admit(limiter, key), { granted: 0, refusedBy: 'burst' });
  clock.advance(1_000);
  t.equal(await admitted(limiter, key, 5), 1);
  const scarce = loadedKey({ limits: { perHour: 3, burst: 100 } });
  t.equal(await admitted(limiter, scarce, 5), 3);
  clock.advance(HOUR);
  t.equal(await admitted(limiter, scarce, 5), 3);
});

t.test('the ledger is asked again by one request every half second', async (t) => {
  const { clock, ledger, limiter } = setUp();
  const key = loadedKey();
  ledger.down = true;
  await admitted(limiter, key, 50);
  t.equal(ledger.asked.length, 1);
  clock.advance(499);
  await admitted(limiter, key, 50);
  t.equal(ledger.asked.length, 1);
  clock.advance(1);
  await admitted(limiter, key, 50);
  t.equal(ledger.asked.length, 2);
  t.match(limiter.stats, { fallbacks: 151 - 1, ledgerErrors: 2 });
});

t.test('a clock that is set back does not keep the process alone', async (t) => {
  const { clock, ledger, limiter } = setUp();
  const key = loadedKey();
  ledger.down = true;
  await admit(limiter, key);
  ledger.down = false;
  clock.advance(-HOUR);
  await admit(limiter, key);
  t.equal(ledger.asked.length, 2, 'the ledger was asked again');
});

t.test('when the ledger is back it is told what was admitted without it', async (t) => {
  const { clock, ledger, limiter } = setUp();
  const [one, two] = [loadedKey(), loadedKey()];
  await admitted(limiter, one, 2);
  ledger.down = true;
  await admitted(limiter, one, 5);
  await admitted(limiter, two, 3);
  ledger.down = false;
  clock.advance(500);
  ledger.asked.length = 0;
  await admit(limiter, one);
  t.strictSame(ledger.asked, [{ keyId: one.record.id, want: 1, owed: 5 }]);
  limiter.sweep();
  await turn();
  t.strictSame(ledger.asked.slice(1), [{ keyId: two.record.id, want: 0, owed: 3 }], 'also of a key that nobody uses');
  t.match(await admit(limiter, one), { hourRemaining: 1_000 - 2 - 5 - 1 - 1 });
  t.match(await admit(limiter, two), { hourRemaining: 1_000 - 3 - 1 });
});

t.test('what was admitted in an hour that has passed is not charged to this one', async (t) => {
  const { clock, ledger, limiter } = setUp();
  const key = loadedKey();
  ledger.down = true;
  await admitted(limiter, key, 90);
  clock.advance(HOUR);
  await admitted(limiter, key, 4);
  ledger.down = false;
  clock.advance(500);
  await admit(limiter, key);
  await turn();
  t.match(await admit(limiter, key), { hourRemaining: 1_000 - 4 - 2 });
});

t.test('a ledger that comes and goes does not make the limit larger for this process', async (t) => {
  const { clock, ledger, limiter } = setUp();
  const key = loadedKey({ limits: { perHour: 10 } });
  const other = loadedKey();
  await admitted(limiter, key, 2);
  ledger.down = true;
  t.equal(await admitted(limiter, key, 5), 5);
  // Back for one request of another key, and gone before it can be told.
  ledger.down = false;
  clock.advance(500);
  await admit(limiter, other);
  ledger.down = true;
  await turn();
  t.equal(await admitted(limiter, key, 20), 3);
});

t.test('what a ledger could not be told, since it was gone again, is still owed to it', async (t) => {
  const { clock, ledger, limiter } = setUp();
  const key = loadedKey({ limits: { perHour: 20 } });
  t.equal(await admitted(limiter, key, 5), 5);
  ledger.down = true;
  t.equal(await admitted(limiter, key, 9), 9);
  // It answers about another key, and is gone before it is told of the nine.
  ledger.down = false;
  t.equal((await admit(limiter, loadedKey())).granted, 1);
  ledger.down = true;
  clock.advance(500);
  limiter.sweep();
  await turn();
  t.equal(await admitted(limiter, key, 30), 6, 'fourteen of twenty were used up');
  ledger.down = false;
  clock.advance(500);
  t.equal((await admit(limiter, key)).granted, 0, 'and it counts all of them once it is told');
  t.equal(ledger.peek(key.record.id).state?.hourUsed, 20);
});

t.test('a ledger that fails for one key is asked about the others as before', async (t) => {
  const { clock, ledger, limiter } = setUp();
  const [bad, good, owing] = [loadedKey(), loadedKey({ limits: { perHour: 10 } }), loadedKey()];
  ledger.down = true;
  await admitted(limiter, owing, 4);
  ledger.down = false;
  ledger.failsFor = bad.record.id;
  for (let i = 0; i < 5; i++) {
    t.equal((await admit(limiter, bad)).granted, 1);
    await admit(limiter, good);
    clock.advance(500);
    limiter.sweep();
    await turn();
  }
  t.equal(ledger.peek(good.record.id).state?.hourUsed, 5);
  t.equal(ledger.peek(owing.record.id).state?.hourUsed, 4, 'and told of what it is owed of them');
  t.equal(limiter.stats.fallbacks, 4 + 5);
  ledger.lease(good.record.id, good.limits, 5);
  t.equal((await admit(limiter, good)).granted, 0, 'others have taken the rest');
});

t.test(
  'what the burst let through in an outage counts for hour and day, though the bucket has no room for it',
  async (t) => {
    const { clock, ledger, limiter } = setUp();
    const key = loadedKey({ limits: { perHour: 36_000, perDay: 200, burst: 10 } });
    ledger.down = true;
    let alone = 0;
    for (let second = 0; second < 16; second++) {
      alone += await admitted(limiter, key, 20);
      clock.advance(1_000);
    }
    t.equal(alone, 10 + 15 * 10);
    ledger.down = false;
    let after = 0;
    for (let second = 0; second < 20; second++) {
      after += await admitted(limiter, key, 20);
      clock.advance(1_000);
    }
    t.equal(alone + after, 200);
  },
);

t.test('what was admitted in an earlier hour of an outage counts for the day', async (t) => {
  const { clock, ledger, limiter } = setUp();
  const key = loadedKey({ limits: { perHour: 60, perDay: 100 } });
  ledger.down = true;
  t.equal(await admitted(limiter, key, 90), 60);
  clock.advance(HOUR);
  ledger.down = false;
  t.equal(await admitted(limiter, key, 90), 40);
  t.match(ledger.peek(key.record.id).state, { hourUsed: 40, dayUsed: 100 });
});

t.test('a process that ends tells what it owes', async (t) => {
  const { ledger, limiter } = setUp();
  const keys = Array.from({ length: 40 }, () => loadedKey());
  ledger.down = true;
  for (const key of keys) await admitted(limiter, key, 2);
  ledger.down = false;
  await limiter.close();
  t.strictSame(new Set(keys.map((key) => ledger.peek(key.record.id).state?.hourUsed)), new Set([2]));
});

t.test('a process that ends does not tell a ledger for long that takes its time to fail', async (t) => {
  const { clock, ledger, limiter } = setUp();
  ledger.down = true;
  for (let i = 0; i < 90; i++) await admit(limiter, loadedKey());
  ledger.asked.length = 0;
  const lease = ledger.lease.bind(ledger);
  ledger.lease = (...asked) => {
    clock.advance(100);
    return lease(...asked);
  };
  await limiter.close();
  t.equal(ledger.asked.length, 16, 'those that are told together');
});

t.test('answers that were under way when the ledger failed are not lost', async (t) => {
  const clock = new ManualClock();
  const ledger = new SyncLedger(clock);
  const held = new HeldLedger(ledger);
  const limiter = new LedgerLimiter(held, clock, 10);
  const key = loadedKey({ limits: { perHour: 10 } });
  const leases = [limiter.admit(key), limiter.admit(key), limiter.admit(key)];
  t.equal(held.waiting, 1, 'the others wait for that answer');
  held.answer();
  t.match(await leases[0], { granted: 1, hourRemaining: 9 });
  t.equal(held.waiting, 1, 'and share the next question');
  ledger.down = true;
  held.answer();
  t.match(await leases[1], { granted: 1, hourRemaining: 8 }, 'decided alone, after the one that was counted');
  t.match(await leases[2], { granted: 1, hourRemaining: 7 });
});

t.test('keys beyond the bound still keep to their limits during an outage', async (t) => {
  const { ledger, limiter } = setUp(2);
  const keys = Array.from({ length: 5 }, () => loadedKey({ limits: { perHour: 3 } }));
  ledger.down = true;
  const counts = keys.map(() => 0);
  for (let round = 0; round < 6; round++) {
    for (const [i, key] of keys.entries()) counts[i] = (counts[i] ?? 0) + (await admit(limiter, key)).granted;
  }
  t.strictSame(counts, [3, 3, 3, 3, 3]);
});

t.test('a mistake in a ledger is not taken for an outage', async (t) => {
  const clock = new ManualClock();
  const mistaken = {
    lease(): Lease {
      throw new TypeError('a mistake');
    },
    peek: () => t.fail('nobody asked for that') as never,
    release(): void {},
  };
  t.throws(() => new LedgerLimiter(mistaken, clock, 10).admit(loadedKey()), TypeError);
});

t.test('what a request was told of its limits does not change with later requests', async (t) => {
  const { limiter } = setUp();
  const key = loadedKey();
  const first = await limiter.admit(key);
  const told = { ...first };
  const second = await limiter.admit(key);
  t.strictSame(first, told);
  t.strictSame(key.recent.lease, second);
  t.not(key.recent.lease, second, 'what is remembered is an object of its own');
});
