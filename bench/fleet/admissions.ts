import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drive, type LoadResult } from '../gateway/load.ts';
import { Client } from './client.ts';
import { figure, type Measurement, type Row } from './figures.ts';
import { countedDuring, type Fleet, type Issued, PATH } from './fleet.ts';

/** To all gateways together: enough to keep them busy, and so few that the store, on the same cores, gets its turn in time. */
const CONNECTIONS = 16;
/** Requests under way at a time, to each gateway, while keys are read for the first time. */
const FIRST_USES = 4;
const WARM_UP_SECONDS = 4;
/** The load tools are spread over so many cores. */
const CORES = 2;

/** How many requests a fleet admits in a second when clients ask as fast as they are answered. */
export async function measureAdmissions(fleet: Fleet, seconds: number): Promise<Measurement> {
  return {
    columns: ['load', 'admitted a second', 'p50 ms', 'p99 ms', 'questions for each request', 'decided alone', 'failed'],
    rows: [
      await row('one key', fleet, [fleet.unused()], seconds),
      await row(`${fleet.keys.length} keys`, fleet, fleet.keys, seconds),
    ],
  };
}

async function row(what: string, fleet: Fleet, keys: readonly Issued[], seconds: number): Promise<Row> {
  await useEach(fleet, keys);
  await driveAll(fleet, keys, WARM_UP_SECONDS);
  const [{ admitted, questions, alone }, results] = await countedDuring(fleet, () => driveAll(fleet, keys, seconds));
  const sum = (pick: (result: LoadResult) => number): number => results.reduce((all, result) => all + pick(result), 0);
  const largest = (pick: (result: LoadResult) => number): string => figure(Math.max(...results.map(pick)));
  return {
    what,
    cells: [
      figure(sum(({ requestsPerSecond }) => requestsPerSecond)),
      largest(({ p50Ms }) => p50Ms),
      largest(({ p99Ms }) => p99Ms),
      (questions / admitted).toFixed(4),
      String(alone),
      String(sum(({ failures }) => failures)),
    ],
  };
}

/** Uses each key once at each gateway, so that none is read from the store in what is measured. */
async function useEach({ gateways }: Fleet, keys: readonly Issued[]): Promise<void> {
  await Promise.all(
    gateways.map(async (gateway) => {
      const client = new Client(gateway);
      const rest = keys.values();
      const useRest = async (): Promise<void> => {
        for (const key of rest) await client.ask(key);
      };
      await Promise.all(Array.from({ length: FIRST_USES }, useRest));
      await client.close();
    }),
  );
}

function driveAll({ gateways, folder }: Fleet, keys: readonly Issued[], seconds: number): Promise<LoadResult[]> {
  const secrets = keys.map(({ secret }) => secret);
  return Promise.all(
    gateways.map(({ url }, i) => {
      const own = join(folder, `load-${i}`);
      mkdirSync(own, { recursive: true });
      const keysFile = join(own, 'keys.txt');
      writeFileSync(keysFile, secrets.join('\n'));
      const connections = Math.max(1, Math.floor(CONNECTIONS / gateways.length));
      return drive({
        core: i % CORES,
        url: `${url}${PATH}`,
        keysFile,
        keys: secrets,
        connections,
        seconds,
        folder: own,
      });
    }),
  );
}
