import fc from 'fast-check';
import t from 'tap';
import {
  DAY_MS,
  freshState,
  giveBack,
  HOUR_MS,
  type LimitState,
  type Limits,
  MAX_LIMIT,
  take,
  UNITS_PER_TOKEN,
} from '../../src/core/limits.ts';
import { standing } from '../../src/core/standing.ts';
import { holds } from '../support/random.ts';

/** Two hours and one millisecond into a day. */
const NOW = 20_000 * DAY_MS + 2 * HOUR_MS + 1;
const LIMITS: Limits = { perHour: 100, perDay: 1_000, burst: 20 };

t.test('a key that was never used may use its whole burst', async (t) => {
  const { lease, state } = take(null, LIMITS, 30, NOW);
  t.strictSame(lease, {
    granted: 20,
    refusedBy: null,
    retryAfterMs: 0,
    hourRemaining: 80,
    dayRemaining: 980,
    burstRemaining: 0,
    burstFullInMs: 720_000,
    now: NOW,
  });
  t.strictSame(state, { hour: 480_002, hourUsed: 20, day: 20_000, dayUsed: 20, units: 0, at: NOW });
});

t.test('no more is granted than the tightest limit has left', async (t) => {
  const room = { ...freshState(LIMITS, NOW), hourUsed: 95, dayUsed: 10 };
  t.equal(take(room, LIMITS, 10, NOW).lease.granted, 5, 'hour');
  t.equal(take({ ...room, hourUsed: 0, dayUsed: 997 }, LIMITS, 10, NOW).lease.granted, 3, 'day');
  t.equal(take({ ...room, hourUsed: 0, units: 2.5 * UNITS_PER_TOKEN }, LIMITS, 10, NOW).lease.granted, 2, 'burst');
  t.equal(take({ ...room, hourUsed: 0 }, LIMITS, 10, NOW).lease.granted, 10, 'nor than was asked for');
});

t.test('a refusal names the limit that takes longest to free, and when that is', async (t) => {
  const open = freshState(LIMITS, NOW);
  const refused = (change: Partial<LimitState>): { by: string | null; waitMs: number } => {
    const { lease } = take({ ...open, ...change }, LIMITS, 1, NOW);
    t.equal(lease.granted, 0);
    return { by: lease.refusedBy, waitMs: lease.retryAfterMs };
  };
  t.strictSame(refused({ units: 0 }), { by: 'burst', waitMs: 36_000 });
  t.strictSame(refused({ units: UNITS_PER_TOKEN - 1 }), { by: 'burst', waitMs: 1 });
  t.strictSame(refused({ hourUsed: 100 }), { by: 'hour', waitMs: HOUR_MS - 1 });
  t.strictSame(refused({ dayUsed: 1_000 }), { by: 'day', waitMs: 22 * HOUR_MS - 1 });
  t.strictSame(refused({ units: 0, hourUsed: 100 }), { by: 'hour', waitMs: HOUR_MS - 1 });
  t.strictSame(refused({ units: 0, hourUsed: 100, dayUsed: 1_000 }), { by: 'day', waitMs: 22 * HOUR_MS - 1 });
});

t.test('after the wait that a refusal names, and not a millisecond before, one is granted', async (t) => {
  holds(
    fc.property(limits, states(), (rules, draw) => {
      const state = draw(rules);
      const { lease } = take(state, rules, 1, NOW);
      fc.pre(lease.granted === 0);
      const after = (ms: number): number => take(state, rules, 1, NOW + ms).lease.granted;
      return after(lease.retryAfterMs) === 1 && after(lease.retryAfterMs - 1) === 0;
    }),
    2_000,
  );
  t.pass();
});

t.test('a window ends on the UTC hour and day, to the millisecond', async (t) => {
  const hourEnd = 480_003 * HOUR_MS;
  const spent = take({ ...freshState(LIMITS, NOW), hourUsed: 99 }, LIMITS, 1, NOW).state;
  t.equal(take(spent, LIMITS, 1, hourEnd - 1).lease.granted, 0);
  t.match(take(spent, LIMITS, 1, hourEnd).lease, { granted: 1, hourRemaining: 99 });
  const dayEnd = 20_001 * DAY_MS;
  const spentDay = { ...spent, dayUsed: 1_000 };
  t.equal(take(spentDay, LIMITS, 1, dayEnd - 1).lease.granted, 0);
  t.match(take(spentDay, LIMITS, 1, dayEnd).lease, { granted: 1, dayRemaining: 999 });
});

