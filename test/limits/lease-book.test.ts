import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import type { LoadedKey } from '../../src/core/decision.ts';
import { HOUR_MS, type Lease, type Limits } from '../../src/core/limits.ts';
import type { LimitLedger } from '../../src/core/ports.ts';
import { LeaseBook } from '../../src/limits/lease-book.ts';
import { ManualClock, NOON } from '../support/clock.ts';
import { loadedKey } from '../support/keys.ts';
import { FarLedger, HeldLedger, SyncLedger } from './ledgers.ts';

const AMPLE: Limits = { perHour: 1_000_000, perDay: 100_000_000, burst: 100_000 };

/** A ledger and its clock; the processes' own clocks run as fast, and began earlier. */
function setUp(startsAt = NOON) {
  const clock = new ManualClock(startsAt);
  const near = new SyncLedger(clock);
  const far = new FarLedger(near);
  const elapsed = (): number => clock.time - startsAt + 86_400.5;
  return {
    clock,
    near,
    far,
    book: (ledger: LimitLedger = far, maxOpen = 1_000) => new LeaseBook({ ledger, elapsed, maxOpen }),
  };
}

/** What the gate does for a request. */
async function admit(book: LeaseBook, key: LoadedKey): Promise<Lease> {
  return book.spend(key) ?? (await book.take(key));
}

/** Requests one after the other. @returns how many were admitted */
async function admitted(book: LeaseBook, key: LoadedKey, requests: number): Promise<number> {
  let count = 0;
  for (let i = 0; i < requests; i++) count += (await admit(book, key)).granted;
  return count;
}

/** Requests at this moment, all at once. */
async function flood(book: LeaseBook, key: LoadedKey, requests: number): Promise<Lease[]> {
  return Promise.all(Array.from({ length: requests }, () => admit(book, key)));
}

/** Fifty requests: with the last of them as many are taken ahead as were admitted before it, 49. */
async function makeBusy(book: LeaseBook, key: LoadedKey): Promise<void> {
  await flood(book, key, 49);
  await admit(book, key);
}

/** So many requests a second, and a sweep five times a second. */
async function steadily(
  book: LeaseBook,
  key: LoadedKey,
  clock: ManualClock,
  at: { readonly perSecond: number; readonly seconds: number },
): Promise<number> {
  let count = 0;
  for (let i = 0; i < at.perSecond * at.seconds; i++) {
    count += (await admit(book, key)).granted;
    if (i % Math.ceil(at.perSecond / 5) === 0) book.sweep();
    clock.advance(1_000 / at.perSecond);
  }
  return count;
}

t.test('at 100 requests a second at most one of twenty asks the ledger', async (t) => {
  for (const limits of [AMPLE, { perHour: 10_000, perDay: 100_000, burst: 5_000 }]) {
    const { clock, book } = setUp();
    const busy = book();
    t.equal(await steadily(busy, loadedKey({ limits }), clock, { perSecond: 100, seconds: 20 }), 2_000);
    t.ok(busy.stats.asked <= 100, `${busy.stats.asked} of 2000 asked`);
    t.ok(busy.stats.spentAhead >= 1_900);
  }
});

t.test('as many are taken ahead as came in half a second', async (t) => {
  const { clock, far, book } = setUp();
  const key = loadedKey({ limits: AMPLE });
  const busy = book();
  await steadily(busy, key, clock, { perSecond: 100, seconds: 3 });
  t.equal(far.questions.at(-1)?.ahead, 50);
  clock.advance(5_000);
  for (let i = 0; i < 3; i++) {
    await admit(busy, key);
    t.equal(far.questions.at(-1)?.ahead, 0, 'after a pause none: how busy it was is forgotten');
  }
});

t.test('a key that is seldom used takes nothing ahead', async (t) => {
  const { clock, far, book } = setUp();
  await steadily(book(), loadedKey({ limits: AMPLE }), clock, { perSecond: 6, seconds: 10 });
  t.equal(far.questions.length, 60);
  t.ok(far.questions.every(({ ahead, granted }) => ahead === 0 && granted === 1));
});

