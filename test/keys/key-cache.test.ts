import t from 'tap';
import { type LoadedKey, noRecentUse } from '../../src/core/decision.ts';
import type { KeyRecord } from '../../src/core/key.ts';
import { type CachedKey, KeyCache } from '../../src/keys/key-cache.ts';
import { loadedKey } from '../support/keys.ts';
import { randomFrom, SEED } from '../support/random.ts';

/** Puts keys into a cache, each under a digest of its own. */
function fill(cache: KeyCache, count: number, given: Partial<KeyRecord>): string[] {
  return Array.from({ length: count }, () => {
    const key = loadedKey(given);
    const { digest } = key.record.secret;
    cache.set(digest, { key, previousSecret: false, readAgainAt: 0, loader: loadedKey, changed: false });
    return digest;
  });
}

t.test('a large key counts for several, so that many of them do not fill the memory', async (t) => {
  const addresses = Array.from({ length: 1_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
  const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`name ${i}`, 'x'.repeat(500)]));
  for (const large of [
    { restrictions: { ip_restrictions: addresses } },
    { restrictions: { user_agent_restrictions: addresses } },
    { metadata },
    { description: 'x'.repeat(20_000) },
    { permissions: Array.from({ length: 500 }, (_, i) => `${'x'.repeat(40)}${i}:read`) },
  ]) {
    const cache = new KeyCache(200);
    const digests = fill(cache, 100, large);
    t.ok(cache.size > 0 && cache.size < 20, `${cache.size} of 200`);
    t.ok(cache.get(digests.at(-1) ?? ''), 'the one that came last stays');
    fill(cache, 1_000, {});
    t.equal(cache.size, 200, 'small ones take the place of one');
  }
});

t.test('a key that is larger than the whole cache is cached all the same', async (t) => {
  const cache = new KeyCache(2);
  const [digest = ''] = fill(cache, 1, { description: 'x'.repeat(100_000) });
  t.ok(cache.get(digest));
  const id = cache.get(digest)?.key.record.id ?? '';
  cache.markChanged(id);
  t.equal(cache.get(digest)?.changed, true, 'and found when it changes');
});

/** The same key under two digests, as after a rotation. */
function rotated(): { key: LoadedKey; digests: readonly [string, string] } {
  const previous = { digest: 'sha256:old', hint: '', expiresAt: 0 };
  const key = loadedKey({ secret: { digest: 'sha256:new', hint: '' }, previous });
  return { key, digests: ['sha256:old', 'sha256:new'] };
}

function cached(key: LoadedKey): CachedKey {
  return { key, previousSecret: false, readAgainAt: 0, loader: loadedKey, changed: false };
}

t.test('a change is noted under every digest of a key, whichever of them are there', async (t) => {
  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const { key, digests } = rotated();
    const [first, second] = [digests[order[0]], digests[order[1]]];
    const cache = new KeyCache(10);
    cache.set(first, cached(key));
    cache.set(second, cached(key));
    cache.set('sha256:other', cached(loadedKey()));
    cache.markChanged(key.id);
    t.strictSame([cache.get(first)?.changed, cache.get(second)?.changed], [true, true]);
    t.equal(cache.get('sha256:other')?.changed, false, 'and of no other key');
    cache.set(first, cached(key));
    t.equal(cache.get(first)?.changed, false, 'it was read again');
    t.equal(cache.get(second)?.changed, true, 'under this digest it was not');
    cache.delete(first);
    t.equal(cache.has(key.id), true);
    cache.set(second, cached(key));
    cache.markChanged(key.id);
    t.equal(cache.get(second)?.changed, true, 'the one that is left is still found');
    cache.delete(second);
    t.equal(cache.has(key.id), false);
  }
});

t.test('whatever is put in and falls out, a change is noted wherever the key is', async (t) => {
  const random = randomFrom(SEED);
  const keys = Array.from({ length: 12 }, () => loadedKey());
  const cache = new KeyCache(8);
  const digestsOf = (key: LoadedKey) => [0, 1, 2].map((i) => `${key.id} ${i}`);
  for (let step = 0; step < 5_000; step++) {
    const key = keys[random(keys.length)] as LoadedKey;
    const digest = digestsOf(key)[random(3)] as string;
    const kind = random(10);
    // Read again from the store.
    if (kind < 6) cache.set(digest, cached({ ...key, recent: noRecentUse() }));
    else if (kind < 8) cache.delete(digest);
    else cache.markChanged(key.id);
    const found = digestsOf(key).flatMap((each) => cache.get(each) ?? []);
    if (kind >= 8 && found.some(({ changed }) => !changed)) t.fail('a change was not noted');
    if (cache.has(key.id) !== found.length > 0) t.fail('it is there, and it is not');
    if (found.some(({ key: { recent } }) => recent !== found[0]?.key.recent)) t.fail('two memories of one key');
  }
  cache.markAllChanged();
  t.notOk(keys.flatMap(digestsOf).some((digest) => cache.get(digest)?.changed === false));
});
