import t, { type Test } from 'tap';
import { dayOf, type UsageScope } from '../../src/core/usage.ts';
import { UsageRecorder, type UsageRecorderOptions } from '../../src/observe/usage-recorder.ts';
import { ManualClock, NOON } from '../support/clock.ts';
import { exchange } from './exchange.ts';
import { FaultyUsageStore, manualTimer, openFiles } from './recording.ts';

const TODAY = dayOf(NOON);
const DAY_MS = 86_400_000;

async function start(t: Test, options: Partial<UsageRecorderOptions> = {}) {
  const store = new FaultyUsageStore((await openFiles(t)).usage);
  const timer = manualTimer();
  const clock = new ManualClock();
  const troubles: unknown[] = [];
  const recorder = new UsageRecorder({
    store,
    clock,
    retentionMs: () => 90 * DAY_MS,
    repeat: timer.repeat,
    onTrouble: (error) => troubles.push(error),
    ...options,
  });
  const requestsOf = async (scope: UsageScope): Promise<number> => {
    const days = await store.days(scope, 0, TODAY + 9);
    return days.flatMap(({ hours }) => Object.values(hours)).reduce((sum, { requests }) => sum + requests, 0);
  };
  return { store, timer, clock, troubles, recorder, requestsOf };
}

t.test('requests are counted for their key, its owner and all, by hour, endpoint, method and denial', async (t) => {
  const { store, recorder } = await start(t);
  const at = NOON;
  const base = { keyId: 'key_1', owner: 'team', at, durationMs: 1.5 };
  recorder.sink(exchange(base));
  recorder.sink(exchange({ ...base, route: 'POST /api/domains/:id', method: 'POST', status: 404 }));
  recorder.sink(exchange({ ...base, route: 'POST /api/domains/:id', method: 'BREW', status: 0, aborted: 'client' }));
  recorder.sink(exchange({ ...base, aborted: 'upstream' }));
  const refused = { allowed: false, status: 429, code: 'rate_limited' } as const;
  recorder.sink(exchange({ ...base, ...refused, at: at + 3_600_000 }));
  recorder.sink(exchange({ keyId: 'key_2', owner: 'team', at, durationMs: 0.25 }));
  const unknown = { keyId: null, keyType: null, owner: null, allowed: false, route: null } as const;
  recorder.sink(exchange({ ...unknown, at, status: 401, code: 'key_not_found', durationMs: 0.1 }));
  await recorder.flush();
  const key = {
    day: TODAY,
    hours: { 12: { requests: 4, errors: 3, timeUs: 6_000 }, 13: { requests: 1, errors: 1, timeUs: 1_500 } },
    endpoints: { '/api/domains/:id': 5 },
    methods: { GET: 3, POST: 1, other: 1 },
    denials: { rate_limited: 1 },
  };
  t.strictSame(await store.days('key:key_1', 0, TODAY), [key]);
  t.match(await store.days('owner:team', 0, TODAY), [{ hours: { 12: { requests: 5, errors: 3, timeUs: 6_250 } } }]);
  t.strictSame(await store.days('all', 0, TODAY), [
    {
      ...key,
      hours: { 12: { requests: 5, errors: 3, timeUs: 6_250 }, 13: { requests: 1, errors: 1, timeUs: 1_500 } },
      endpoints: { '/api/domains/:id': 6 },
      methods: { GET: 4, POST: 1, other: 1 },
    },
  ]);
});

t.test('a failure of the upstream is an error, not a denial; a connection counts until its head', async (t) => {
  const { store, recorder } = await start(t);
  recorder.sink(exchange({ at: NOON, status: 502, code: 'upstream_unreachable', durationMs: 2 }));
  recorder.sink(exchange({ at: NOON, status: 101, durationMs: 86_400_000, upstreamMs: 3 }));
  await recorder.flush();
  t.match(await store.days('all', 0, TODAY), [
    { hours: { 12: { requests: 2, errors: 1, timeUs: 5_000 } }, denials: {} },
  ]);
  t.strictSame((await store.days('all', 0, TODAY))[0]?.denials, {});
});

