/**
 * The gateway beside its peers: each alone on its cores, in turn, several rounds, so that what disturbs the machine
 * disturbs all of them. Prints a table for each scenario and writes it, with a plot, to bench/results.
 *
 *   npm run bench                               small JSON answers, all contestants
 *   npm run bench -- half-load uploads          these scenarios
 *   npm run bench -- SQLite --rounds 5          contestants with this in their name, beside those they are compared with
 *   npm run bench -- --all                      every scenario; hours
 *   npm run bench -- --soak                     ten minutes of load for each store
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coresFor } from './cores.ts';
import { FIGURES, format, type Measured, type Outcome } from './figures.ts';
import { KeyFiles } from './key-files.ts';
import { loadLine, machineLine } from './machine.ts';
import { type Bench, measure } from './measure.ts';
import { type Options, readOptions } from './options.ts';
import { hasCommand, startPinned } from './process.ts';
import { publish, textOf } from './publish.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { SeededStores } from './seeded-stores.ts';

const DEFAULT_SECONDS = 8;
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

const options = readOptionsOrExit();
if (!hasCommand('wrk')) exitWith('there is no wrk on the PATH: install it (Debian and Ubuntu: apt-get install wrk)');
const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
// Exiting ends every process that was started (process.ts).
for (const [signal, code] of Object.entries(SIGNALS)) process.once(signal, () => process.exit(code));

function readOptionsOrExit(): Options {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    return exitWith(error instanceof Error ? error.message : String(error));
  }
}

function exitWith(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

async function startBench(): Promise<Bench> {
  const script = new URL('upstream.ts', import.meta.url).pathname;
  const upstream = startPinned(coresFor(1).others, process.execPath, [script]);
  const [, port] = await upstream.waitFor(/^ready (\d+)$/);
  const { warmUpSeconds } = options;
  return {
    folder,
    upstreamPort: Number(port),
    keyFiles: new KeyFiles(folder),
    stores: new SeededStores(folder),
    warmUpSeconds,
  };
}

/** @returns whether everything was measured that is not missing here, without a failure */
async function run(bench: Bench, scenario: Scenario): Promise<boolean> {
  const seconds = options.seconds ?? scenario.seconds ?? DEFAULT_SECONDS;
  const conditions = `${options.rounds} rounds of ${seconds} s, ${loadLine()}. ${machineLine()}.`;
  const measured: Measured[] = [];
  const absent = scenario.contestants.flatMap(({ name, missing }) => (missing === null ? [] : [`${name}: ${missing}`]));
  const faults: string[] = [];
  const present = scenario.contestants.filter(({ missing }) => missing === null);
  for (let round = 1; round <= options.rounds; round++) {
    for (const variant of scenario.variants) {
      for (const contestant of present) {
        const what = [contestant.name, variant.label].filter(Boolean).join(', ');
        try {
          const outcome = await measure(bench, contestant, variant, seconds);
          measured.push({ ...outcome, contestant: contestant.name, variant: variant.label, round });
          process.stderr.write(`${scenario.name} ${round}/${options.rounds}: ${what}: ${summaryOf(outcome)}\n`);
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          faults.push(`${what}, round ${round}: it FAILED: ${reason.split('\n', 1)[0]}`);
          process.stderr.write(`${scenario.name} ${round}/${options.rounds}: ${what}: ${reason}\n`);
        }
      }
    }
  }
  const published = { scenario, measured, absent: [...absent, ...faults], conditions };
  process.stdout.write(`${textOf(published)}\n`);
  if (options.results !== null) publish(options.results, published);
  return faults.length === 0 && measured.every(({ failures }) => failures === 0);
}

function summaryOf({ figures, failures }: Outcome): string {
  const parts = Object.entries(FIGURES).flatMap(([figure, title]) => {
    const value = figures[figure as keyof typeof FIGURES];
    return value === undefined ? [] : [`${title} ${format(value)}`];
  });
  return [...parts, failures === 0 ? 'none failed' : `${failures} FAILED`].join('; ');
}

const bench = await startBench();
let good = true;
for (const scenario of options.scenarios) good = (await run(bench, scenario)) && good;
process.exit(good ? 0 : 1);
