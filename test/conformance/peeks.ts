import type { Test } from 'tap';
import { type Lease, type LimitName, type LimitState, type Limits, take } from '../../src/core/limits.ts';
import type { LimitLedger } from '../../src/core/ports.ts';
import { withinOneHour } from './admissions.ts';
import { type Harness, newId } from './harness.ts';

const PLENTY = 1_000_000;
/** The bucket refills by one in 60 s: longer than a test. */
const SLOW: Limits = { perHour: 60, perDay: 100, burst: 50 };
const BINDING: Readonly<Record<LimitName, Limits>> = {
  hour: { perHour: 5, perDay: PLENTY, burst: PLENTY },
  // A bucket that refills so slowly that it stays as it is between two questions.
  day: { perHour: 100, perDay: 5, burst: PLENTY },
  burst: { perHour: 60, perDay: PLENTY, burst: 5 },
};

/** What does not depend on when exactly it was asked. */
function numbers({ granted, refusedBy, hourRemaining, dayRemaining, burstRemaining }: Lease): unknown {
  return { granted, refusedBy, hourRemaining, dayRemaining, burstRemaining };
}

/** What a lease of one would be, by what a peek tells. */
async function foretold(ledger: LimitLedger, id: string, limits: Limits): Promise<Lease> {
  const { state, now } = await ledger.peek(id);
  return take(state, limits, 1, now).lease;
}

export async function checkPeeks(t: Test, harness: Harness): Promise<void> {
  const { limits: ledger } = await harness.open();

  await t.test('a peek tells what a lease then gives, and takes nothing', async (t) => {
    const told = await withinOneHour(async (id) => [
      await foretold(ledger, id, SLOW),
      await foretold(ledger, id, SLOW),
      await ledger.lease(id, SLOW, 1),
      await foretold(ledger, id, SLOW),
      await ledger.lease(id, SLOW, 1),
    ]);
    const left = (used: number) => ({
      granted: 1,
      refusedBy: null,
      hourRemaining: 60 - used,
      dayRemaining: 100 - used,
      burstRemaining: 50 - used,
    });
    t.strictSame(told.map(numbers), [1, 1, 1, 2, 2].map(left));
    for (const { retryAfterMs } of told) t.equal(retryAfterMs, 0);
  });

  await t.test('nothing is written for one who peeks', async (t) => {
    const [never, seeded] = [newId(), newId()];
    t.match(await ledger.peek(never), { state: null, isExact: true });
    t.equal(await harness.stateOf(never), null);
    const { now } = await ledger.peek(seeded);
    const state: LimitState = { hour: 1, hourUsed: 9, day: 1, dayUsed: 9, units: 0, at: now - 3 };
    await harness.seed(seeded, state);
    t.strictSame((await ledger.peek(seeded)).state, state, 'to the last unit');
    t.strictSame(await harness.stateOf(seeded), state);
  });

  for (const name of ['hour', 'day', 'burst'] as const) {
    await t.test(`a peek tells that ${name} is used up, and for how long`, async (t) => {
      const [taken, peeked, refused] = await withinOneHour(async (id) => [
        await ledger.lease(id, BINDING[name], 5),
        await foretold(ledger, id, BINDING[name]),
        await ledger.lease(id, BINDING[name], 1),
      ]);
      t.equal(taken?.granted, 5);
      t.match(peeked, { granted: 0, refusedBy: name });
      t.strictSame(numbers(peeked as Lease), numbers(refused as Lease));
      const [before, after] = [peeked?.retryAfterMs ?? 0, refused?.retryAfterMs ?? 0];
      const passed = (refused?.now ?? 0) - (peeked?.now ?? 0);
      t.ok(before > 0 && Math.abs(before - after - passed) <= 1, `${before} ms, and ${passed} ms later ${after}`);
    });
  }

  await t.test('peeks are in no count, however many there are beside the leases', async (t) => {
    const leases = await withinOneHour((id) =>
      Promise.all(
        Array.from({ length: 300 }, async (_, i) => {
          const lease = i % 3 === 0 ? await ledger.lease(id, SLOW, 1) : await foretold(ledger, id, SLOW);
          return i % 3 === 0 ? lease : { ...lease, granted: 0 };
        }),
      ),
    );
    t.equal(
      leases.reduce((sum, { granted }) => sum + granted, 0),
      50,
    );
  });

  await t.test('one who only peeks sees what others admitted, less what they wrote ahead', async (t) => {
    const [taken, seen] = await withinOneHour(async (id) => {
      const lease = await ledger.lease(id, SLOW, 20);
      const onlooker = await harness.open();
      return [lease, await foretold(onlooker.limits, id, SLOW)];
    });
    t.equal(taken?.granted, 20);
    const left = seen?.burstRemaining ?? 0;
    t.ok(left <= 29 && left >= 29 - harness.lostByKill, `${left} are left`);
    t.equal(seen?.granted, 1);
  });
}
