import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type KeyUse, StoreError, type UsageStore } from '../../src/core/ports.ts';
import { UsageRecorder } from '../../src/observe/usage-recorder.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import { exchange } from './exchange.ts';

/** A store in memory that can be taken down. */
class Memory implements UsageStore {
  readonly uses = new Map<string, KeyUse>();
  readonly batches: number[] = [];
  isDown = false;

  async record(uses: readonly KeyUse[]): Promise<void> {
    if (this.isDown) throw new StoreError('STORE_UNAVAILABLE', 'down');
    this.batches.push(uses.length);
    for (const use of uses) this.uses.set(use.keyId, use);
  }

  async read(keyIds: readonly string[]): Promise<KeyUse[]> {
    return keyIds.map((keyId) => this.uses.get(keyId) ?? { keyId, lastUsedAt: null, previousLastUsedAt: null });
  }
}

/** A timer that a test turns. */
function manual(): { repeat: (task: () => void, ms: number) => () => void; tick: () => void; intervals: number[] } {
  const tasks = new Set<() => void>();
  const intervals: number[] = [];
  return {
    intervals,
    tick: () => {
      for (const task of tasks) task();
    },
    repeat: (task, ms) => {
      tasks.add(task);
      intervals.push(ms);
      return () => tasks.delete(task);
    },
  };
}

t.test('the latest use of each key is written, once a second', async (t) => {
  const store = new Memory();
  const { repeat, tick, intervals } = manual();
  const recorder = new UsageRecorder({ store, repeat });
  t.strictSame(intervals, [1000]);
  recorder.sink(exchange({ keyId: 'a', at: 10 }));
  recorder.sink(exchange({ keyId: 'a', at: 30 }));
  recorder.sink(exchange({ keyId: 'a', at: 20 }));
  recorder.sink(exchange({ keyId: 'b', at: 15, previousSecret: true }));
  recorder.sink(exchange({ keyId: 'b', at: 25 }));
  t.equal(store.uses.size, 0, 'nothing is written on the way of the answer');
  tick();
  await recorder.flush();
  t.strictSame(await store.read(['a', 'b']), [
    { keyId: 'a', lastUsedAt: 30, previousLastUsedAt: null },
    { keyId: 'b', lastUsedAt: 25, previousLastUsedAt: 15 },
  ]);
  tick();
  await recorder.flush();
  t.strictSame(store.batches, [2], 'and no more, when nothing was used');
});

t.test('only a request that was let in uses a key', async (t) => {
  const store = new Memory();
  const recorder = new UsageRecorder({ store, repeat: manual().repeat });
  recorder.sink(exchange({ keyId: 'refused', allowed: false, status: 403 }));
  recorder.sink(exchange({ keyId: null }));
  recorder.sink(exchange({ keyId: 'failed', status: 502, code: 'upstream_unreachable' }));
  await recorder.stop();
  t.strictSame([...store.uses.keys()], ['failed']);
});

t.test('while the store is down uses wait, merged, and are written when it is back', async (t) => {
  const store = new Memory();
  const troubles: unknown[] = [];
  const recorder = new UsageRecorder({ store, repeat: manual().repeat, onTrouble: (error) => troubles.push(error) });
  store.isDown = true;
  recorder.sink(exchange({ keyId: 'a', at: 10, previousSecret: true }));
  await recorder.flush();
  recorder.sink(exchange({ keyId: 'a', at: 20 }));
  recorder.sink(exchange({ keyId: 'b', at: 20 }));
  await recorder.flush();
  t.equal(recorder.waiting, 2);
  t.equal(troubles.length, 1, 'trouble is told once, not at every attempt');
  t.match(troubles[0], { code: 'STORE_UNAVAILABLE' });
  store.isDown = false;
  await recorder.flush();
  t.strictSame(store.uses.get('a'), { keyId: 'a', lastUsedAt: 20, previousLastUsedAt: 10 });
  t.strictSame(troubles.slice(1), [null], 'and so is its end');
  t.equal(recorder.waiting, 0);
});

t.test('a use during a write that fails is not undone by the older one', async (t) => {
  const store = new Memory();
  const recorder = new UsageRecorder({ store, repeat: manual().repeat });
  store.isDown = true;
  recorder.sink(exchange({ keyId: 'a', at: 10, previousSecret: true }));
  const flushing = recorder.flush();
  recorder.sink(exchange({ keyId: 'a', at: 20, previousSecret: true }));
  await flushing;
  store.isDown = false;
  await recorder.flush();
  t.strictSame(store.uses.get('a'), { keyId: 'a', lastUsedAt: 20, previousLastUsedAt: 20 });
});

t.test('the number of keys that wait is bounded; more are counted as dropped', async (t) => {
  const store = new Memory();
  store.isDown = true;
  const recorder = new UsageRecorder({ store, repeat: manual().repeat, maxKeys: 3 });
  for (const keyId of ['a', 'b', 'c', 'd', 'e', 'a']) recorder.sink(exchange({ keyId }));
  await recorder.flush();
  t.equal(recorder.waiting, 3);
  t.equal(recorder.dropped, 2);
  store.isDown = false;
  await recorder.flush();
  t.strictSame([...store.uses.keys()], ['a', 'b', 'c']);
});

t.test('many keys are written in batches, and other work gets its turn between them', async (t) => {
  const store = new Memory();
  const recorder = new UsageRecorder({ store, repeat: manual().repeat });
  for (let i = 0; i < 1200; i++) recorder.sink(exchange({ keyId: `key_${i}` }));
  let batchesBefore = -1;
  setImmediate(() => {
    batchesBefore = store.batches.length;
  });
  await recorder.flush();
  t.strictSame(store.batches, [500, 500, 200]);
  t.equal(batchesBefore, 1);
});

t.test('stopping writes what is left, also what came in during a write, and does not wait for ever', async (t) => {
  const store = new Memory();
  const { repeat, tick } = manual();
  const recorder = new UsageRecorder({ store, repeat });
  recorder.sink(exchange({ keyId: 'a' }));
  tick();
  recorder.sink(exchange({ keyId: 'b' }));
  await recorder.stop();
  t.strictSame([...store.uses.keys()], ['a', 'b']);
  recorder.sink(exchange({ keyId: 'c' }));
  tick();
  await new Promise(setImmediate);
  t.notOk(store.uses.has('c'), 'the timer has ended');

  const hanging: UsageStore = { record: () => new Promise(() => {}), read: async () => [] };
  const stuck = new UsageRecorder({ store: hanging, repeat, stopTimeoutMs: 10 });
  stuck.sink(exchange());
  await stuck.stop();
});

t.test('the system timer writes into a real store', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-usage-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const store = await openSqliteStore({ path: join(folder, 'keys.db'), timeoutMs: 1000, clock: { now: Date.now } });
  t.teardown(() => store.close());
  const { promise: written, resolve } = Promise.withResolvers<void>();
  const recorder = new UsageRecorder({
    store: { read: (ids) => store.usage.read(ids), record: (uses) => store.usage.record(uses).then(resolve) },
  });
  recorder.sink(exchange({ keyId: 'a', at: 1000, previousSecret: true }));
  const hold = setTimeout(() => {}, 30_000);
  await written;
  clearTimeout(hold);
  recorder.sink(exchange({ keyId: 'a', at: 2000 }));
  await recorder.stop();
  t.strictSame(await store.usage.read(['a']), [{ keyId: 'a', lastUsedAt: 2000, previousLastUsedAt: 1000 }]);
});