t.test('what is taken ahead is an eighth of what then remains, of whatever limit is nearest', async (t) => {
  for (const limits of [
    { ...AMPLE, perHour: 81 },
    { ...AMPLE, perDay: 81 },
    { ...AMPLE, burst: 81 },
  ]) {
    const { far, book } = setUp();
    const key = loadedKey({ limits });
    const busy = book();
    await flood(busy, key, 40);
    await admit(busy, key);
    t.strictSame(far.questions, [
      { want: 1, ahead: 0, granted: 1 },
      { want: 39, ahead: 0, granted: 39 },
      { want: 1, ahead: 40, granted: 1 + 5 },
    ]);
  }
});

t.test('a key near its limit is exact, in one process and in several', async (t) => {
  for (const processes of [1, 4]) {
    const { clock, far, book } = setUp();
    const limits = { ...AMPLE, perHour: 300 };
    const gateways = Array.from({ length: processes }, () => ({ busy: book(), key: loadedKey({ id: 'a', limits }) }));
    let count = 0;
    for (let round = 0; round < 400; round++) {
      for (const { busy, key } of gateways) count += (await admit(busy, key)).granted;
      clock.advance(5);
    }
    t.ok(count > 250 && count <= 300, `${count} admitted while others hold some`);
    clock.advance(1_200);
    for (const { busy } of gateways) busy.sweep();
    await turn();
    for (const { busy, key } of gateways) count += await admitted(busy, key, 300);
    t.equal(count, 300, 'what nobody spent came back');
    t.match(await far.lease('a', limits, 1), { granted: 0, refusedBy: 'hour' });
  }
});

t.test('the last admissions are taken one by one', async (t) => {
  const { far, book } = setUp();
  const key = loadedKey({ limits: { ...AMPLE, perHour: 20 } });
  t.equal(await admitted(book(), key, 30), 20);
  const alone = far.questions.filter(({ granted }) => granted === 1);
  t.ok(alone.length >= 8, 'nothing is taken ahead of the last eight');
  t.ok(far.questions.every(({ want }) => want === 1));
});

t.test('one question serves all that wait for a key', async (t) => {
  const { near, book } = setUp();
  const held = new HeldLedger(near);
  const busy = book(held);
  const [key, other] = [loadedKey({ limits: AMPLE }), loadedKey({ limits: AMPLE })];
  const leases = flood(busy, key, 100);
  const others = flood(busy, other, 10);
  t.equal(held.waiting, 2, 'one for each key');
  for (let i = 0; i < 4; i++) {
    held.answer();
    await turn();
  }
  t.equal(held.waiting, 0);
  t.strictSame(
    near.asked.map(({ want }) => want),
    [1, 1, 99, 9],
  );
  t.ok((await leases).every(({ granted }) => granted === 1));
  t.ok((await others).every(({ granted }) => granted === 1));
});

t.test('those for whom there is none are refused at once, and told why and until when', async (t) => {
  for (const [limits, refusedBy, retryAfterMs] of [
    [{ ...AMPLE, perHour: 10 }, 'hour', HOUR_MS / 2],
    [{ ...AMPLE, perDay: 10 }, 'day', 11.5 * HOUR_MS],
    [{ ...AMPLE, perHour: 3_600, burst: 10 }, 'burst', 1_000],
  ] as const) {
    const { far, book } = setUp();
    const leases = await flood(book(), loadedKey({ limits }), 30);
    t.equal(leases.filter(({ granted }) => granted === 1).length, 10);
    t.match(leases.at(-1), { granted: 0, refusedBy, retryAfterMs });
    t.equal(far.questions.length, 2, 'nobody asked again');
  }
});

t.test('who comes after the question gets what was taken ahead, and is not refused by its answer', async (t) => {
  const { clock, near, book } = setUp();
  const held = new HeldLedger(near);
  const busy = book(held);
  const key = loadedKey({ limits: { ...AMPLE, perHour: 3_600, burst: 3 } });
  const first = flood(busy, key, 4);
  held.answer();
  await turn();
  t.equal(held.waiting, 1, 'three wait, and two are free');
  clock.advance(1_000);
  near.lease(key.record.id, key.limits, 3);
  const late = busy.take(key);
  held.answer();
  await turn();
  t.strictSame(
    (await first).map(({ granted }) => granted),
    [1, 0, 0, 0],
  );
  clock.advance(1_000);
  held.answer();
  t.match(await late, { granted: 1 }, 'a token had come');
});

