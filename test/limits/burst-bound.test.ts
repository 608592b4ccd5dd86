import t from 'tap';
import type { LoadedKey } from '../../src/core/decision.ts';
import { LeaseBook } from '../../src/limits/lease-book.ts';
import { ManualClock } from '../support/clock.ts';
import { loadedKey } from '../support/keys.ts';
import { FarLedger, SyncLedger } from './ledgers.ts';

/** Ten a millisecond, and 801 at once: an eighth of what remains after one is a hundred. */
const LIMITS = { perHour: 36_000_000, perDay: 100_000_000, burst: 801 };
const MOST_AHEAD = 100;

interface Process {
  readonly book: LeaseBook;
  readonly key: LoadedKey;
}

async function flood({ book, key }: Process, requests: number): Promise<number> {
  const leases = await Promise.all(Array.from({ length: requests }, async () => book.spend(key) ?? book.take(key)));
  return leases.filter(({ granted }) => granted === 1).length;
}

t.test(
  'at once no more is admitted than the bucket and an eighth of it for each process; and that much can be',
  async (t) => {
    for (const count of [1, 2, 4, 7]) {
      const clock = new ManualClock();
      const ledger = new FarLedger(new SyncLedger(clock));
      const elapsed = (): number => clock.time;
      const processes: Process[] = Array.from({ length: count }, () => ({
        book: new LeaseBook({ ledger, elapsed }),
        key: loadedKey({ id: 'the key', limits: LIMITS }),
      }));
      // That the ledger is far is known from the second question on.
      for (const one of processes) await flood(one, 2);
      clock.advance(1_000);
      // One after the other becomes busy, takes as much ahead as it can while the bucket is full, and lets it lie.
      for (const one of processes) {
        await flood(one, 200);
        clock.advance(40);
        await flood(one, 1 + (ledger.questions.at(-1)?.granted ?? 0) - 199);
        clock.advance(20);
        t.equal(ledger.questions.at(-1)?.granted, 1 + MOST_AHEAD);
      }
      let atOnce = 0;
      for (const one of processes) atOnce += await flood(one, 1_000);
      t.ok(atOnce <= LIMITS.burst + count * MOST_AHEAD, `${atOnce} at once with ${count}`);
      t.ok(atOnce > LIMITS.burst + count * MOST_AHEAD * 0.7, `${atOnce} at once with ${count}`);
    }
  },
);