t.test('a request belongs to the day and hour in which it began, and each day is in a batch once', async (t) => {
  const { store, recorder } = await start(t);
  const midnight = Date.UTC(2026, 10, 1);
  for (let i = 0; i < 4; i++) {
    for (const keyId of ['a', 'b']) recorder.sink(exchange({ keyId, at: midnight - 1 + (i % 2) }));
  }
  await recorder.flush();
  const october = dayOf(midnight) - 1;
  for (const scope of ['key:a', 'key:b', 'owner:user_1', 'all'] as const) {
    const days = await store.days(scope, october, october + 1);
    const n = scope.startsWith('key') ? 2 : 4;
    t.match(days, [
      { day: october, hours: { 23: { requests: n } } },
      { day: october + 1, hours: { 0: { requests: n } } },
    ]);
  }
  const names = store.batches[0]?.deltas.map(({ scope, day }) => `${scope} ${day}`) ?? [];
  t.equal(new Set(names).size, 8);
  t.equal(names.length, 8);
});

t.test('a key that changes hands counts for the owner of the time', async (t) => {
  const { store, recorder, requestsOf } = await start(t);
  for (const owner of ['old', 'new', 'old', 'new', 'new']) {
    recorder.sink(exchange({ keyId: 'k', owner, at: NOON, previousSecret: owner === 'old' }));
  }
  await recorder.flush();
  t.equal(await requestsOf('owner:old'), 2);
  t.equal(await requestsOf('owner:new'), 3);
  t.equal(await requestsOf('key:k'), 5);
  t.strictSame(store.batches[0]?.uses, [{ keyId: 'k', lastUsedAt: NOON, previousLastUsedAt: NOON }]);
});

t.test('the latest use of each key is written once a second; a request that was refused uses none', async (t) => {
  const { store, recorder, timer } = await start(t);
  t.strictSame(timer.intervals, [1000]);
  for (const at of [10, 30, 20]) recorder.sink(exchange({ keyId: 'a', at }));
  recorder.sink(exchange({ keyId: 'b', at: 15, previousSecret: true }));
  recorder.sink(exchange({ keyId: 'b', at: 25 }));
  recorder.sink(exchange({ keyId: 'refused', at: 25, allowed: false, status: 403, code: 'ip_blocked' }));
  recorder.sink(exchange({ keyId: 'failed', at: 26, status: 502, code: 'upstream_unreachable' }));
  t.equal(store.batches.length, 0, 'nothing is written on the way of the answer');
  timer.tick();
  await recorder.flush();
  t.strictSame(await store.read(['a', 'b', 'refused', 'failed']), [
    { keyId: 'a', lastUsedAt: 30, previousLastUsedAt: null },
    { keyId: 'b', lastUsedAt: 25, previousLastUsedAt: 15 },
    { keyId: 'refused', lastUsedAt: null, previousLastUsedAt: null },
    { keyId: 'failed', lastUsedAt: 26, previousLastUsedAt: null },
  ]);
  timer.tick();
  await recorder.flush();
  t.equal(store.batches.length, 1, 'and no more, when nothing was asked for');
});

t.test('while the store is down one batch waits as it is, the rest adds up, and all is counted once', async (t) => {
  const { store, recorder, troubles, requestsOf } = await start(t);
  recorder.sink(exchange({ keyId: 'a', at: NOON }));
  store.failAfter = 'STORE_UNAVAILABLE';
  await recorder.flush();
  store.failBefore = 'STORE_READ_ONLY';
  for (let i = 0; i < 3; i++) {
    recorder.sink(exchange({ keyId: 'a', at: NOON + i }));
    recorder.sink(exchange({ keyId: 'b', at: NOON + i }));
    await recorder.flush();
  }
  t.equal(recorder.waiting, 2, 'a count for each key');
  t.equal(troubles.length, 1, 'trouble is told once, not at every attempt');
  t.match(troubles[0], { code: 'STORE_UNAVAILABLE' });
  t.equal(store.batches.length, 4);
  t.strictSame(
    store.batches,
    store.batches.map(() => store.batches[0]),
    'the same batch each time',
  );
  store.failBefore = null;
  store.failAfter = null;
  await recorder.flush();
  t.strictSame(
    store.batches.slice(-2).map(({ number }) => number),
    [1, 2],
  );
  t.strictSame([await requestsOf('key:a'), await requestsOf('key:b'), await requestsOf('all')], [4, 3, 7]);
  t.strictSame(troubles.slice(1), [null], 'and so is its end');
  t.equal(recorder.dropped, 0);
});

