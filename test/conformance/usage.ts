import type { Test } from 'tap';
import {
  dayOf,
  type KeyUse,
  type UsageBatch,
  type UsageDay,
  type UsageDelta,
  type UsageScope,
} from '../../src/core/usage.ts';
import { type Harness, newId } from './harness.ts';

/** The last day of a month, so that the next is the first of another. */
const TODAY = dayOf(Date.UTC(2026, 9, 31));
const KEEP_FROM = TODAY - 90;

let writers = 0;

/** The batches of one process, numbered as it would. */
function writer(): (content: Partial<UsageBatch>) => UsageBatch {
  writers++;
  const name = `${process.pid}-${writers}`;
  let number = 0;
  return (content) => {
    number++;
    return { writer: name, number, uses: [], deltas: [], keepFrom: KEEP_FROM, ...content };
  };
}

function use(keyId: string, lastUsedAt: number | null, previousLastUsedAt: number | null): KeyUse {
  return { keyId, lastUsedAt, previousLastUsedAt };
}

/** So many requests in one hour, each of 5 µs. */
function delta(scope: UsageScope, day: number, hour: number, requests: number): UsageDelta {
  return {
    scope,
    day,
    hours: { [hour]: { requests, errors: 0, timeUs: requests * 5 } },
    endpoints: { '/api/domains/*': requests },
    methods: { GET: requests },
    denials: {},
  };
}

function counted(day: number, hours: Record<number, number>): UsageDay {
  const all = Object.values(hours).reduce((sum, requests) => sum + requests, 0);
  const totals = Object.entries(hours).map(([hour, requests]) => [hour, { requests, errors: 0, timeUs: requests * 5 }]);
  return {
    day,
    hours: Object.fromEntries(totals),
    endpoints: { '/api/domains/*': all },
    methods: { GET: all },
    denials: {},
  };
}

export async function checkUsage(t: Test, harness: Harness): Promise<void> {
  await t.test('last uses', (t) => checkUses(t, harness));
  await t.test('counts', (t) => checkCounts(t, harness));
  await t.test('batches', (t) => checkBatches(t, harness));
}

async function checkUses(t: Test, harness: Harness): Promise<void> {
  const { usage } = await harness.open();
  const other = await harness.open();
  const next = writer();

  await t.test('a key that was never used has no times', async (t) => {
    const id = newId();
    t.strictSame(await usage.read([id]), [use(id, null, null)]);
  });

  await t.test('the later time wins, null changes nothing, each of the two on its own', async (t) => {
    const id = newId();
    const steps: [KeyUse, KeyUse][] = [
      [use(id, null, null), use(id, null, null)],
      [use(id, 50, null), use(id, 50, null)],
      [use(id, 40, 10), use(id, 50, 10)],
      [use(id, null, 20), use(id, 50, 20)],
      [use(id, 1_900_000_000_000, null), use(id, 1_900_000_000_000, 20)],
      [use(id, 60, 5), use(id, 1_900_000_000_000, 20)],
    ];
    for (const [merged, expected] of steps) {
      const deltas = merged.lastUsedAt === null ? [] : [delta(`key:${id}`, TODAY, 1, 1)];
      await usage.record(next({ uses: [merged], deltas }));
      t.strictSame(await other.usage.read([id]), [expected]);
    }
  });

  await t.test('one entry for each id asked for, in that order', async (t) => {
    const ids = Array.from({ length: 1_200 }, newId);
    await usage.record(next({ uses: ids.map((id, i) => use(id, i + 1, null)) }));
    const asked = ids.toReversed().concat('key_unknown');
    const found = await usage.read(asked);
    const times = [...ids.keys()].toReversed().map<number | null>((i) => i + 1);
    t.strictSame(
      found.map(({ keyId, lastUsedAt }) => [keyId, lastUsedAt]),
      asked.map((id, i) => [id, times[i] ?? null]),
    );
    t.strictSame(await usage.read([]), []);
    await t.resolves(usage.record(next({})));
  });
}

