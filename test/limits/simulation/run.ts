import { setImmediate as turn } from 'node:timers/promises';
import { drawScenario, REQUESTS } from './scenario.ts';
import { World } from './world.ts';

/** Worlds that go on side by side: one turn of the event loop serves all of them. */
const AT_ONCE = 64;

export interface Failure {
  readonly seed: number;
  readonly error: unknown;
  readonly trace: readonly string[];
}

export interface Result {
  readonly worlds: number;
  readonly requests: number;
  readonly steps: number;
  readonly asked: number;
  readonly admitted: number;
  readonly refused: number;
  readonly lost: number;
  readonly decidedAlone: number;
  /** The first world in which something did not hold, and what happened in it; null when all did. */
  readonly failure: Failure | null;
}

/** Runs worlds of the seeds that follow one another from `seed`, until there were so many requests. */
export async function simulate(seed: number, requests: number): Promise<Result> {
  const sums = { worlds: 0, requests: 0, steps: 0, asked: 0, admitted: 0, refused: 0, lost: 0, decidedAlone: 0 };
  let next = seed;
  let running = Array.from({ length: AT_ONCE }, () => new World(drawScenario(next++)));
  while (running.length > 0) {
    for (const world of running) world.step();
    // All promises are settled when this one is.
    await turn();
    const over = running.filter((world) => world.isOver);
    if (over.length === 0) continue;
    running = running.filter((world) => !world.isOver);
    for (const world of over) {
      add(sums, world);
      if (world.failure !== null) return { ...sums, failure: await replay(world.scenario.seed) };
      if (sums.requests + running.length * REQUESTS < requests) running.push(new World(drawScenario(next++)));
    }
  }
  return { ...sums, failure: null };
}

/** Runs one world again and remembers what happens. */
export async function replay(seed: number): Promise<Failure | null> {
  const world = new World(drawScenario(seed), true);
  while (!world.isOver) {
    world.step();
    await turn();
  }
  return world.failure === null ? null : { seed, error: world.failure, trace: world.trace };
}

type Sums = { -readonly [name in Exclude<keyof Result, 'failure'>]: number };

function add(sums: Sums, world: World): void {
  sums.worlds++;
  sums.requests += world.requests;
  sums.steps += world.steps;
  sums.asked += world.asked;
  sums.decidedAlone += world.decidedAlone;
  for (const { admitted, refused, lost } of world.audits.values()) {
    sums.admitted += admitted;
    sums.refused += refused;
    sums.lost += lost;
  }
}