t.test('the bucket fills by per_hour / 3600 a second and no further than burst', async (t) => {
  const empty = { ...freshState(LIMITS, NOW), units: 0 };
  const tokens = (ms: number): number => take(empty, LIMITS, 1_000, NOW + ms).lease.granted;
  t.equal(tokens(35_999), 0);
  t.equal(tokens(36_000), 1);
  t.equal(tokens(5 * 36_000), 5);
  t.equal(tokens(100 * 36_000), 20);
  t.equal(tokens(30_000 * DAY_MS), 20, 'after a lifetime too');
});

t.test('what is given back can be taken again, in the window that it was taken from', async (t) => {
  const { state, lease } = take(null, LIMITS, 10, NOW);
  t.match(giveBack(state, LIMITS, 4, lease.now, NOW + 5), { hourUsed: 6, dayUsed: 6, at: NOW + 5 });
  const nextHour = take(state, LIMITS, 3, NOW + HOUR_MS).state;
  t.match(giveBack(nextHour, LIMITS, 4, lease.now, NOW + HOUR_MS), { hourUsed: 3, dayUsed: 9 });
  const nextDay = take(state, LIMITS, 3, NOW + DAY_MS).state;
  t.match(giveBack(nextDay, LIMITS, 4, lease.now, NOW + DAY_MS), { hourUsed: 3, dayUsed: 3 });
  const full = giveBack(state, LIMITS, 4, lease.now, NOW + DAY_MS);
  t.equal(full?.units, LIMITS.burst * UNITS_PER_TOKEN, 'a bucket that filled up meanwhile gets no fuller');
  t.equal(giveBack(null, LIMITS, 4, NOW, NOW), null, 'a key of which nothing is kept has nothing to get back');
});

t.test('a clock that went back stands still', async (t) => {
  const spent = take({ ...freshState(LIMITS, NOW), hourUsed: 100, units: 0 }, LIMITS, 1, NOW).state;
  for (const back of [1, HOUR_MS, DAY_MS, 400 * DAY_MS]) {
    const { lease, state } = take(spent, LIMITS, 1, NOW - back);
    t.match(lease, { granted: 0, now: NOW });
    t.equal(state.at, NOW);
  }
});

t.test('limits that were lowered hold at once', async (t) => {
  const used = take(null, { perHour: 1_000, perDay: 10_000, burst: 500 }, 300, NOW).state;
  t.match(take(used, LIMITS, 1, NOW).lease, { granted: 0, refusedBy: 'hour', hourRemaining: 0, dayRemaining: 700 });
  t.equal(take({ ...used, hourUsed: 0 }, LIMITS, 500, NOW).lease.granted, 20, 'no more than the new burst');
});

t.test('how limits stand is told without spending', async (t) => {
  const fresh = {
    granted: 0,
    refusedBy: null,
    retryAfterMs: 0,
    hourRemaining: 100,
    dayRemaining: 1_000,
    burstRemaining: 20,
    burstFullInMs: 0,
    now: NOW,
  };
  t.strictSame(standing(null, LIMITS, NOW), fresh, 'all of them, when nothing is known of the key');
  const { lease } = take(null, LIMITS, 20, NOW);
  const known = { ...fresh, hourRemaining: 80, dayRemaining: 980, burstRemaining: 0, burstFullInMs: 720_000 };
  t.strictSame(standing(lease, LIMITS, NOW), known, 'as they last stood');
  t.strictSame(standing(lease, LIMITS, NOW - DAY_MS), known, 'by a clock that went back too');
  t.strictSame(
    standing(lease, LIMITS, NOW + 72_000),
    { ...known, burstRemaining: 2, burstFullInMs: 648_000, now: NOW + 72_000 },
    'the bucket fills',
  );
  const { hourRemaining, dayRemaining } = standing(lease, LIMITS, NOW + HOUR_MS);
  t.strictSame([hourRemaining, dayRemaining], [100, 980], 'hours begin anew');
  t.strictSame(standing(lease, LIMITS, NOW + DAY_MS), { ...fresh, now: NOW + DAY_MS }, 'and days');
  const refusal = take({ ...freshState(LIMITS, NOW), hourUsed: 100 }, LIMITS, 1, NOW).lease;
  t.match(standing(refusal, LIMITS, NOW), { refusedBy: null, retryAfterMs: 0, hourRemaining: 0 }, 'it refuses nobody');
  t.match(standing(lease, { perHour: 50, perDay: 10, burst: 5 }, NOW + HOUR_MS), {
    hourRemaining: 50,
    dayRemaining: 10,
    burstRemaining: 5,
  });
});

