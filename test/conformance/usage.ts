import type { Test } from 'tap';
import type { KeyUse } from '../../src/core/ports.ts';
import { type Harness, newId } from './harness.ts';

function use(keyId: string, lastUsedAt: number | null, previousLastUsedAt: number | null): KeyUse {
  return { keyId, lastUsedAt, previousLastUsedAt };
}

export async function checkUsage(t: Test, harness: Harness): Promise<void> {
  const { usage } = await harness.open();
  const other = await harness.open();

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
      await usage.record([merged]);
      t.strictSame(await other.usage.read([id]), [expected]);
    }
  });

  await t.test('one entry for each id asked for, in that order', async (t) => {
    const ids = Array.from({ length: 1_200 }, newId);
    await usage.record(ids.map((id, i) => use(id, i + 1, null)));
    const asked = ids.toReversed().concat('key_unknown');
    const found = await usage.read(asked);
    t.strictSame(
      found.map((entry) => entry.keyId),
      asked,
    );
    t.strictSame(
      found.map((entry) => entry.lastUsedAt),
      [...ids.keys()]
        .toReversed()
        .map<number | null>((i) => i + 1)
        .concat(null),
    );
    t.strictSame(await usage.read([]), []);
    await t.resolves(usage.record([]));
  });
}
