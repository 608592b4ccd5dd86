/** What can be measured, with the title of its column and what a higher value means. */
export const FIGURES = {
  cpuMicros: 'CPU µs/request',
  storeCpuMicros: 'CPU µs/request of the store',
  mbPerCpuSecond: 'MB per CPU second',
  mbPerSecond: 'MB/s',
  requestsPerSecond: 'requests/s',
  p50Ms: 'p50 ms',
  p99Ms: 'p99 ms',
  memoryMb: 'memory MB',
  offered: 'requests/s offered',
  directP99Ms: 'p99 ms without a proxy',
  addedP50Ms: 'p50 ms added',
  addedP99Ms: 'p99 ms added',
  idleMb: 'memory MB before',
  kbPerConnection: 'KB for each connection',
  memoryEarlyMb: 'memory MB after a tenth',
  memoryPeakMb: 'most memory MB',
  memoryGrowth: 'the end to a tenth',
} as const;

export type Figure = keyof typeof FIGURES;

/** What one measurement found; what a contestant does not have is not there. */
export interface Outcome {
  readonly figures: Partial<Readonly<Record<Figure, number>>>;
  /** Requests that were not answered as they should be. */
  readonly failures: number;
  /** Memory in MB over the time of the measurement, at equal distances. */
  readonly series?: readonly number[];
}

export interface Measured extends Outcome {
  readonly contestant: string;
  readonly variant: string;
  readonly round: number;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @returns null where nothing was measured */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Three digits where there are so many. */
export function format(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
