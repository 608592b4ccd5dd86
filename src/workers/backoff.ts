import { randomInt } from 'node:crypto';

/** Before the first new try, at most. */
const FIRST_MS = 200;
/** Between two tries, at most. */
const MOST_MS = 30_000;

/**
 * How long to wait before something that failed is tried again: at least half of a time that doubles with each failure,
 * up to half a minute. By chance, so that workers that fell together do not all come back together.
 *
 * @param failures in a row, 1 or more
 * @returns milliseconds
 */
export function backoffMs(failures: number): number {
  const most = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return randomInt(most / 2, most + 1);
}
