import t from 'tap';
import { BatchContent } from '../../src/observe/usage-batch.ts';
import { UsageCounter } from '../../src/observe/usage-counter.ts';
import { NOON } from '../support/clock.ts';
import { exchange } from './exchange.ts';

/** Takes all that waits; requests by scope, each of which is there once. */
function takeAll(counter: UsageCounter): Map<string, number> {
  const content = new BatchContent();
  while (counter.keys > 0) counter.take(7_000, content);
  const { deltas } = content.content();
  const requests = deltas.map(({ scope, methods }) => [scope, methods['GET'] ?? 0] as const);
  const all = new Map<string, number>(requests);
  t.equal(all.size, deltas.length);
  return all;
}

t.test(
  'more keys than have a place kept are counted all the same, and those that stay away give theirs up',
  async (t) => {
    const counter = new UsageCounter(200_000);
    const one = exchange({ owner: null, at: NOON });
    const hints = Array.from({ length: 120_000 }, () => ({ usagePlace: -1 }));
    for (const [first, count] of [
      [0, 60_000],
      [55_000, 60_000],
      [0, 20],
    ] as const) {
      for (let i = first; i < first + count; i++) counter.add({ ...one, keyId: `key_${i}`, counted: hints[i] ?? null });
      counter.add({ ...one, keyId: `key_${first}` });
      t.equal(counter.size, count);
      const requests = takeAll(counter);
      t.strictSame([requests.size, requests.get('all'), requests.get(`key:key_${first}`)], [count + 1, count + 1, 2]);
      const once = Array.from({ length: count - 1 }, (_, i) => `key:key_${first + 1 + i}`);
      t.equal(once.filter((scope) => requests.get(scope) !== 1).length, 0);
      t.strictSame([counter.size, counter.keys], [0, 0]);
    }
  },
);

t.test('a key that changes hands again and again takes no more room than there is', async (t) => {
  const counter = new UsageCounter(3);
  const owners = ['a', 'b', 'a', 'b', 'a'];
  const counted = owners.map((owner) => counter.add(exchange({ keyId: 'k', owner, at: NOON })));
  t.strictSame(counted, [true, true, true, false, true]);
  const requests = takeAll(counter);
  t.strictSame(Object.fromEntries(requests), { 'key:k': 4, 'owner:a': 3, 'owner:b': 1, all: 4 });
  t.equal(counter.size, 0);
});

t.test('where a key was counted last is only a hint, whatever it says', async (t) => {
  const counter = new UsageCounter(100);
  const hint = { usagePlace: -1 };
  const other = { usagePlace: -1 };
  const a = { keyId: 'a', owner: 'o', counted: hint, at: NOON };
  const b = { keyId: 'b', owner: 'o', counted: other, at: NOON };
  for (const place of [-1, 0, 1, 7, 1e9]) {
    hint.usagePlace = place;
    for (const each of [a, b, b]) counter.add(exchange(each));
    const requests = takeAll(counter);
    t.strictSame(Object.fromEntries(requests), { 'key:a': 1, 'key:b': 2, 'owner:o': 3, all: 3 });
  }
  counter.add(exchange(a));
  t.strictSame([hint.usagePlace, other.usagePlace], [0, 1], 'both are told where they are');
  // It changes hands while something waits, and once more when nothing does.
  for (const owner of ['p', 'o', 'p', 'p']) counter.add(exchange({ ...a, owner }));
  t.strictSame(Object.fromEntries(takeAll(counter)), { 'key:a': 5, 'owner:o': 2, 'owner:p': 3, all: 5 });
  for (const owner of ['q', 'q']) counter.add(exchange({ ...a, owner }));
  t.strictSame(Object.fromEntries(takeAll(counter)), { 'key:a': 2, 'owner:q': 2, all: 2 });
});

t.test('what a batch is made of serves for the next one, and nothing of it is left over', async (t) => {
  const counter = new UsageCounter(100);
  const content = new BatchContent();
  const hour = 3_600_000;
  const rounds = [
    [
      { keyId: 'a', at: NOON, durationMs: 2, previousSecret: true },
      { keyId: 'b', at: NOON, status: 500, durationMs: 1 },
      { keyId: 'c', at: NOON, durationMs: 1 },
    ],
    [{ keyId: 'c', at: NOON + hour, durationMs: 5 }],
    [
      { keyId: 'b', at: NOON + 24 * hour, durationMs: 3 },
      { keyId: 'a', at: NOON + 24 * hour, durationMs: 4 },
    ],
  ];
  const told = rounds.map((round) => {
    for (const each of round) counter.add(exchange({ owner: null, ...each }));
    content.clear();
    counter.take(100, content);
    return structuredClone(content.content());
  });
  const fresh = rounds.map((round) => {
    for (const each of round) counter.add(exchange({ owner: null, ...each }));
    const once = new BatchContent();
    counter.take(100, once);
    return structuredClone(once.content());
  });
  t.strictSame(told, fresh);
  t.strictSame(
    told.map(({ uses }) => uses),
    [
      [
        { keyId: 'a', lastUsedAt: NOON, previousLastUsedAt: NOON },
        { keyId: 'b', lastUsedAt: NOON, previousLastUsedAt: null },
        { keyId: 'c', lastUsedAt: NOON, previousLastUsedAt: null },
      ],
      [{ keyId: 'c', lastUsedAt: NOON + hour, previousLastUsedAt: null }],
      [
        { keyId: 'b', lastUsedAt: NOON + 24 * hour, previousLastUsedAt: null },
        { keyId: 'a', lastUsedAt: NOON + 24 * hour, previousLastUsedAt: null },
      ],
    ],
  );
});

t.test('requests of many kinds of one key come to their sums', async (t) => {
  const counter = new UsageCounter(1_000);
  for (let i = 0; i < 90; i++) {
    const route = `GET /r${i % 3}`;
    counter.add(exchange({ keyId: 'k', owner: 'o', at: NOON + (i % 2) * 3_600_000, route, durationMs: 1 }));
  }
  t.equal(counter.size, 6);
  const content = new BatchContent();
  counter.take(1, content);
  const { deltas, uses } = content.content();
  const expected = {
    hours: { 12: { requests: 45, errors: 0, timeUs: 45_000 }, 13: { requests: 45, errors: 0, timeUs: 45_000 } },
    endpoints: { '/r0': 30, '/r1': 30, '/r2': 30 },
    methods: { GET: 90 },
    denials: {},
  };
  t.match(deltas, [expected, expected, expected]);
  t.strictSame(uses, [{ keyId: 'k', lastUsedAt: NOON + 3_600_000, previousLastUsedAt: null }]);
});
