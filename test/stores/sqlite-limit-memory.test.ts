import { isDeepStrictEqual } from 'node:util';
import t, { type Test } from 'tap';
import { giveBack, type Lease, type LimitState, type Limits, take } from '../../src/core/limits.ts';
import type { LimitTable } from '../../src/stores/sqlite/limit-table.ts';
import { OwnedLedger } from '../../src/stores/sqlite/owned-ledger.ts';
import type { ManualClock } from '../support/clock.ts';
import { limitsFile } from '../support/limits-file.ts';
import { randomFrom, SEED } from '../support/random.ts';

const LIMITS: Limits = { perHour: 40, perDay: 200, burst: 30 };

/** A ledger that holds so many keys in memory. */
function setUp(t: Test, maxKeys: number): { ledger: OwnedLedger; table: LimitTable; clock: ManualClock } {
  const { connection, table, clock } = limitsFile(t);
  return { ledger: new OwnedLedger(connection, table, clock, maxKeys), table, clock };
}

t.test('wherever its caller thinks that a key is, each is counted for itself', async (t) => {
  const random = randomFrom(SEED);
  const { ledger, clock } = setUp(t, 5);
  const truth = new Map<string, LimitState>();
  const places = new Map<string, { place: number }>();
  for (let step = 0; step < 4_000; step++) {
    const id = `key_${random(12)}`;
    const place = places.get(id) ?? { place: -1 };
    places.set(id, place);
    // What another key was told, or nobody: it is only a hint.
    if (random(5) === 0) place.place = random(9) - 1;
    if (random(200) === 0) await ledger.flush();
    clock.time += random(20_000);
    const now = clock.time;
    const want = 1 + random(3);
    const lease = ledger.lease(id, LIMITS, want, 0, null, place) as Lease;
    const expected = take(truth.get(id) ?? null, LIMITS, want, now);
    if (!isDeepStrictEqual(lease, expected.lease)) t.fail(`step ${step}: another answer than of one who counts alone`);
    if (lease.granted === 0) continue;
    truth.set(id, expected.state);
    if (random(4) === 0) {
      ledger.release(id, LIMITS, 1, lease);
      truth.set(id, giveBack(expected.state, LIMITS, 1, lease.now, now) as LimitState);
    }
    if (!isDeepStrictEqual(ledger.peek(id).state, truth.get(id))) t.fail(`step ${step}: another count`);
  }
});

t.test('a key that had to make room goes on from where it was', async (t) => {
  const { ledger, table } = setUp(t, 3);
  const place = { place: -1 };
  await ledger.lease('key_a', LIMITS, 10, 0, null, place);
  for (const id of ['key_b', 'key_c', 'key_d']) await ledger.lease(id, LIMITS, 1);
  t.equal(table.read('key_a')?.hourUsed, 10, 'written exactly');
  t.equal((ledger.lease('key_a', LIMITS, 1, 0, null, place) as Lease).hourRemaining, 29);
  t.equal(table.read('key_b')?.hourUsed, 1, 'the one that came next had to go');
});

t.test('what was forgotten is not used, whatever its caller remembers', async (t) => {
  const { ledger, table } = setUp(t, 3);
  const place = { place: -1 };
  await ledger.lease('key_a', LIMITS, 1, 0, null, place);
  await ledger.lease('key_b', LIMITS, 1);
  await ledger.flush();
  // Another process counts from here on.
  const state = table.read('key_a');
  if (state === null) throw new Error('expected it to be written');
  table.write('key_a', { ...state, hourUsed: 35 });
  t.equal((ledger.lease('key_a', LIMITS, 1, 0, null, place) as Lease).hourRemaining, 4);
});
