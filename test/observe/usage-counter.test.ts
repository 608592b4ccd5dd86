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
    for (const [first, count] of [
      [0, 60_000],
      [55_000, 60_000],
      [0, 20],
    ] as const) {
      for (let i = first; i < first + count; i++) counter.add({ ...one, keyId: `key_${i}` });
      counter.add({ ...one, keyId: `key_${first}` });
      t.equal(counter.size, count);
      const requests = takeAll(counter);
      t.strictSame([requests.size, requests.get('all'), requests.get(`key:key_${first}`)], [count + 1, count + 1, 2]);
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
