import { setImmediate as nextTurn } from 'node:timers/promises';

/** How many turns the event loop took until something was done. */
export async function turnsUntil(done: Promise<unknown>): Promise<number> {
  const end = done.then(() => null);
  let turns = 0;
  while ((await Promise.race([end, nextTurn(turns)])) !== null) turns++;
  return turns;
}
