import t from 'tap';
import type { KeyRecord } from '../../src/core/key.ts';
import { KeyCache } from '../../src/keys/key-cache.ts';
import { loadedKey } from '../support/keys.ts';

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
    t.ok(cache.get(digests.at(-1) ?? ''), 'those that were used last stay');
    fill(cache, 300, {});
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
