import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { HOUR_MS, type Lease, type LimitState, type Limits, take, UNITS_PER_TOKEN } from '../../src/core/limits.ts';
import type { Store } from '../../src/core/ports.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import type { LimitTable } from '../../src/stores/sqlite/limit-table.ts';
import { MAX_AHEAD, OwnedLedger } from '../../src/stores/sqlite/owned-ledger.ts';
import { Ownership } from '../../src/stores/sqlite/ownership.ts';
import type { ManualClock } from '../support/clock.ts';
import { limitsFile, START } from '../support/limits-file.ts';
import { SEED } from '../support/random.ts';

const LIMITS: Limits = { perHour: 100, perDay: 1_000, burst: 40 };

/** One file, and ledgers that come and go on it as processes do. */
function file(t: Test): { table: LimitTable; clock: ManualClock; start(): OwnedLedger } {
  const { connection, table, clock } = limitsFile(t);
  return { table, clock, start: () => new OwnedLedger(connection, table, clock) };
}

function leased(ledger: OwnedLedger, limits: Limits, want: number): Lease {
  const lease = ledger.lease('key_a', limits, want);
  if (lease instanceof Promise) throw new Error('expected a lease at once');
  return lease;
}

t.test('what is admitted is exact while the process lives, and after it ended in good order', async (t) => {
  const { start } = file(t);
  const first = start();
  t.equal(leased(first, LIMITS, 1).hourRemaining, 99);
  t.equal(leased(first, LIMITS, 30).burstRemaining, 9);
  await first.flush();
  const second = start();
  t.equal(leased(second, LIMITS, 1).hourRemaining, 68);
  t.equal(leased(second, LIMITS, 100).granted, 8);
  t.equal(leased(second, LIMITS, 1).refusedBy, 'burst');
});

t.test('after a kill no key has more left than it had, and few have less', async (t) => {
  const { start, clock } = file(t);
  const limits = { perHour: 1_000, perDay: 5_000, burst: 1_000 };
  const before = leased(start(), limits, 1);
  clock.time += 1;
  const after = leased(start(), limits, 1);
  for (const left of ['hourRemaining', 'dayRemaining', 'burstRemaining'] as const) {
    t.ok(after[left] < before[left], left);
    t.ok(after[left] >= before[left] - 1 - MAX_AHEAD, `${left} loses ${MAX_AHEAD} at most`);
  }
});

t.test('a key near its limit loses nothing by a kill', async (t) => {
  const { start } = file(t);
  const limits = { perHour: 50, perDay: 5_000, burst: 1_000 };
  t.equal(leased(start(), limits, 45).granted, 45);
  t.equal(leased(start(), limits, 50).granted, 5);
  t.equal(leased(start(), limits, 50).granted, 0);
});

type Step = { readonly kind: 'lease' | 'wait' | 'kill'; readonly n: number };

/** What is free of hour, day and burst. */
function free(state: LimitState | null, limits: Limits, now: number): readonly number[] {
  const { granted, hourRemaining, dayRemaining, burstRemaining } = take(state, limits, 1, now).lease;
  return [hourRemaining + granted, dayRemaining + granted, burstRemaining + granted];
}

