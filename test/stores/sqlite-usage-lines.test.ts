import fc from 'fast-check';
import t from 'tap';
import type { KeyUse, UsageDelta, UsageScope } from '../../src/core/usage.ts';
import type { Counts } from '../../src/stores/sqlite/usage-counts.ts';
import { LineMaker, LineMemory } from '../../src/stores/sqlite/usage-line-maker.ts';
import { Folded, shardOf } from '../../src/stores/sqlite/usage-lines.ts';
import { holds } from '../support/random.ts';

const count = fc.integer({ min: 1, max: 1_000 });
const totals = fc.record({ requests: count, errors: count, timeUs: fc.nat() });
const key = fc.oneof(fc.constantFrom('key_1', 'key_0123456789'), fc.string({ unit: 'binary', maxLength: 12 }));
const time = fc.option(fc.nat({ max: 4_102_444_800_000 }));
const names = (name: string) =>
  fc.dictionary(fc.constantFrom(`/${name}`, `/${name}/"\n\t\f{}]},`, `/${name}/\u00e9`), count, { maxKeys: 3 });

const NONE = Object.freeze({});

const use = fc.record({ keyId: key, lastUsedAt: time, previousLastUsedAt: time });
const delta = fc
  .record({
    scope: fc.oneof(
      key.map((id) => `key:${id}` as UsageScope),
      fc.constantFrom<UsageScope>('all', 'owner:team'),
    ),
    day: fc.constantFrom(20_779, 20_780),
    hours: fc.dictionary(fc.constantFrom('0', '7', '23'), totals, { minKeys: 1, maxKeys: 3 }),
    endpoints: names('p'),
    post: fc.nat({ max: 100 }),
    denials: names('d'),
  })
  .chain(({ post, ...made }) =>
    // As a recorder makes nearly all: one hour, and tables that are shared and never change.
    fc.boolean().map((isPlain): UsageDelta => {
      const hours = isPlain ? Object.fromEntries(Object.entries(made.hours).slice(0, 1)) : made.hours;
      const requests = Object.values(hours).reduce((sum, one) => sum + one.requests, 0);
      const methods = post > 0 && post < requests ? { POST: post, GET: requests - post } : { GET: requests };
      if (!isPlain) return { ...made, hours, methods };
      return {
        ...made,
        hours,
        methods: Object.freeze(methods),
        endpoints: Object.freeze(made.endpoints),
        denials: NONE,
      };
    }),
  );

/** What deltas come to, added up plainly. */
function sumOf(deltas: readonly UsageDelta[]): Record<string, Counts> {
  const sums: Record<string, Counts> = {};
  for (const { scope, day, hours, endpoints, methods, denials } of deltas) {
    const sum = (sums[`${day} ${scope}`] ??= [{}, {}, {}, {}]);
    for (const [hour, { requests, errors, timeUs }] of Object.entries(hours)) {
      const [a, b, c] = sum[0][hour] ?? [0, 0, 0];
      sum[0][hour] = [a + requests, b + errors, c + timeUs];
    }
    for (const [i, table] of [endpoints, methods, denials].entries()) {
      const known = sum[i + 1] as Record<string, number>;
      for (const [name, requests] of Object.entries(table)) known[name] = (known[name] ?? 0) + requests;
    }
  }
  return sums;
}

function laterOf(uses: readonly KeyUse[]): Record<string, [last: number | null, previous: number | null]> {
  const later = (a: number | null, b: number | null) => (a === null || b === null ? (a ?? b) : Math.max(a, b));
  const all: Record<string, [number | null, number | null]> = {};
  for (const { keyId, lastUsedAt, previousLastUsedAt } of uses) {
    const [last, previous] = all[`=${keyId}`] ?? [null, null];
    all[`=${keyId}`] = [later(last, lastUsedAt), later(previous, previousLastUsedAt)];
  }
  return all;
}

t.test('what lines say is what they were made of, in the shard of each scope', async () => {
  // The same for all batches, as a process has it.
  const memory = new LineMemory();
  const batches = fc.array(fc.record({ deltas: fc.array(delta), uses: fc.array(use) }), { maxLength: 4 });
  holds(
    fc.property(batches, (made) => {
      const folded = new Folded();
      for (const { deltas, uses } of made) {
        const maker = new LineMaker(memory);
        for (const one of deltas) maker.add(one);
        for (const one of uses) maker.addUse(one);
        for (const [shard, lines] of maker.shards().entries()) {
          if (lines === '') continue;
          folded.add(lines);
          const own = new Folded();
          own.add(lines);
          const scopes = [...own.counts.keys(), ...[...own.uses.keys()].map((id) => `key:${id}`)] as UsageScope[];
          if (scopes.some((scope) => shardOf(scope) !== shard)) return false;
        }
      }
      const found: Record<string, Counts> = {};
      for (const [scope, days] of folded.counts) for (const [day, counts] of days) found[`${day} ${scope}`] = counts;
      const same = t.strictSame(found, sumOf(made.flatMap(({ deltas }) => deltas)));
      return same && t.strictSame(laterOf([...folded.uses.values()]), laterOf(made.flatMap(({ uses }) => uses)));
    }),
    200,
  );
});

t.test('a line is written as it always was, and one of a former version is read', async (t) => {
  const maker = new LineMaker(new LineMemory());
  const named = { endpoints: { '/api/:id': 3 }, methods: { GET: 3 }, denials: {} };
  maker.add({ scope: 'key:k', day: 7, hours: { 4: { requests: 3, errors: 1, timeUs: 50 } }, ...named });
  maker.addUse({ keyId: 'k', lastUsedAt: 1_793_534_400_007, previousLastUsedAt: null });
  const line = '\n"key:k"\t7\t[{"4":[3,1,50]},{"/api/:id":3},{"GET":3},{}]\n"use:k"\t1793534400007\t';
  t.strictSame(
    maker.shards().filter((lines) => lines !== ''),
    [line],
  );
  const folded = new Folded();
  folded.add(line);
  folded.add('\n"key:k"\t7\t[{"4":[1,0,5],"5":[1,0,6]},{"/":2},{"GET":2},{"rate_limited":1}]');
  t.strictSame(folded.counts.get('key:k')?.get(7), [
    { 4: [4, 1, 55], 5: [1, 0, 6] },
    { '/api/:id': 3, '/': 2 },
    { GET: 5 },
    { rate_limited: 1 },
  ]);
  t.throws(() => folded.add('\n"key:k"\t7\t[{"4":[1,0,5]},{"/":'), { code: 'STORE_CORRUPT' });
});
