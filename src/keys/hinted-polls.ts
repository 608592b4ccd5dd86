import { setTimeout as delay } from 'node:timers/promises';
import type { KeyStore } from '../core/ports.ts';

/** From the end of one poll that a hint made to the next: a thousand changes in a row do not make a thousand polls. */
const PAUSE_MS = 5;

/**
 * Polls whenever the store hints at a change: at once for the first hint, and once more for all hints that come
 * meanwhile, since what was asked already may have been answered before them.
 *
 * @param poll never rejects; what it learns is no older than the call
 * @returns ends it
 */
export function pollOnHints(store: KeyStore, poll: () => Promise<void>): () => void {
  let isRunning = false;
  let isHinted = false;
  const run = async (): Promise<void> => {
    isRunning = true;
    while (isHinted) {
      isHinted = false;
      await poll();
      await delay(PAUSE_MS, undefined, { ref: false });
    }
    isRunning = false;
  };
  const unwatch = store.watch(() => {
    isHinted = true;
    if (!isRunning) void run();
  });
  return () => {
    unwatch();
    isHinted = false;
  };
}