t.test('what is left after a second is not spent, and goes back', async (t) => {
  const { clock, near, far, book } = setUp();
  const key = loadedKey({ limits: AMPLE });
  const busy = book();
  await makeBusy(busy, key);
  const left = 49;
  clock.advance(999);
  t.ok(busy.spend(key), 'until then it is');
  clock.advance(1);
  t.equal(busy.spend(key), null);
  busy.sweep();
  t.strictSame(far.released, [left - 1]);
  t.equal(near.lease(key.record.id, AMPLE, 1).hourRemaining, AMPLE.perHour - 50 - 1 - 1, 'only what was spent counts');
  t.equal(busy.stats.open, 0);
});

t.test('before more is asked for, what is left goes back', async (t) => {
  const { clock, far, book } = setUp();
  const key = loadedKey({ limits: { ...AMPLE, perHour: 100 } });
  const busy = book();
  await makeBusy(busy, key);
  t.equal(far.questions.at(-1)?.granted, 1 + 6);
  clock.advance(1_000);
  t.equal(await admitted(busy, key, 60), 50);
  t.equal(far.released[0], 6);
});

t.test('what was taken in an hour is spent in that hour, whatever the process takes the time to be', async (t) => {
  const { clock, near, far, book } = setUp(NOON - (NOON % HOUR_MS) + HOUR_MS - 400);
  const key = loadedKey({ limits: { ...AMPLE, perHour: 1_000 } });
  const busy = book();
  await makeBusy(busy, key);
  clock.advance(394);
  t.ok(busy.spend(key));
  clock.advance(1);
  t.equal(busy.spend(key), null, 'not in its last milliseconds');
  clock.advance(5);
  t.match(await admit(busy, key), { granted: 1, hourRemaining: 999 }, 'a new hour');
  t.equal(far.released[0], 48);
  t.equal(near.peek(key.record.id).state?.hourUsed, 1 + (far.questions.at(-1)?.granted ?? 0) - 1);
  t.equal(near.peek(key.record.id).state?.dayUsed, 51 + (far.questions.at(-1)?.granted ?? 0), 'the day got it back');
});

t.test('an answer of an hour that has ended is for those who asked, and for no others', async (t) => {
  const { clock, near, book } = setUp(NOON - (NOON % HOUR_MS) + HOUR_MS - 100);
  const slow = new HeldLedger(near);
  const key = loadedKey({ limits: AMPLE });
  const busy = book({
    peek: (id) => slow.peek(id),
    release: (...given) => slow.release(...given),
    // Decided at once, told later.
    lease: (keyId, limits, want, ahead, owed) => {
      const lease = near.lease(keyId, limits, want, ahead, owed);
      return slow.lease('another', AMPLE, 1).then(() => lease);
    },
  });
  const first = flood(busy, key, 20);
  slow.answer();
  await turn();
  const asked = near.asked.length;
  clock.advance(100);
  const late = busy.take(key);
  slow.answer();
  t.equal((await first).filter(({ granted }) => granted === 1).length, 20);
  slow.answer();
  await late;
  t.ok(near.asked.length > asked, 'it was asked again');
  const hour = Math.floor(clock.time / HOUR_MS);
  t.match(near.peek(key.record.id).state, { hour });
  t.equal(Math.floor((await late).now / HOUR_MS), hour);
});

t.test('when its limits change, what was taken under the old ones goes back', async (t) => {
  const { near, far, book } = setUp();
  const key = loadedKey({ limits: AMPLE });
  const changed = loadedKey({ id: key.record.id, limits: { ...AMPLE, perHour: 60 } });
  const busy = book();
  await makeBusy(busy, key);
  t.equal(busy.spend(changed), null);
  t.match(await busy.take(changed), { granted: 1, hourRemaining: 9 });
  t.strictSame(far.released, [49]);
  t.equal(await admitted(busy, changed, 20), 9);
  t.equal(near.peek(key.record.id).state?.hourUsed, 60);
  const held = new HeldLedger(near);
  const slow = book(held);
  const waits = slow.take(key);
  const asks = slow.take(changed);
  t.equal(held.waiting, 2, 'nor does it wait for an answer under the old ones');
  held.answer();
  held.answer();
  t.match([await waits, await asks], [{ granted: 1 }, { granted: 0 }]);
});

t.test('a key that is read anew goes on as before', async (t) => {
  const { far, book } = setUp();
  const key = loadedKey({ limits: AMPLE });
  const busy = book();
  await makeBusy(busy, key);
  t.ok(busy.spend({ ...key }), 'what was taken ahead is the key’s, not that of one reading of it');
  const forgotten = loadedKey({ id: key.record.id, limits: AMPLE });
  t.equal(await admitted(busy, forgotten, 49), 49);
  t.equal(far.questions.at(-1)?.ahead, 0, 'its pace goes by what is known of it now');
});

