import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { Store } from '../../src/core/ports.ts';
import { KeyDirectory } from '../../src/keys/directory.ts';
import { loadKey } from '../../src/keys/loader.ts';
import { openStore, type StoreSettings } from '../../src/stores/open.ts';
import { OPTIONS } from '../keys/fixture.ts';
import { CATALOGUE, HASHER, issuedKey } from '../support/keys.ts';

const REVOKER = fileURLToPath(new URL('./revoker.ts', import.meta.url));
const clock = { now: () => Date.now() };

/** A gateway's keys, as one that runs finds them. */
export interface Finder {
  readonly store: Store;
  readonly directory: KeyDirectory;
  /** Makes a key that the directory then has in memory. */
  issue(): Promise<{ readonly id: string; readonly secret: string }>;
  /** Resolves when the directory would not let the key pass any more. */
  refused(secret: string): Promise<void>;
}

export async function openFinder(t: Test, settings: StoreSettings): Promise<Finder> {
  const store = await openStore(settings, clock);
  const directory = new KeyDirectory(store.keys, HASHER, (record) => loadKey(record, CATALOGUE), clock, OPTIONS);
  await directory.start();
  t.teardown(async () => {
    directory.stop();
    await store.close();
  });
  return {
    store,
    directory,
    issue: async () => {
      const { record, secret } = issuedKey();
      await store.keys.create(record);
      await directory.refresh();
      // What is read in the moment of another change is not kept.
      while (directory.peek(secret) === undefined) await directory.find(secret);
      return { id: record.id, secret };
    },
    refused: async (secret) => {
      while (directory.peek(secret)?.key.record.status === 'active') await turn();
    },
  };
}

/**
 * Revokes keys one after the other in a process of its own.
 * @returns for how long each was still good after its revocation was acknowledged, in milliseconds, the shortest first
 */
export async function timeRevocations(t: Test, settings: StoreSettings, count: number): Promise<number[]> {
  const finder = await openFinder(t, settings);
  const child = spawn(process.execPath, [REVOKER, JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => void child.kill('SIGKILL'));
  const acknowledged = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const { id, secret } = await finder.issue();
    child.stdin.write(`${id}\n`);
    await finder.refused(secret);
    const refusedAt = performance.timeOrigin + performance.now();
    const { value } = await acknowledged.next();
    const [saidId, at] = String(value).split(' ');
    if (saidId !== id) throw new Error(`another key was revoked: ${value}`);
    times.push(Math.max(0, refusedAt - Number(at)));
  }
  child.stdin.end();
  await once(child, 'exit');
  return times.sort((a, b) => a - b);
}

/** Quick as only hints make it: by asking four times a second, half of them would take more than 125 ms. */
export function checkQuick(t: Test, times: readonly number[]): void {
  const at = (share: number): number => times[Math.ceil(times.length * share) - 1] ?? Number.NaN;
  t.comment(`median ${at(0.5).toFixed(1)} ms, 99 of 100 ${at(0.99).toFixed(1)} ms, longest ${at(1).toFixed(1)} ms`);
  t.ok(at(0.5) < 50, `half of them took less than ${at(0.5)} ms`);
  t.ok(at(0.99) < 1_000, `and 99 of 100 less than ${at(0.99)} ms`);
}
