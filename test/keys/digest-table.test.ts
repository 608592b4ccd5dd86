import t from 'tap';
import { DigestTable } from '../../src/keys/digest-table.ts';
import { randomFrom, SEED } from '../support/random.ts';

interface Entry {
  readonly digest: string;
  readonly size: number;
}

const entry = (digest: string, size = 1): Entry => ({ digest, size });
const numbered = (count: number, prefix = 'sha256:'): string[] => Array.from({ length: count }, (_, i) => prefix + i);

/** A table, and what it says has gone. */
function setUp(max: number): { table: DigestTable<Entry>; gone: Entry[] } {
  const gone: Entry[] = [];
  return { table: new DigestTable(max, (each) => gone.push(each)), gone };
}

t.test(
  'whatever is put in, looked up and deleted, it has what a map would have, less what it says has gone',
  async (t) => {
    const random = randomFrom(SEED);
    // Few buckets, and many digests that end alike, so that they meet in them.
    const digests = [...numbered(40), ...numbered(40).map((text) => `${text}:the same end`)];
    for (let round = 0; round < 60; round++) {
      const max = 1 + random(60);
      const model = new Map<string, Entry>();
      const table = new DigestTable<Entry>(max, (each) => {
        if (model.get(each.digest) !== each) t.fail(`${each.digest} went, and was not there`);
        model.delete(each.digest);
      });
      for (let step = 0; step < 400; step++) {
        const digest = digests[random(digests.length)] as string;
        if (random(10) < 5) {
          const added = entry(digest, 1 + random(Math.min(max, 4)));
          table.set(added);
          model.set(digest, added);
        } else if (random(4) === 0) table.delete(digest);
        const size = [...model.values()].reduce((sum, each) => sum + each.size, 0);
        if (size > max) t.fail(`${size} of ${max}`);
        if (table.count !== model.size) t.fail(`${table.count} entries, not ${model.size}`);
        for (const each of random(20) === 0 ? digests : [digest]) {
          if (table.get(each) !== model.get(each)) t.fail(`another entry of ${each}`);
        }
      }
      t.strictSame(new Set(table.values()), new Set(model.values()));
    }
  },
);

t.test('it grows with its entries, and finds all of them', async (t) => {
  const { table, gone } = setUp(1_000_000);
  const digests = numbered(300_000);
  for (const digest of digests) table.set(entry(digest));
  t.equal(table.count, digests.length);
  t.equal(digests.filter((digest) => table.get(digest)?.digest !== digest).length, 0);
  t.equal(table.get('sha256:another'), undefined);
  t.strictSame(gone, []);
});

t.test('when it is full, those that were looked up stay, and others go', async (t) => {
  const { table, gone } = setUp(1_000);
  const [used, unused] = [numbered(500, 'used '), numbered(500, 'unused ')];
  for (const digest of [...used, ...unused]) table.set(entry(digest));
  for (const digest of used) table.get(digest);
  for (const digest of numbered(400, 'new ')) table.set(entry(digest));
  t.equal(table.count, 1_000);
  t.equal(gone.length, 400);
  t.notOk(gone.some(({ digest }) => digest.startsWith('used')));
});

t.test('a crowd that comes once does not push out what is in use', async (t) => {
  const { table } = setUp(1_000);
  const used = numbered(500, 'used ');
  for (const digest of used) table.set(entry(digest));
  for (const [i, digest] of numbered(20_000, 'once ').entries()) {
    table.set(entry(digest));
    if (i % 100 === 0) for (const each of used) table.get(each);
  }
  t.equal(used.filter((digest) => table.get(digest) !== undefined).length, 500);
});

t.test('what is not used any more goes in the end, however much it was', async (t) => {
  const { table } = setUp(1_000);
  const used = numbered(1_000, 'used ');
  for (const digest of used) table.set(entry(digest));
  for (let i = 0; i < 3; i++) for (const digest of used) table.get(digest);
  for (const digest of numbered(10_000, 'new ')) table.set(entry(digest));
  t.equal(used.filter((digest) => table.get(digest) !== undefined).length, 0);
});

t.test('when all are in use one goes all the same, after a bounded search', async (t) => {
  const { table, gone } = setUp(5_000);
  const used = numbered(5_000, 'used ');
  for (const digest of used) table.set(entry(digest));
  for (const digest of used) table.get(digest);
  const inOrder = [...table.values()];
  table.set(entry('new'));
  t.strictSame(gone, [inOrder[1_000]], 'the first after those that were passed over');
  t.ok(table.get('new'));
  for (const digest of used) table.get(digest);
  table.set(entry('newer'));
  t.equal(gone.length, 2, 'and one for each that comes');
});

t.test('a large one takes the place of several', async (t) => {
  const { table, gone } = setUp(100);
  for (const digest of numbered(100)) table.set(entry(digest));
  table.set(entry('large', 30));
  t.equal(gone.length, 30);
  t.equal(table.count, 71);
  table.set(entry('whole', 100));
  t.strictSame([...table.values()], [entry('whole', 100)]);
});

t.test('an entry that is replaced goes, and its place counts for the new one', async (t) => {
  const { table, gone } = setUp(10);
  const [first, second] = [entry('a', 10), entry('a', 4)];
  table.set(first);
  table.set(second);
  t.strictSame(gone, [first]);
  table.set(entry('b', 6));
  t.equal(table.count, 2, 'what the first one took is free');
  t.equal(table.get('a'), second);
  table.delete('a');
  table.delete('a');
  t.strictSame(gone, [first, second], 'once');
  t.equal(table.get('a'), undefined);
});