async function checkCounts(t: Test, harness: Harness): Promise<void> {
  const { usage } = await harness.open();
  const other = await harness.open();
  const next = writer();
  const elsewhere = writer();

  await t.test('all that is counted comes back, whatever the names are', async (t) => {
    const scopes: UsageScope[] = [`key:${newId()}`, `owner:${newId()}\n"{}\\é\ud83d\ude00'\t:}`, `owner:`];
    const deltas = scopes.map((scope) => ({
      scope,
      day: TODAY,
      hours: { 0: { requests: 3, errors: 1, timeUs: 1_500 }, 23: { requests: 4, errors: 4, timeUs: 0 } },
      endpoints: { '': 2, '/api/"x"/:id/%C3%A9': 5 },
      methods: { GET: 6, other: 1 },
      denials: { rate_limited: 3, key_expired: 1 },
    }));
    await usage.record(next({ deltas }));
    for (const { scope, ...day } of deltas) t.strictSame(await other.usage.days(scope, TODAY, TODAY), [day], scope);
    t.strictSame(await usage.days(`owner:${newId()}`, 0, TODAY + 1), [], 'nothing of another');
  });

  await t.test('what two processes count adds up, by hour, endpoint and method', async (t) => {
    const scope: UsageScope = `key:${newId()}`;
    for (let i = 1; i <= 5; i++) {
      await usage.record(next({ deltas: [delta(scope, TODAY, 7, i)] }));
      await other.usage.record(elsewhere({ deltas: [delta(scope, TODAY, 6 + (i % 2), 10)] }));
    }
    const expected = [counted(TODAY, { 6: 20, 7: 45 })];
    t.strictSame(await usage.days(scope, TODAY, TODAY), expected);
    t.strictSame(await other.usage.days(scope, TODAY, TODAY), expected);
  });

  await t.test('a batch may go across midnight and the end of a month', async (t) => {
    const id = newId();
    const scope: UsageScope = `key:${id}`;
    await usage.record(next({ deltas: [delta(scope, TODAY, 23, 2), delta(scope, TODAY + 1, 0, 3)] }));
    const days = [counted(TODAY, { 23: 2 }), counted(TODAY + 1, { 0: 3 })];
    t.strictSame(await usage.days(scope, TODAY - 5, TODAY + 5), days, 'oldest first');
    t.strictSame(await usage.days(scope, TODAY + 1, TODAY + 1), days.slice(1), 'both ends of a range are in it');
    t.strictSame(await usage.days(scope, TODAY + 2, TODAY + 9), []);
    t.strictSame(await usage.requests([id], TODAY - 5, TODAY), [new Map([[TODAY, 2]])]);
  });

  await t.test('a month of requests for many keys, in the order of the ids', async (t) => {
    const ids = Array.from({ length: 50 }, newId);
    const days = Array.from({ length: 31 }, (_, i) => TODAY - 30 + i);
    for (const day of days) {
      // One day is left out for each key.
      const used = ids.filter((_, i) => (day + i) % 31 !== 0);
      await usage.record(next({ deltas: used.map((id) => delta(`key:${id}`, day, 5, day - TODAY + 31)) }));
    }
    const asked = [...ids.toReversed(), 'key_unknown'];
    const found = await other.usage.requests(asked, TODAY - 30, TODAY);
    t.equal(found.length, 51);
    for (const [i, requests] of found.entries()) {
      const at = ids.indexOf(asked[i] as string);
      const expected = at < 0 ? [] : days.filter((day) => (day + at) % 31 !== 0).map((day) => [day, day - TODAY + 31]);
      t.strictSame(requests, new Map(expected as [number, number][]));
    }
    t.strictSame(await usage.requests([], TODAY - 30, TODAY), []);
  });

  await t.test('days that are to be kept are kept, however often the others are forgotten', async (t) => {
    const scope: UsageScope = `owner:${newId()}`;
    await usage.record(next({ deltas: [delta(scope, KEEP_FROM, 1, 1), delta(scope, TODAY, 1, 1)] }));
    while ((await usage.prune(KEEP_FROM)) > 0);
    const left = await usage.days(scope, 0, TODAY);
    t.strictSame(
      left.map(({ day }) => day),
      [KEEP_FROM, TODAY],
    );
  });
}

async function checkBatches(t: Test, harness: Harness): Promise<void> {
  const { usage } = await harness.open();
  const other = await harness.open();

  await t.test('a batch that is sent again is counted once, also by another connection', async (t) => {
    const next = writer();
    const ids = Array.from({ length: 120 }, newId);
    const deltas = ids.map((id) => delta(`key:${id}`, TODAY, 3, 7));
    const first = next({ deltas });
    const second = next({ deltas });
    for (const batch of [first, first, second, second]) await usage.record(batch);
    await other.usage.record(second);
    const found = await usage.requests(ids, TODAY, TODAY);
    t.ok(found.every((requests) => requests.get(TODAY) === 14));
  });

  await t.test('of a batch that was added in part, sending it again adds just the rest', async (t) => {
    const next = writer();
    const ids = Array.from({ length: 10 }, newId);
    const whole = next({ deltas: ids.map((id) => delta(`key:${id}`, TODAY, 3, 7)) });
    // What another attempt at the same batch came to before it failed. An adapter that adds all or nothing has no part.
    await usage.record({ ...whole, deltas: whole.deltas.slice(0, 4) });
    await usage.record(whole);
    const found = await usage.requests(ids, TODAY, TODAY);
    t.ok(found.slice(0, 4).every((requests) => requests.get(TODAY) === 7));
  });

  await t.test(
    'processes that count at the same time lose nothing, and nothing of what was counted long ago',
    async (t) => {
      const id = newId();
      const scopes: UsageScope[] = [`key:${id}`, 'owner:busy'];
      const rounds = 150;
      const before = await usage.days('owner:busy', TODAY, TODAY);
      t.strictSame(before, []);
      const count = async (store: typeof usage): Promise<void> => {
        const next = writer();
        for (let i = 0; i < rounds; i++) {
          const deltas = scopes.map((scope) => delta(scope, TODAY, i % 24, 1));
          await store.record(next({ deltas, uses: [use(id, i, null)] }));
          if (i % 10 === 0) {
            const [seen] = await store.requests([id], TODAY, TODAY);
            t.ok((seen?.get(TODAY) ?? 0) > i, 'a process sees what it has written');
          }
        }
      };
      await Promise.all([count(usage), count(other.usage)]);
      for (const scope of scopes) {
        const [day] = await usage.days(scope, TODAY, TODAY);
        const requests = Object.values(day?.hours ?? {}).reduce((sum, hour) => sum + hour.requests, 0);
        t.equal(requests, 2 * rounds, scope);
        t.strictSame(day?.methods, { GET: 2 * rounds });
      }
      t.strictSame(await other.usage.read([id]), [use(id, rounds - 1, null)]);
    },
  );
}