t.test('how limits stand is what the lease said, and never more than there is', async (t) => {
  holds(
    fc.property(limits, states(), fc.nat({ max: 2 * DAY_MS }), (rules, draw, later) => {
      const { lease, state } = take(draw(rules), rules, 1, NOW);
      const same = standing(lease, rules, NOW);
      const { burstRemaining, hourRemaining, dayRemaining } = same;
      t.match(lease, { burstRemaining, hourRemaining, dayRemaining });
      const told = standing(lease, rules, NOW + later);
      const real = take(state, rules, 1, NOW + later).lease;
      checkWhole(told, state);
      if (told.hourRemaining !== real.hourRemaining + real.granted) return false;
      if (told.dayRemaining !== real.dayRemaining + real.granted) return false;
      const off = real.burstRemaining + real.granted - told.burstRemaining;
      // Less than a millisecond's share is lost to rounding.
      return off >= 0 && off <= Math.ceil(rules.perHour / UNITS_PER_TOKEN);
    }),
    500,
  );
});

const limit = fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: MAX_LIMIT }));
const limits: fc.Arbitrary<Limits> = fc.record({ perHour: limit, perDay: limit, burst: limit });

/** States that `take` can leave behind, spent in part, for any limits. */
function states(): fc.Arbitrary<(rules: Limits) => LimitState> {
  const share = fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true }));
  return fc.tuple(share, share, share).map(([hour, day, filled]) => (rules) => ({
    ...freshState(rules, NOW),
    hourUsed: Math.floor(rules.perHour * hour),
    dayUsed: Math.floor(rules.perDay * day),
    units: Math.floor(rules.burst * UNITS_PER_TOKEN * filled),
  }));
}

const step = fc.record({
  waitMs: fc.oneof(fc.nat({ max: 2_000 }), fc.nat({ max: 3 * HOUR_MS }), fc.integer({ min: -50_000, max: 0 })),
  want: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: MAX_LIMIT })),
  unused: fc.double({ min: 0, max: 1, noNaN: true }),
});

t.test(
  'in any sequence: no window and no bucket is ever exceeded, all numbers are whole, time never goes back',
  async (t) => {
    holds(
      fc.property(limits, fc.array(step, { maxLength: 40 }), (rules, steps) => {
        const perHour = new Map<number, number>();
        const perDay = new Map<number, number>();
        let state: LimitState | null = null;
        let clock = NOW;
        let spent = 0;
        let begun: number | null = null;
        for (const { waitMs, want, unused } of steps) {
          clock += waitMs;
          const before: LimitState | null = state;
          const { lease, state: after }: ReturnType<typeof take> = take(before, rules, want, clock);
          begun ??= lease.now;
          const back = Math.floor(lease.granted * unused);
          state = back > 0 ? giveBack(after, rules, back, lease.now, clock) : after;
          const kept = lease.granted - back;
          add(perHour, Math.floor(lease.now / HOUR_MS), kept);
          add(perDay, Math.floor(lease.now / DAY_MS), kept);
          spent += kept;
          checkWhole(lease, after);
          if (before !== null && after.at < before.at) throw new Error('time went back');
          if (after.units > rules.burst * UNITS_PER_TOKEN || after.units < 0) throw new Error('bucket out of range');
          const filled = rules.burst + ((lease.now - begun) * rules.perHour) / UNITS_PER_TOKEN;
          if (spent > filled + 1e-6 * filled) throw new Error('more than the bucket ever held');
        }
        return Math.max(0, ...perHour.values()) <= rules.perHour && Math.max(0, ...perDay.values()) <= rules.perDay;
      }),
      2_000,
    );
    t.pass();
  },
);

t.test('a refusal takes nothing from any limit', async (t) => {
  holds(
    fc.property(limits, states(), (rules, draw) => {
      const state = draw(rules);
      const { lease, state: after } = take(state, rules, 1, NOW);
      fc.pre(lease.granted === 0);
      return after.hourUsed === state.hourUsed && after.dayUsed === state.dayUsed && after.units === state.units;
    }),
    2_000,
  );
  t.pass();
});

t.test('to take twice is to take once: nothing is lost between two leases', async (t) => {
  holds(
    fc.property(limits, states(), fc.nat({ max: 500 }), fc.nat({ max: 500 }), (rules, draw, first, second) => {
      const one = take(draw(rules), rules, first + second + 2, NOW);
      const part = take(draw(rules), rules, first + 1, NOW);
      const rest = take(part.state, rules, second + 1, NOW);
      t.strictSame(rest.state, one.state);
      return part.lease.granted + rest.lease.granted === one.lease.granted;
    }),
    300,
  );
});

function add(counts: Map<number, number>, window: number, count: number): void {
  counts.set(window, (counts.get(window) ?? 0) + count);
}

function checkWhole(...parts: readonly object[]): void {
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) {
      if (name === 'refusedBy') continue;
      if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} is ${String(value)}`);
    }
  }
}
