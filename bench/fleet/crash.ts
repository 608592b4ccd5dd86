import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { figure, type Measurement, quantile } from './figures.ts';
import type { StoreName } from './stores.ts';

/** What each of the keys in test/faults/fleet-crash.ts may at least. */
const LIMIT = 400;
/** A round takes some four seconds. */
const ROUND_TIMEOUT_SECONDS = 30;
const SAID = /# (hour|burst): killed (\d+), \d+ until then, (\d+) in all, at most (\d+)/;

interface Round {
  readonly killed: number;
  readonly admitted: number;
  readonly most: number;
}

/** How many requests four gateways admit on one limit, some of which are killed in the midst of it. */
export async function measureCrashes(store: StoreName, rounds: number): Promise<Measurement> {
  const file = new URL(`../../test/faults/fleet-${store.toLowerCase()}.test.ts`, import.meta.url).pathname;
  const child = spawn(process.execPath, [file], {
    env: {
      ...process.env,
      LATCHKEY_FLEET_ROUNDS: String(rounds),
      TAP_TIMEOUT: String(rounds * ROUND_TIMEOUT_SECONDS),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const all: Round[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [, , killed, admitted, most] = SAID.exec(line) ?? [];
    if (killed !== undefined) all.push({ killed: Number(killed), admitted: Number(admitted), most: Number(most) });
  }
  const [code] = (await exit) as [number | null];
  if (code !== 0) throw new Error(`${file} ended with ${code}`);
  if (all.length !== rounds) throw new Error(`${file} told of ${all.length} rounds in place of ${rounds}`);
  const over = Math.max(...all.map(({ admitted, most }) => admitted - most));
  const unused = all.map(({ admitted }) => Math.max(0, LIMIT - admitted));
  const killed = all.reduce((sum, round) => sum + round.killed, 0);
  return {
    columns: ['four gateways, one limit of 400', 'killed', 'over the limit at most', 'unused: p50', 'unused at most'],
    rows: [
      {
        what: `${all.length} rounds`,
        cells: [killed, Math.max(0, over), quantile(unused, 0.5), Math.max(...unused)].map(figure),
      },
    ],
  };
}