t.test('whatever is leased and whenever the process is killed, nothing gives more than its limit', async (t) => {
  const { start, clock, table } = file(t);
  const steps = fc.array(
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ kind: fc.constant<Step['kind']>('lease'), n: fc.integer({ min: 1, max: 4 }) }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant<Step['kind']>('lease'), n: fc.constant(40) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant<Step['kind']>('wait'), n: fc.nat({ max: 9_000 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant<Step['kind']>('wait'), n: fc.nat({ max: HOUR_MS }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant<Step['kind']>('kill'), n: fc.constant(0) }) },
    ),
    { minLength: 20, maxLength: 80 },
  );
  const someLimits = fc.record({
    perHour: fc.integer({ min: 20, max: 5_000 }),
    perDay: fc.integer({ min: 20, max: 9_000 }),
    burst: fc.integer({ min: 20, max: 500 }),
  });
  let keys = 0;
  const holds = (limits: Limits, steps: readonly Step[]): boolean => {
    keys++;
    const id = `key_${keys}`;
    clock.time = START;
    let ledger = start();
    // What a ledger that never dies would say: the truth that this one may not exceed.
    let truth: LimitState | null = null;
    for (const { kind, n } of steps) {
      if (kind === 'kill') ledger = start();
      if (kind === 'wait') clock.time += n;
      if (kind === 'lease') {
        const { granted } = ledger.lease(id, limits, n) as Lease;
        const allowed: ReturnType<typeof take> | null = granted === 0 ? null : take(truth, limits, granted, clock.time);
        if (allowed !== null && allowed.lease.granted !== granted) return false;
        truth = allowed?.state ?? truth;
      }
      // What a process that starts now finds in the file is never more than what is left, of any limit.
      const left = free(truth, limits, clock.time);
      if (free(table.read(id), limits, clock.time).some((found, i) => found > (left[i] ?? 0))) return false;
    }
    return true;
  };
  fc.assert(fc.property(someLimits, steps, holds), { seed: SEED, numRuns: 100 });
});

t.test('a busy key is written once for many admissions', async (t) => {
  const { start, table, clock } = file(t);
  const limits = { perHour: 1_000_000, perDay: 10_000_000, burst: 100_000 };
  const ledger = start();
  const seen = new Set<number | undefined>();
  for (let i = 0; i < 330; i++) {
    leased(ledger, limits, 1);
    clock.time += 1;
    seen.add(table.read('key_a')?.hourUsed);
  }
  t.ok(seen.size <= 11, `${seen.size} writes`);
});

async function openBoth(t: Test): Promise<[Store, Store]> {
  const path = join(t.testdir(), 'keys.db');
  const clock = { now: () => START };
  const both = [
    await openSqliteStore({ path, timeoutMs: 5_000, clock }),
    await openSqliteStore({ path, timeoutMs: 5_000, clock }),
  ] as const;
  const left = new Set<Store>(both);
  const closing = both.map((store) => ({
    ...store,
    close: async () => {
      if (left.delete(store)) await store.close();
    },
  }));
  t.teardown(() => Promise.all(closing.map((store) => store.close())));
  return [closing[0] as Store, closing[1] as Store];
}

t.test('the first that counts owns the file and answers at once; it shares when another comes', async (t) => {
  const [first, second] = await openBoth(t);
  t.equal((await first.limits.lease('key_a', LIMITS, 10)).hourRemaining, 90);
  t.notOk(first.limits.lease('key_a', LIMITS, 1) instanceof Promise, 'from memory');
  t.equal(
    (await second.limits.lease('key_a', LIMITS, 5)).hourRemaining,
    84,
    'exact from the start, nothing written ahead',
  );
  t.ok(first.limits.lease('key_b', LIMITS, 1) instanceof Promise, 'in the file');
  t.equal((await first.limits.lease('key_a', LIMITS, 1)).hourRemaining, 83);
});

t.test('a process that counts nothing does not disturb the owner', async (t) => {
  const [first, second] = await openBoth(t);
  await first.limits.lease('key_a', LIMITS, 1);
  await second.keys.list({ limit: 1 });
  await delay(60);
  t.notOk(first.limits.lease('key_a', LIMITS, 1) instanceof Promise);
});

t.test('a process that only peeks sees what the owner wrote ahead, and does not disturb it', async (t) => {
  const [first, second] = await openBoth(t);
  await first.limits.lease('key_a', LIMITS, 20);
  const seen = await second.limits.peek('key_a');
  t.equal(seen.isExact, false);
  // 20 are left of the bucket and 80 of the hour; an eighth of 20 is written ahead.
  t.match(seen.state, { units: 18 * UNITS_PER_TOKEN, hourUsed: 22, at: seen.now + 30_000 });
  await delay(60);
  t.notOk(first.limits.lease('key_a', LIMITS, 1) instanceof Promise, 'it counts in memory as before');
  t.match(await first.limits.peek('key_a'), { isExact: true, state: { hourUsed: 21 } });
  await second.limits.lease('key_a', LIMITS, 1);
  const shared = { isExact: true, state: { hourUsed: 22 } };
  t.match(await first.limits.peek('key_a'), shared, 'exact once they share');
  t.match(await second.limits.peek('key_a'), shared);
});

