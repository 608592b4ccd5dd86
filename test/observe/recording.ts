import { join } from 'node:path';
import type { Test } from 'tap';
import { StoreError, type StoreErrorCode } from '../../src/core/ports.ts';
import type { KeyUse, UsageBatch, UsageDay, UsageScope, UsageStore } from '../../src/core/usage.ts';
import type { Repeat } from '../../src/observe/repeat.ts';
import { openUsageFiles, type UsageFiles } from '../../src/stores/sqlite/usage-files.ts';

/** A timer that a test turns. */
export function manualTimer(): { repeat: Repeat; tick: () => void; intervals: number[] } {
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

/** A real store of its own. */
export async function openFiles(t: Test): Promise<UsageFiles> {
  const files = await openUsageFiles(join(t.testdir(), 'store.db'), 10_000);
  t.teardown(() => files.close());
  return files;
}

/** A real store that can fail: before it has written a batch, or after. */
export class FaultyUsageStore implements UsageStore {
  readonly batches: UsageBatch[] = [];
  readonly #store: UsageStore;
  failBefore: StoreErrorCode | null = null;
  failAfter: StoreErrorCode | null = null;

  constructor(store: UsageStore) {
    this.#store = store;
  }

  async record(batch: UsageBatch): Promise<void> {
    // The next batch is made of what this one is made of.
    this.batches.push(structuredClone(batch));
    if (this.failBefore !== null) throw new StoreError(this.failBefore, 'down');
    await this.#store.record(batch);
    if (this.failAfter !== null) throw new StoreError(this.failAfter, 'no answer');
  }

  read(keyIds: readonly string[]): Promise<KeyUse[]> {
    return this.#store.read(keyIds);
  }

  requests(keyIds: readonly string[], from: number, to: number): Promise<ReadonlyMap<number, number>[]> {
    return this.#store.requests(keyIds, from, to);
  }

  days(scope: UsageScope, from: number, to: number): Promise<UsageDay[]> {
    return this.#store.days(scope, from, to);
  }

  prune(keepFrom: number): Promise<number> {
    return this.#store.prune(keepFrom);
  }
}