t.test('a batch that the store will never take does not hold up the others', async (t) => {
  const { store, recorder, troubles, requestsOf } = await start(t);
  store.failBefore = 'STORE_CORRUPT';
  for (let i = 0; i < 3; i++) recorder.sink(exchange({ keyId: 'a', at: NOON }));
  await recorder.flush();
  t.equal(recorder.dropped, 3);
  store.failBefore = null;
  recorder.sink(exchange({ keyId: 'a', at: NOON }));
  await recorder.flush();
  t.equal(await requestsOf('all'), 1);
  t.match(troubles, [{ code: 'STORE_CORRUPT' }, null]);
});

t.test('what waits is bounded: keys, hours and kinds of request; more are counted as dropped', async (t) => {
  const { store, recorder, requestsOf } = await start(t, { maxCounts: 4 });
  store.failBefore = 'STORE_UNAVAILABLE';
  recorder.sink(exchange({ keyId: 'a', at: NOON }));
  recorder.sink(exchange({ keyId: 'b', at: NOON }));
  recorder.sink(exchange({ keyId: 'a', at: NOON + 3_600_000 }));
  recorder.sink(exchange({ keyId: 'a', at: NOON, method: 'POST' }));
  t.equal(recorder.waiting, 4);
  recorder.sink(exchange({ keyId: 'c', at: NOON }));
  recorder.sink(exchange({ keyId: 'b', at: NOON + 3_600_000 }));
  recorder.sink(exchange({ keyId: 'b', at: NOON, method: 'PUT' }));
  t.equal(recorder.dropped, 3);
  recorder.sink(exchange({ keyId: 'a', at: NOON, method: 'POST' }));
  recorder.sink(exchange({ keyId: 'b', at: NOON }));
  t.equal(recorder.dropped, 3, 'what there is a place for is counted');
  store.failBefore = null;
  await recorder.flush();
  t.equal(recorder.waiting, 0);
  t.strictSame([await requestsOf('all'), await requestsOf('key:c')], [6, 0]);
});

