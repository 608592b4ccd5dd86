import type { Test } from 'tap';
import type { KeyStore } from '../../src/core/ports.ts';
import { type Harness, newRecord } from './harness.ts';

/** Waits for the next hint, or gives the one that came since the last time. */
interface Hints {
  next(): Promise<void>;
  end(): void;
}

function hintsOf(keys: KeyStore): Hints {
  let coming = Promise.withResolvers<void>();
  const unwatch = keys.watch(() => coming.resolve());
  // No watch keeps a process from ending; this test has to wait.
  const alive = setInterval(() => undefined, 1_000);
  const end = (): void => {
    unwatch();
    clearInterval(alive);
  };
  const next = async (): Promise<void> => {
    await coming.promise;
    coming = Promise.withResolvers();
  };
  return { next, end };
}

/** What watches may begin with a moment in which it is told of nothing: there are changes until it was. */
async function firstHint(hints: Hints, others: KeyStore): Promise<void> {
  const changing = setInterval(() => void others.create(newRecord()), 20);
  await hints.next();
  clearInterval(changing);
}

export async function checkWatch(t: Test, harness: Harness): Promise<void> {
  const { keys } = await harness.open();
  const other = await harness.open();

  await t.test('a hint comes for a change, by then or soon after it can be read', async (t) => {
    const hints = hintsOf(keys);
    await firstHint(hints, other.keys);
    for (const store of [other, other, other, { keys }]) {
      const record = newRecord();
      const { cursor } = await keys.changesSince(null);
      await store.keys.create(record);
      // Nothing but hints makes this ask again.
      for (;;) {
        const { changed } = await keys.changesSince(cursor);
        if (changed?.includes(record.id)) break;
        await hints.next();
      }
      await hints.next();
    }
    hints.end();
    t.pass('all were seen');
  });

  await t.test('who ended a watch is told of nothing more', async (t) => {
    let told = 0;
    const end = keys.watch(() => told++);
    const hints = hintsOf(other.keys);
    await firstHint(hints, keys);
    end();
    const before = told;
    await keys.create(newRecord());
    await hints.next();
    await other.keys.create(newRecord());
    await hints.next();
    hints.end();
    t.equal(told, before);
  });
}
