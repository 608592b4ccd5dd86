import fc from 'fast-check';
import type { Test } from 'tap';
import {
  giveBack,
  HOUR_MS,
  type LimitState,
  type Limits,
  MAX_LIMIT,
  take,
  UNITS_PER_TOKEN,
} from '../../src/core/limits.ts';
import { SEED } from '../support/random.ts';
import { type Harness, newId } from './harness.ts';

const RUNS = 150;

/** Small ones collide with the limit, large ones come near 2^53. */
const limit = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: MAX_LIMIT }));
const limits: fc.Arbitrary<Limits> = fc.record({ perHour: limit, perDay: limit, burst: limit });

/** A kept state relative to the clock, no older than what every store keeps: windows now, before and after; a bucket from empty to fuller than full. */
const kept = fc.record({
  hourBack: fc.integer({ min: -1, max: 2 }),
  dayBack: fc.integer({ min: -1, max: 1 }),
  hourUsed: fc.nat({ max: 50 }),
  dayUsed: fc.nat({ max: 50 }),
  filled: fc.double({ min: 0, max: 1.2, noNaN: true }),
  atBackMs: fc.oneof(fc.integer({ min: -100_000, max: 10_000 }), fc.integer({ min: 0, max: 2 * 24 * HOUR_MS })),
});

const step = fc.record({
  release: fc.boolean(),
  count: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: MAX_LIMIT })),
  /** What was admitted without the ledger, up to some hours ago by a clock that may be ahead. */
  owed: fc.option(
    fc.record({ back: fc.integer({ min: -1, max: 30 }), ofHour: fc.nat({ max: 60 }), ofDay: fc.nat({ max: 60 }) }),
  ),
  ahead: fc.oneof(fc.constant(0), fc.nat({ max: 40 }), fc.nat({ max: MAX_LIMIT })),
  leasedBackMs: fc.oneof(fc.constant(0), fc.nat({ max: 48 * HOUR_MS })),
});

/** The store's arithmetic is core/limits.ts's: the same state, request and time give the same lease and state. */
export async function checkArithmetic(t: Test, harness: Harness): Promise<void> {
  const { limits: ledger } = await harness.open();

  await t.test('leases and releases agree with the reference to the last unit', async (t) => {
    const plain: Limits = { perHour: 1, perDay: 1, burst: 1 };
    const check = async (rules: Limits, seed: SeedOrNone, steps: readonly Step[]): Promise<void> => {
      const id = newId();
      const begun = (await ledger.lease(newId(), plain, 1)).now;
      if (seed !== null) await harness.seed(id, stateFrom(seed, rules, begun));
      for (const { release, count, ahead, owed: drawn, leasedBackMs } of steps) {
        const before = await harness.stateOf(id);
        if (release) {
          const lease = { ...(await ledger.lease(newId(), plain, 1)), now: begun - leasedBackMs };
          await ledger.release(id, rules, count, lease);
          const after = await harness.stateOf(id);
          t.strictSame(after, giveBack(before, rules, count, lease.now, after?.at ?? 0));
          continue;
        }
        const owed = drawn === null ? null : { ...drawn, hour: Math.floor(begun / HOUR_MS) - drawn.back };
        const want = drawn?.back === 0 ? 0 : count;
        const lease = await ledger.lease(id, rules, want, ahead, owed);
        const expected = take(before, rules, want, lease.now, ahead, owed);
        t.strictSame(lease, expected.lease);
        const after = await harness.stateOf(id);
        t.strictSame(
          after,
          lease.granted > 0 || owed !== null ? expected.state : before,
          'and a refusal is not even written',
        );
      }
    };
    await fc.assert(
      fc.asyncProperty(limits, fc.option(kept), fc.array(step, { minLength: 1, maxLength: 6 }), async (...drawn) => {
        await check(...drawn);
        if (!t.passing()) throw new Error('the store and the reference disagree');
      }),
      { seed: SEED, numRuns: RUNS, endOnFailure: true },
    );
  });
}

type SeedOrNone = typeof kept extends fc.Arbitrary<infer T> ? T | null : never;
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function stateFrom(seed: NonNullable<SeedOrNone>, rules: Limits, now: number): LimitState {
  return {
    hour: Math.floor(now / HOUR_MS) - seed.hourBack,
    hourUsed: seed.hourUsed,
    day: Math.floor(now / (24 * HOUR_MS)) - seed.dayBack,
    dayUsed: seed.dayUsed,
    units: Math.floor(rules.burst * UNITS_PER_TOKEN * seed.filled),
    at: now - seed.atBackMs,
  };
}
