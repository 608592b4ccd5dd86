import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { Lease, Limits } from '../../src/core/limits.ts';
import { withinOneHour } from './admissions.ts';
import type { Harness } from './harness.ts';

/** Enough that a process is still at it when the parent has read its first lines. */
const LIMIT = 10_000;
const limits: Limits = { perHour: LIMIT, perDay: 1_000_000, burst: 1_000_000 };
const LOOP = fileURLToPath(new URL('./lease-loop.ts', import.meta.url));

interface Worker {
  readonly child: ChildProcess;
  /** Calls back with each lease as it is reported; resolves when the process is gone and all was read. */
  read(each: (lease: Lease) => void): Promise<void>;
}

function startWorker(t: Test, harness: Harness, keyId: string): Worker {
  const child = spawn(process.execPath, [LOOP, harness.where, keyId, JSON.stringify(limits)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout });
  return {
    child,
    read: async (each) => {
      for await (const line of lines) {
        const [granted = 0, now = 0] = line.split(' ').map(Number);
        each({ granted, now } as Lease);
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

function granted(leases: readonly Lease[]): number {
  return leases.reduce((sum, lease) => sum + lease.granted, 0);
}

export async function checkProcesses(t: Test, harness: Harness): Promise<void> {
  const { limits: ledger } = await harness.open();
  const leaseTheRest = async (keyId: string, leases: Lease[]): Promise<void> => {
    for (;;) {
      const lease = await ledger.lease(keyId, limits, 100);
      leases.push(lease);
      if (lease.granted === 0) return;
    }
  };

  await t.test('several processes together are granted the limit, not one more or less', async (t) => {
    const leases = await withinOneHour(async (keyId) => {
      const found: Lease[] = [];
      const workers = [startWorker(t, harness, keyId), startWorker(t, harness, keyId)];
      await Promise.all(workers.map((worker) => worker.read((lease) => found.push(lease))));
      await leaseTheRest(keyId, found);
      t.strictSame(
        workers.map((worker) => worker.child.exitCode),
        [0, 0],
        'and none of them failed',
      );
      return found;
    });
    t.equal(granted(leases), LIMIT);
  });

  await t.test('a process killed in the middle of leasing never makes it more', async (t) => {
    const leases = await withinOneHour(async (keyId) => {
      const found: Lease[] = [];
      const workers = [startWorker(t, harness, keyId), startWorker(t, harness, keyId)];
      const read = workers.map((worker) => {
        let seen = 0;
        return worker.read((lease) => {
          found.push(lease);
          seen++;
          if (seen === 100) worker.child.kill('SIGKILL');
        });
      });
      await Promise.all(read);
      const ends = workers.map((worker) => worker.child.signalCode);
      t.strictSame(ends, ['SIGKILL', 'SIGKILL'], 'both were killed before they were done');
      await leaseTheRest(keyId, found);
      return found;
    });
    t.ok(granted(leases) <= LIMIT, `${granted(leases)} is no more than ${LIMIT}`);
    const lost = 2 * (1 + harness.lostByKill);
    t.ok(granted(leases) >= LIMIT - lost, `and the kills lost ${lost} at most, not ${LIMIT - granted(leases)}`);
  });
}
