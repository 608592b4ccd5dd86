import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import type { LoadedKey } from '../../src/core/decision.ts';
import { HOUR_MS, type Lease } from '../../src/core/limits.ts';
import type { LimitLedger } from '../../src/core/ports.ts';
import { LedgerLimiter } from '../../src/limits/limiter.ts';
import { ManualClock } from '../support/clock.ts';
import { loadedKey } from '../support/keys.ts';
import { FarLedger, HeldLedger, SyncLedger } from './ledgers.ts';

const AMPLE = { perHour: 1_000_000, perDay: 100_000_000, burst: 100_000 };

function setUp(ledgerOver: (near: SyncLedger) => LimitLedger = (near) => new FarLedger(near)) {
  const clock = new ManualClock();
  const near = new SyncLedger(clock);
  const ledger = ledgerOver(near);
  return { clock, near, ledger, limiter: new LedgerLimiter(ledger, clock, 100) };
}

async function flood(limiter: LedgerLimiter, key: LoadedKey, requests: number): Promise<Lease[]> {
  return Promise.all(Array.from({ length: requests }, async () => limiter.admit(key)));
}

const admitted = (leases: readonly Lease[]): number => leases.filter(({ granted }) => granted === 1).length;

t.test('when the ledger fails, all that wait for it are decided alone, and no more than the limit', async (t) => {
  const { clock, near, limiter } = setUp();
  const key = loadedKey({ limits: { ...AMPLE, perHour: 100 } });
  t.equal(admitted(await flood(limiter, key, 50)), 50);
  near.down = true;
  t.equal(admitted(await flood(limiter, key, 200)), 50);
  t.equal(limiter.stats.fallbacks, 200);
  near.down = false;
  clock.advance(500);
  t.equal(admitted(await flood(limiter, key, 10)), 0, 'the ledger is told before it is asked for more');
  t.equal(near.peek(key.record.id).state?.hourUsed, 100, 'and nothing that is held ahead is in its way');
});

t.test('nothing is left waiting when questions fail, nor held when they are answered', async (t) => {
  const { clock, near, limiter } = setUp();
  const keys = Array.from({ length: 3 }, () => loadedKey({ limits: AMPLE }));
  let used = 0;
  for (let round = 0; round < 12; round++) {
    near.down = round % 3 === 1;
    for (const key of keys) used += admitted(await flood(limiter, key, 20));
    clock.advance(400);
    limiter.sweep();
  }
  near.down = false;
  clock.advance(1_000);
  for (const key of keys) used += admitted(await flood(limiter, key, 1));
  clock.advance(1_000);
  await turn();
  limiter.sweep();
  await turn();
  t.equal(limiter.stats.open, 0);
  const counted = keys.map((key) => near.peek(key.record.id).state?.hourUsed ?? 0);
  const lost = counted.reduce((sum, count) => sum + count) - used;
  t.ok(lost >= 0 && lost <= 3 * 4 * 20, `${lost} were counted that nobody used: held when the ledger failed`);
});

t.test('what was taken ahead is spent while the ledger is down, and does not make it look well', async (t) => {
  const { clock, near, limiter } = setUp();
  const [busy, other] = [loadedKey({ limits: AMPLE }), loadedKey({ limits: AMPLE })];
  await flood(limiter, other, 1);
  await flood(limiter, busy, 50);
  await flood(limiter, busy, 1);
  const left = 50;
  near.down = true;
  await flood(limiter, other, 1);
  const { asked, fallbacks } = limiter.stats;
  clock.advance(600);
  t.equal(admitted(await flood(limiter, busy, 20)), 20);
  t.match(limiter.stats, { asked, fallbacks }, 'neither asked nor decided alone');
  t.equal(near.peek(busy.record.id).state?.hourUsed, 51 + left);
  await turn();
  await flood(limiter, other, 1);
  t.equal(limiter.stats.asked, asked + 1, 'the other key asks again, after half a second');
  await flood(limiter, other, 1);
  t.match(limiter.stats, { asked: asked + 1, fallbacks: fallbacks + 2 }, 'and is alone again');
});

