import t from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import { DAY_MS, HOUR_MS, UNITS_PER_TOKEN } from '../../src/core/limits.ts';
import { waiting } from '../../src/explain/candidates.ts';
import type { Peek } from '../../src/explain/explanation.ts';
import { keyRecord, LIMITS } from '../support/keys.ts';
import { BLIND, changesFor, described, type ExplainFixture, setUp, stepOf } from './fixture.ts';

t.test('limits that are used up: how they stand, how long to wait, and what to raise', async (t) => {
  const { why, store, clock } = await setUp(t);
  const cases: [KeyRecord['limits'], string, string, unknown][] = [
    [{ perHour: 2 }, 'wait until 2026-11-22T13:00:00.000Z', 'raise per_hour to 4', { per_hour: 4 }],
    [{ perDay: 2, burst: 9 }, 'wait until 2026-11-23T00:00:00.000Z', 'raise per_day to 4', { burst: 9, per_day: 4 }],
  ];
  for (const [limits, wait, raise, set] of cases) {
    const key = keyRecord({ limits });
    await store.limits.lease(key.id, { ...LIMITS, ...limits }, 2);
    const told = await why(key);
    t.match(told, { allowed: false, code: 'rate_limited', togetherSuffice: true });
    t.strictSame(changesFor(told, 'limit'), [
      { text: wait, set: null, suffices: true },
      { text: raise, set: { limits: set }, suffices: true },
    ]);
  }
  const key = keyRecord({ limits: { burst: 2, perHour: 3_600 } });
  await store.limits.lease(key.id, { ...LIMITS, burst: 2, perHour: 3_600 }, 2);
  const told = await why(key);
  t.strictSame(
    changesFor(told, 'limit'),
    [{ text: 'wait 1 s', set: null, suffices: true }],
    'a deeper bucket is no fuller',
  );
  t.match(stepOf(told, 'limit'), {
    detail: '0 of 2 left at once, 3,598 of 3,600 an hour, 9,998 of 10,000 a day',
    passesAt: clock.now() + 1_000,
  });
  t.strictSame(told.limits, {
    burst: { limit: 2, remaining: 0, fullInMs: 2_000 },
    hour: { limit: 3_600, remaining: 3_598, fullInMs: 1_800_000 },
    day: { limit: 10_000, remaining: 9_998, fullInMs: 41_400_000 },
    isExact: true,
  });
  t.match(await why(key, { at: clock.now() + 3_600_000 }), { allowed: true, limits: { burst: { remaining: 2 } } });
});

/** What another process wrote down: so much of the bucket and of the hour, as of half a minute from now. */
function writtenAhead({ clock }: ExplainFixture, tokens: number, hourUsed: number, isExact: boolean): Peek {
  const now = clock.now();
  const at = now + 30_000;
  const state = { hour: Math.floor(now / HOUR_MS), hourUsed, day: Math.floor(now / DAY_MS), dayUsed: hourUsed };
  return () => ({ state: { ...state, units: tokens * UNITS_PER_TOKEN, at }, now, isExact });
}

t.test('what another process wrote ahead refuses nobody for certain', async (t) => {
  const fixture = await setUp(t);
  const { why } = fixture;
  const told = await why({}, {}, {}, writtenAhead(fixture, 0, 900, false));
  t.match(told, { allowed: null, code: null, changes: [], limits: { isExact: false, burst: { remaining: 0 } } });
  t.match(stepOf(told, 'limit'), {
    verdict: 'unknown',
    code: null,
    passesAt: null,
    detail:
      'another process counts, and wrote more down than it has admitted, so that it may let this one in or refuse it; at least 0 of 100 left at once, 100 of 1,000 an hour, 9,100 of 10,000 a day',
  });
  const enough = await why({}, {}, {}, writtenAhead(fixture, 1, 900, false));
  t.match(enough, { allowed: true }, 'no less is left than was written');
  t.match(stepOf(enough, 'limit').detail, /^at least 1 of 100 left at once, /);
  t.match(await why({ shadow: ['limits'] }, {}, {}, writtenAhead(fixture, 0, 900, false)), { allowed: true });
  const disabled = await why({ status: 'disabled' }, {}, {}, writtenAhead(fixture, 0, 900, false));
  t.match(disabled, { allowed: false, code: 'key_disabled', togetherSuffice: false, changes: [{ suffices: false }] });
});

t.test('when it passes and how long to wait are by one clock', async (t) => {
  const fixture = await setUp(t);
  const { clock, why } = fixture;
  const told = await why({}, {}, {}, writtenAhead(fixture, 0, 900, true));
  // Full again by one 3.6 s after the time as of which it was written, which the clock has not reached.
  t.equal(stepOf(told, 'limit').passesAt, clock.now() + 33_600);
  t.strictSame(changesFor(told, 'limit')[0], { text: 'wait 34 s', set: null, suffices: true });
});

t.test('limits before the request, of a key that was never used', async (t) => {
  const { why } = await setUp(t);
  const untouched = (limit: number) => ({ limit, remaining: limit, fullInMs: 0 });
  t.strictSame((await why()).limits, {
    burst: untouched(100),
    hour: untouched(1_000),
    day: untouched(10_000),
    isExact: true,
  });
});

t.test('a store that cannot say how the limits stand: that is not known, and nothing else is amiss', async (t) => {
  const { why } = await setUp(t);
  const told = await why({}, {}, {}, BLIND);
  t.match(told, { allowed: null, code: null, limits: null });
  t.match(stepOf(told, 'limit'), { verdict: 'unknown', detail: 'the store cannot say how the limits stand' });
  t.match(await why({ status: 'disabled' }, {}, {}, BLIND), { allowed: false, togetherSuffice: false });
  await t.rejects(
    why({}, {}, {}, () => Promise.reject(new TypeError('a mistake'))),
    TypeError,
  );
});

t.test('how the limits stood long ago is not known: they are told as they stand', async (t) => {
  const { why, clock } = await setUp(t);
  const told = await why({}, { at: clock.now() - 3_600_000 });
  t.match(told, { allowed: true, limits: { hour: { remaining: 1_000 } } });
  t.match(stepOf(told, 'limit').detail, /a day at 2026-11-22T12:30:00\.000Z; earlier is not known$/);
});

t.test('of several waits the longest counts', async (t) => {
  const waits = [waiting('wait 9 s', 9_000), waiting('wait 1 s', 1_000)];
  const { world, clock } = await setUp(t);
  const now = { record: keyRecord(), request: described({ at: clock.now() }), path: '/', world, waitMs: 0 };
  t.equal(waits.reduce((situation, wait) => wait.apply(situation), now).waitMs, 9_000);
});
