import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant } from './contestants/contestant.ts';
import { coresFor } from './cores.ts';
import { checkWorks } from './correctness.ts';
import type { Outcome } from './figures.ts';
import type { KeyFiles } from './key-files.ts';
import type { Variant } from './scenarios/scenario.ts';
import type { SeededStores } from './seeded-stores.ts';

/** What all measurements of a run have in common. */
export interface Bench {
  readonly folder: string;
  readonly upstreamPort: number;
  readonly keyFiles: KeyFiles;
  readonly stores: SeededStores;
  readonly warmUpSeconds: number;
}

const ROUTES = ['GET /api/domains/*'];

/** Starts a contestant, sees that it works, measures one variant and ends it. */
export async function measure(
  bench: Bench,
  contestant: Contestant,
  variant: Variant,
  seconds: number,
): Promise<Outcome> {
  const { upstreamPort, keyFiles, stores, warmUpSeconds } = bench;
  const folder = mkdtempSync(join(bench.folder, 'one-'));
  const cores = coresFor(Math.max(1, contestant.workers));
  const keys = keyFiles.first(variant.keys);
  try {
    const { routes = ROUTES, logs = false } = variant;
    const running = await contestant.start({ cores, upstreamPort, keys, routes, logs, folder, stores });
    try {
      await checkWorks(contestant, running, keys);
      return await variant.measure({ running, cores, upstreamPort, keyFiles, keys, seconds, warmUpSeconds, folder });
    } finally {
      await running.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