t.test('a ledger in memory is asked each time, and nothing is taken ahead', async (t) => {
  const { near, far, clock, book } = setUp();
  let ledger: LimitLedger = near;
  const busy = book({
    peek: (id) => ledger.peek(id),
    lease: (...given) => ledger.lease(...given),
    release: (...given) => ledger.release(...given),
  });
  const key = loadedKey({ limits: AMPLE });
  for (let i = 0; i < 100; i++) t.notOk(busy.take(key) instanceof Promise);
  t.match(busy.stats, { asked: 100, spentAhead: 0, open: 0 });
  ledger = far;
  await makeBusy(busy, key);
  t.ok(busy.spend(key), 'when it has to be shared, it is far');
  ledger = near;
  clock.advance(1_000);
  for (let i = 0; i < 2; i++) await flood(busy, key, 60);
  clock.advance(100);
  busy.sweep();
  t.notOk(busy.take(key) instanceof Promise, 'and near again');
});

t.test('in the end everything goes back, what is answered only then too', async (t) => {
  const { near, far, book } = setUp();
  const keys = Array.from({ length: 5 }, () => loadedKey({ limits: AMPLE }));
  const busy = book();
  for (const key of keys) await makeBusy(busy, key);
  await busy.giveBackAll();
  t.strictSame(far.released, [49, 49, 49, 49, 49]);
  for (const key of keys) t.equal(near.peek(key.record.id).state?.hourUsed, 50);

  const held = new HeldLedger(near);
  const slow = book(held);
  const key = loadedKey({ limits: AMPLE });
  const leases = flood(slow, key, 50);
  held.answer();
  await turn();
  held.answer();
  await leases;
  const last = slow.take(key);
  const closing = slow.giveBackAll();
  held.answer();
  await Promise.all([closing, last]);
  t.equal(near.asked.length, 5 * 3 + 3);
  t.equal(near.peek(key.record.id).state?.hourUsed, 51);
});

t.test('so many keys are open and no more; of others each request asks for itself', async (t) => {
  const { near, book } = setUp();
  const held = new HeldLedger(near);
  const busy = book(held, 3);
  const keys = Array.from({ length: 4 }, () => loadedKey({ limits: AMPLE }));
  const leases = keys.flatMap((key) => [busy.take(key), busy.take(key)]);
  t.equal(busy.stats.open, 3);
  t.equal(held.waiting, 3 + 2);
  while (held.waiting > 0) {
    held.answer();
    await turn();
  }
  t.ok((await Promise.all(leases.map(async (lease) => lease))).every(({ granted }) => granted === 1));
  busy.sweep();
  t.equal(busy.stats.open, 0);
});

t.test('callers are told how the limits stand as if nothing were taken ahead', async (t) => {
  const { clock, far, book } = setUp();
  const limits = { perHour: 360_000, perDay: 1_900, burst: 400 };
  const [key, twin] = [loadedKey({ limits }), loadedKey({ limits })];
  const busy = book();
  const plain = new SyncLedger(clock);
  let before = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 2_000; i++) {
    const told = await admit(busy, key);
    const expected = plain.lease(twin.record.id, limits, 1);
    for (const name of ['granted', 'refusedBy', 'hourRemaining', 'dayRemaining'] as const) {
      if (told[name] !== expected[name]) t.equal(told[name], expected[name], `${name} of request ${i}`);
    }
    const burst = expected.burstRemaining - told.burstRemaining;
    if (burst < 0 || burst > 1) t.fail(`${told.burstRemaining} at once, and ${expected.burstRemaining} it was`);
    if (Math.abs(told.burstFullInMs - expected.burstFullInMs) > 1) t.equal(told.burstFullInMs, expected.burstFullInMs);
    if (Math.abs(told.now - expected.now) > 0) t.equal(told.now, expected.now);
    if (told.hourRemaining > before) t.fail('more remain than before');
    before = told.hourRemaining;
    clock.advance(i % 3 === 0 ? 17 : 3);
    if (i % 40 === 0) busy.sweep();
  }
  t.ok(busy.stats.spentAhead > 1_000, 'most were told by the book');
  t.ok(far.questions.length > 10);
});
