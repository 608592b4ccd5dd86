/** Upper bounds in seconds: from an answer out of a neighbour's memory to a slow report. */
export const DURATION_BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

const BOUNDS_MS = DURATION_BUCKETS.map((seconds) => seconds * 1000);

/** Durations by size, as plain numbers: one comparison per bucket and three additions for each. */
export class DurationHistogram {
  /** How many fell into each bucket and no lower one; the last is for those above all bounds. */
  readonly counts = new Float64Array(BOUNDS_MS.length + 1);
  sumMs = 0;
  count = 0;

  observe(ms: number): void {
    let i = 0;
    while (i < BOUNDS_MS.length && ms > (BOUNDS_MS[i] as number)) i++;
    this.counts[i] = (this.counts[i] as number) + 1;
    this.sumMs += ms;
    this.count++;
  }
}
