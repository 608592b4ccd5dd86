import t from 'tap';
import { type LimitState, type Limits, MAX_LIMIT, take } from '../../src/core/limits.ts';
import { laterLease } from '../../src/explain/later-lease.ts';
import { NOON } from '../support/clock.ts';
import { randomFrom } from './random.ts';

const CASES = 5_000;
const FIRST: Limits = { perHour: 3_600, perDay: 100_000, burst: 2 };

/** A key's limits, and what is left of them after a while. */
function spent(random: (below: number) => number): { limits: Limits; state: LimitState; now: number } {
  const some = () => 1 + random([3, 50, 5_000, MAX_LIMIT][random(4)] as number);
  const limits = { perHour: some(), perDay: some(), burst: some() };
  let now = NOON - random(3_000_000);
  let state: LimitState | null = null;
  for (let i = 0; i < 4; i++) {
    now += random(200_000);
    ({ state } = take(state, limits, 1 + random(limits.burst), now));
  }
  return { limits, state: state as LimitState, now };
}

t.test('later, a ledger answers what was foretold, but for what was rounded', async (t) => {
  const random = randomFrom(1);
  const differences: unknown[] = [];
  for (let i = 0; i < CASES; i++) {
    const { limits, state, now } = spent(random);
    const at = now + random(100_000);
    const waitMs = random([1_000, 100_000, 90_000_000][random(3)] as number);
    const foretold = laterLease(take(state, limits, 1, at).lease, limits, waitMs);
    const found = take(state, limits, 1, at + waitMs).lease;
    const windows = [foretold.hourRemaining + foretold.granted, foretold.dayRemaining + foretold.granted];
    const wanted = [found.hourRemaining + found.granted, found.dayRemaining + found.granted];
    const isSame = windows.every((each, k) => each === wanted[k]) && foretold.now === found.now;
    // A bucket is told to the millisecond in which it is full: no more than was there, and less by no more than that.
    const missing = foretold.burstFullInMs - found.burstFullInMs;
    const tokens = Math.ceil(limits.perHour / 3_600_000) + 1;
    const fewer = found.burstRemaining + found.granted - foretold.burstRemaining - foretold.granted;
    const took = (foretold.granted - found.granted) * Math.ceil(3_600_000 / limits.perHour);
    const isClose = fewer >= 0 && fewer <= tokens && missing - took >= -1 && missing - took <= 2;
    if (!(isSame && isClose) && differences.length < 3)
      differences.push({ limits, state, at, waitMs, foretold, found });
  }
  t.strictSame(differences, []);
});

t.test('whoever waits as long as the ledger said is let in then, and not a millisecond before', async (t) => {
  const random = randomFrom(2);
  let refusals = 0;
  const wrong: unknown[] = [];
  for (let i = 0; i < CASES; i++) {
    const { limits, state, now } = spent(random);
    const drained = { ...state, units: Math.min(state.units, random(3_600_000)) };
    const { lease } = take(drained, limits, 1, now);
    if (lease.refusedBy === null) continue;
    refusals++;
    const inTime = laterLease(lease, limits, lease.retryAfterMs);
    const early = laterLease(lease, limits, lease.retryAfterMs - 1);
    if ((inTime.granted !== 1 || early.granted !== 0) && wrong.length < 3) wrong.push({ limits, lease, inTime, early });
  }
  t.ok(refusals > CASES / 10, `${refusals} refusals`);
  t.strictSame(wrong, []);
});

t.test('without a wait it is the lease itself', async (t) => {
  const { lease } = take(null, FIRST, 1, NOON);
  t.equal(laterLease(lease, FIRST, 0), lease);
});