t.test('many keys are written in batches, and other work gets its turn between them', async (t) => {
  const { store, recorder, requestsOf } = await start(t);
  for (let i = 0; i < 2_300; i++) recorder.sink(exchange({ keyId: `key_${i}`, at: NOON }));
  const batchesBefore: number[] = [];
  const turning = setInterval(() => undefined, 1_000);
  const turn = (): void => {
    batchesBefore.push(store.batches.length);
    // Keys that are in a batch already, or will be in one, come again.
    recorder.sink(exchange({ keyId: `key_${batchesBefore.length % 2 === 0 ? 0 : 2_299}`, at: NOON }));
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  await recorder.flush();
  clearImmediate(next);
  clearInterval(turning);
  t.strictSame(
    store.batches.map(({ number, uses }) => [number, uses.length]),
    [
      [1, 1_000],
      [2, 1_000],
      [3, 300],
    ],
  );
  for (const number of [0, 1, 2]) {
    t.ok(batchesBefore.filter((count) => count === number).length > 1, `while batch ${number + 1} is made or written`);
  }
  for (const { uses, deltas } of store.batches) {
    t.equal(new Set(uses.map(({ keyId }) => keyId)).size, uses.length, 'each key once');
    t.equal(new Set(deltas.map(({ scope }) => scope)).size, deltas.length, 'each scope once');
  }
  await recorder.flush();
  t.equal(new Set(store.batches.map(({ writer }) => writer)).size, 1);
  t.equal(await requestsOf('all'), 2_300 + batchesBefore.length);
});

t.test('a key that came before is counted anew in each second, for its owner of then', async (t) => {
  const { store, recorder, requestsOf } = await start(t);
  const rounds = [
    { owner: 'old', at: NOON, durationMs: 1 },
    { owner: 'new', at: NOON + 3_600_000, durationMs: 2, status: 500, previousSecret: true },
    { owner: 'new', at: NOON + 3_600_001, durationMs: 4, allowed: false, status: 429, code: 'rate_limited' },
  ] as const;
  for (const round of rounds) {
    recorder.sink(exchange({ keyId: 'k', ...round }));
    await recorder.flush();
  }
  t.strictSame(
    store.batches.map(({ uses }) => uses),
    [
      [{ keyId: 'k', lastUsedAt: NOON, previousLastUsedAt: null }],
      [{ keyId: 'k', lastUsedAt: NOON + 3_600_000, previousLastUsedAt: NOON + 3_600_000 }],
      [],
    ],
  );
  const hours = {
    12: { requests: 1, errors: 0, timeUs: 1_000 },
    13: { requests: 2, errors: 2, timeUs: 6_000 },
  };
  t.match(await store.days('key:k', 0, TODAY), [{ hours, denials: { rate_limited: 1 } }]);
  t.strictSame([await requestsOf('owner:old'), await requestsOf('owner:new'), await requestsOf('all')], [1, 2, 3]);
});

t.test('the first day to keep follows the clock and the configuration', async (t) => {
  let retentionMs = 90 * DAY_MS;
  const { store, recorder, clock } = await start(t, { retentionMs: () => retentionMs });
  recorder.sink(exchange({ at: NOON }));
  await recorder.flush();
  clock.advance(DAY_MS);
  retentionMs = DAY_MS;
  recorder.sink(exchange({ at: NOON }));
  await recorder.flush();
  t.strictSame(
    store.batches.map(({ keepFrom }) => keepFrom),
    [TODAY - 90, TODAY],
  );
});

t.test('stopping writes what is left, also after a failure, and does not wait for ever', async (t) => {
  const { store, recorder, timer, requestsOf } = await start(t);
  recorder.sink(exchange({ keyId: 'a', at: NOON }));
  store.failBefore = 'STORE_UNAVAILABLE';
  timer.tick();
  await recorder.flush();
  recorder.sink(exchange({ keyId: 'b', at: NOON }));
  const stopping = recorder.stop();
  setImmediate(() => {
    store.failBefore = null;
  });
  await stopping;
  t.equal(await requestsOf('all'), 2);
  recorder.sink(exchange({ keyId: 'c', at: NOON }));
  timer.tick();
  await new Promise(setImmediate);
  t.equal(await requestsOf('key:c'), 0, 'the timer has ended');

  const stuck = await start(t, { stopTimeoutMs: 10 });
  stuck.store.record = () => new Promise(() => {});
  stuck.recorder.sink(exchange());
  await stuck.recorder.stop();
});

t.test('the system timer writes into a real store', async (t) => {
  const { usage } = await openFiles(t);
  const store = new FaultyUsageStore(usage);
  const { promise: written, resolve } = Promise.withResolvers<void>();
  const record = store.record.bind(store);
  store.record = (batch) => record(batch).then(resolve);
  const recorder = new UsageRecorder({ store, clock: new ManualClock(), retentionMs: () => DAY_MS });
  recorder.sink(exchange({ keyId: 'a', at: NOON, previousSecret: true }));
  const hold = setTimeout(() => {}, 30_000);
  await written;
  clearTimeout(hold);
  recorder.sink(exchange({ keyId: 'a', at: NOON + 1 }));
  await recorder.stop();
  t.strictSame(await usage.read(['a']), [{ keyId: 'a', lastUsedAt: NOON + 1, previousLastUsedAt: NOON }]);
});