t.test('whoever only peeks knows whether anybody counts, and is in nobody’s way', async (t) => {
  const [first, second] = await openBoth(t);
  const never = { state: null, now: START, isExact: true };
  t.strictSame(await second.limits.peek('key_a'), never, 'nobody counts yet');
  const leasing = first.limits.lease('key_a', LIMITS, 1);
  t.match(await first.limits.peek('key_a'), { isExact: false }, 'while it is being settled who does');
  await leasing;
  t.notOk(first.limits.lease('key_a', LIMITS, 1) instanceof Promise, 'who looked keeps nobody from owning the file');
  t.match(await second.limits.peek('key_b'), { state: null, isExact: false });
  await first.close();
  t.match(await second.limits.peek('key_a'), { state: { hourUsed: 2, at: START }, isExact: true }, 'all is written');
  await second.limits.lease('key_a', LIMITS, 1);
  t.notOk(second.limits.lease('key_a', LIMITS, 1) instanceof Promise, 'and nothing is left locked');
});

t.test('the file is owned although somebody reads it at that moment', async (t) => {
  const path = join(t.testdir(), 'lock.db');
  const open = (file: string) => ({ db: new DatabaseSync(file), file, timeoutMs: 100 });
  const [lock, other, limits] = [open(path), open(path), open(':memory:')];
  limits.db.exec('CREATE TABLE sharing (id INTEGER PRIMARY KEY)');
  const [owner, onlooker] = [new Ownership(lock, limits), new Ownership(other, limits)];
  t.teardown(() => [lock, other, limits].forEach(({ db }) => db.close()));
  let owning: Promise<boolean> = Promise.resolve(false);
  t.equal(
    onlooker.whileNobodyOwns((isFree) => {
      owning = owner.own();
      return isFree;
    }),
    true,
  );
  t.equal(await owning, true);
  t.equal(
    onlooker.whileNobodyOwns((isFree) => isFree),
    false,
  );
  owner.release();
});

t.test('the owner peeks at a key that is not in memory without taking it there', async (t) => {
  const { start, table, clock } = file(t);
  const first = start();
  leased(first, LIMITS, 30);
  await first.flush();
  const second = start();
  t.equal(second.peek('key_a').state?.hourUsed, 30);
  table.write('key_a', take(table.read('key_a'), LIMITS, 5, clock.time).state);
  t.equal(second.peek('key_a').state?.hourUsed, 35, 'from the file');
  t.equal(leased(second, LIMITS, 1).hourRemaining, 64);
});

t.test('leases under way while the file is handed over are all decided, and add up', async (t) => {
  const [first, second] = await openBoth(t);
  const limits = { perHour: 300, perDay: 5_000, burst: 1_000 };
  let granted = 0;
  const lease = async (store: Store): Promise<void> => {
    for (let i = 0; i < 400; i++) {
      const one = await store.limits.lease('key_a', limits, 1);
      granted += one.granted;
      if (i % 20 === 0) await delay(1);
    }
  };
  await Promise.all([lease(first), delay(5).then(() => lease(second))]);
  t.equal(granted, 300);
});

t.test('the file goes to another owner when the first is closed', async (t) => {
  const [first, second] = await openBoth(t);
  await first.limits.lease('key_a', LIMITS, 10);
  await first.close();
  t.equal((await second.limits.lease('key_a', LIMITS, 1)).hourRemaining, 89);
  t.notOk(second.limits.lease('key_a', LIMITS, 1) instanceof Promise);
});