t.test('what the bucket had no room for counts for hour and day', async (t) => {
  const { clock, near, limiter } = setUp();
  const key = loadedKey({ limits: { perHour: 3_600, perDay: 100, burst: 60 } });
  near.down = true;
  t.equal(admitted(await flood(limiter, key, 60)), 60);
  // Others have emptied the bucket meanwhile.
  near.down = false;
  near.lease(key.record.id, key.limits, 30);
  clock.advance(500);
  await flood(limiter, key, 1);
  await turn();
  t.equal(near.peek(key.record.id).state?.dayUsed, 90);
  near.down = true;
  clock.advance(600_000);
  t.equal(admitted(await flood(limiter, key, 100)), 100 - 60 - 30, 'the process still knows of the others');
});

t.test('an outage of an hour that has ended is not told', async (t) => {
  const { clock, near, limiter } = setUp();
  const [key, other] = [loadedKey({ limits: AMPLE }), loadedKey({ limits: AMPLE })];
  near.down = true;
  await flood(limiter, key, 60);
  near.down = false;
  clock.advance(HOUR_MS);
  await flood(limiter, other, 1);
  await turn();
  t.equal(near.peek(key.record.id).state, null);
});

/** Over a ledger whose answers the test gives. */
function setUpSlow() {
  const held: HeldLedger[] = [];
  const made = setUp((near) => {
    const ledger = new HeldLedger(near);
    held.push(ledger);
    return ledger;
  });
  const slow = held[0] as HeldLedger;
  const allAnswered = async <T>(of: Promise<T>): Promise<T> => {
    while (slow.waiting > 0) {
      slow.answer();
      await turn();
    }
    return of;
  };
  return { ...made, slow, allAnswered };
}

t.test('while an answer may still come, nobody decides alone about that key', async (t) => {
  const { clock, near, limiter, slow, allAnswered } = setUpSlow();
  const [key, other] = [loadedKey({ limits: { ...AMPLE, perHour: 60 } }), loadedKey({ limits: AMPLE })];
  t.equal(admitted(await allAnswered(flood(limiter, key, 50))), 50);
  // Two questions are under way; the first to be answered fails.
  const failing = flood(limiter, other, 1);
  const asking = flood(limiter, key, 1);
  near.down = true;
  slow.answer();
  await failing;
  const more = flood(limiter, key, 50);
  near.down = false;
  t.equal(admitted(await allAnswered(asking)), 1);
  t.equal(admitted(await allAnswered(more)), 9);
  t.equal(near.peek(key.record.id).state?.hourUsed, 60);
  near.down = true;
  clock.advance(2_000);
  t.equal(admitted(await allAnswered(flood(limiter, key, 50))), 0);
});

t.test('a ledger that is back grants nothing before it was told', async (t) => {
  const { clock, near, limiter, allAnswered } = setUpSlow();
  const key = loadedKey({ limits: { ...AMPLE, perHour: 10 } });
  t.equal(admitted(await allAnswered(flood(limiter, key, 3))), 3);
  near.down = true;
  t.equal(admitted(await allAnswered(flood(limiter, key, 5))), 5);
  near.down = false;
  t.equal(admitted(await flood(limiter, key, 1)), 1, 'half a second long the process decides alone');
  clock.advance(500);
  t.equal(admitted(await allAnswered(flood(limiter, key, 20))), 1);
  t.equal(near.peek(key.record.id).state?.hourUsed, 10);
});

t.test('who comes while the ledger is told waits for its answer', async (t) => {
  const { clock, near, limiter, slow, allAnswered } = setUpSlow();
  const key = loadedKey({ limits: { ...AMPLE, perHour: 10 } });
  near.down = true;
  t.equal(admitted(await allAnswered(flood(limiter, key, 5))), 5);
  near.down = false;
  clock.advance(500);
  limiter.sweep();
  t.equal(slow.waiting, 1, 'it is told without a request');
  const waiting = flood(limiter, key, 20);
  t.equal(admitted(await allAnswered(waiting)), 5);
  t.equal(near.peek(key.record.id).state?.hourUsed, 10);
});

t.test('what is owed is told once, also when the ledger is gone again meanwhile', async (t) => {
  const { clock, near, limiter, slow } = setUpSlow();
  const key = loadedKey({ limits: AMPLE });
  near.down = true;
  const alone = flood(limiter, key, 50);
  slow.answer();
  t.equal(admitted(await alone), 50);
  for (const isDown of [true, true, false, false]) {
    near.down = isDown;
    clock.advance(500);
    limiter.sweep();
    await turn();
    slow.answer();
    await turn();
  }
  t.equal(near.peek(key.record.id).state?.hourUsed, 50);
  t.equal(slow.waiting, 0);
});
