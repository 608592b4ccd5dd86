import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { SEED } from '../support/random.ts';
import { type Result, replay } from './simulation/run.ts';
import { drawScenario } from './simulation/scenario.ts';
import { World } from './simulation/world.ts';

/**
 * Requests that are simulated; more than as many other things happen besides. LATCHKEY_SIMULATED_REQUESTS asks for more, and
 * LATCHKEY_TEST_SEED for other worlds.
 */
const REQUESTS = Number(process.env['LATCHKEY_SIMULATED_REQUESTS'] ?? 1_000_000);

/** In a thread of its own: here each promise takes three times as long, since tap follows where it comes from. */
async function simulate(seed: number, requests: number): Promise<Result> {
  const worker = new Worker(new URL('simulation/worker.ts', import.meta.url), { workerData: { seed, requests } });
  const [result] = await once(worker, 'message');
  await worker.terminate();
  return result;
}

t.test('whatever befalls gateways and their store, the limits hold as docs/limits.md says', async (t) => {
  const { failure, ...sums } = await simulate(SEED, REQUESTS);
  t.comment(sums);
  if (failure !== null) {
    t.comment(`the last that happened in this world:\n${failure.trace.join('\n')}`);
    t.fail(`a world of LATCHKEY_TEST_SEED=${failure.seed}: ${String(failure.error)}`);
  }
  t.ok(sums.requests + sums.steps >= 2 * REQUESTS, 'as many as were asked for');
  for (const name of ['admitted', 'refused', 'lost', 'decidedAlone', 'asked'] as const) {
    t.ok(sums[name] > REQUESTS / 10_000, `there were enough: ${sums[name]} ${name}`);
  }
});

t.test('a seed makes the same world each time, so that a failure can be looked at again', async (t) => {
  const first = new World(drawScenario(SEED), true);
  const second = new World(drawScenario(SEED), true);
  while (!first.isOver) {
    first.step();
    second.step();
    await new Promise(setImmediate);
  }
  t.ok(second.isOver);
  t.strictSame(first.trace, second.trace);
  t.equal(first.trace.length, 50);
  t.equal(await replay(SEED), null, 'nothing failed in it');
});
