import fc from 'fast-check';
import { Redis } from 'ioredis';
import t from 'tap';
import { giveBack, HOUR_MS, type LimitState, type Limits, take, UNITS_PER_TOKEN } from '../../src/core/limits.ts';
import { grantField, limitName } from '../../src/stores/redis/layout.ts';
import { LEASE } from '../../src/stores/redis/scripts.ts';
import { newId } from '../conformance/harness.ts';
import { SEED } from '../support/random.ts';
import { startRedis } from '../support/redis.ts';

const RUNS = 300;
const FIELD = grantField(3);

const limit = fc.integer({ min: 1, max: 40 });
const limits: fc.Arbitrary<Limits> = fc.record({ perHour: limit, perDay: limit, burst: limit });
const drawn = fc.record({
  rules: limits,
  hourBack: fc.integer({ min: -1, max: 2 }),
  dayBack: fc.integer({ min: -1, max: 1 }),
  hourUsed: fc.nat({ max: 50 }),
  dayUsed: fc.nat({ max: 50 }),
  filled: fc.double({ min: 0, max: 1.2, noNaN: true }),
  atBackMs: fc.integer({ min: -10_000, max: 100_000 }),
  granted: fc.integer({ min: 1, max: 30 }),
  leasedBackMs: fc.oneof(fc.constant(0), fc.nat({ max: 48 * HOUR_MS })),
  want: fc.integer({ min: 1, max: 30 }),
  ahead: fc.nat({ max: 100 }),
  owed: fc.option(
    fc.record({ back: fc.integer({ min: -1, max: 30 }), ofHour: fc.nat({ max: 9 }), ofDay: fc.nat({ max: 9 }) }),
  ),
  /** Where the token that is kept stands among those that were not answered; -1: it was answered. */
  place: fc.integer({ min: -1, max: 2 }),
});
type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

const server = await startRedis();
const raw = new Redis(server.url, { protocol: 2 });
t.teardown(async () => {
  raw.disconnect();
  await server.stop();
});

function stateFrom(seed: Drawn, now: number): LimitState {
  return {
    hour: Math.floor(now / HOUR_MS) - seed.hourBack,
    hourUsed: seed.hourUsed,
    day: Math.floor(now / (24 * HOUR_MS)) - seed.dayBack,
    dayUsed: seed.dayUsed,
    units: Math.floor(seed.rules.burst * UNITS_PER_TOKEN * seed.filled),
    at: now - seed.atBackMs,
  };
}

async function checked(seed: Drawn): Promise<void> {
  const { rules, granted, leasedBackMs, want, ahead, place } = seed;
  const name = limitName(newId());
  const [seconds] = await raw.time();
  const begun = Number(seconds) * 1_000;
  const state = stateFrom(seed, begun);
  const leasedAt = begun - leasedBackMs;
  await raw.hset(name, { ...state, [FIELD]: `token.${place} ${granted} ${leasedAt}` });
  const { perHour, perDay, burst } = rules;
  const unanswered = ' token.0 token.1 token.2 ';
  const owed = seed.owed === null ? null : { ...seed.owed, hour: Math.floor(begun / HOUR_MS) - seed.owed.back };
  const owedText = owed === null ? '' : `${owed.hour} ${owed.ofHour} ${owed.ofDay}`;
  const args = [FIELD, 'token.3', perHour, perDay, burst, want, ahead, unanswered, owedText];
  const reply = (await raw.eval(LEASE.lua, 1, name, ...args)) as number[];
  const now = reply[7] ?? 0;
  const before = place < 0 ? state : giveBack(state, rules, granted, leasedAt, now);
  const { lease, state: after } = take(before, rules, want, now, ahead, owed);
  const { hourRemaining, dayRemaining, burstRemaining, burstFullInMs } = lease;
  const told = [reply[0], ...reply.slice(2)];
  t.strictSame(told, [
    lease.granted,
    lease.retryAfterMs,
    hourRemaining,
    dayRemaining,
    burstRemaining,
    burstFullInMs,
    lease.now,
  ]);
  const { [FIELD]: grant, ...kept } = await raw.hgetall(name);
  const expected = lease.granted > 0 || owed !== null || place >= 0 ? after : state;
  t.strictSame(kept, Object.fromEntries(Object.entries(expected).map(([field, number]) => [field, String(number)])));
  const charged = owed !== null && owed.hour >= Math.floor(lease.now / HOUR_MS) ? owed.ofHour : 0;
  const isNew = lease.granted > 0 || owed !== null;
  const isLeft = isNew ? `token.3 ${lease.granted + charged} ${lease.now}` : `token.${place} ${granted} ${leasedAt}`;
  t.equal(grant, !isNew && place >= 0 ? undefined : isLeft, 'nothing is given back twice');
  if (!t.passing()) throw new Error('the script and the reference disagree');
}

t.test('to give back what was not answered, and take anew, is the arithmetic of core/limits.ts', async () => {
  await fc.assert(fc.asyncProperty(drawn, checked), { seed: SEED, numRuns: RUNS, endOnFailure: true });
});
