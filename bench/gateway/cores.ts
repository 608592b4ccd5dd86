import { availableParallelism } from 'node:os';

/** Lists of cores, as `taskset` takes them. */
export interface Cores {
  readonly gateway: string;
  /** Of everything that is not measured. */
  readonly others: string;
}

/**
 * One core for each process of the gateway where there are enough, else one for all of them; the rest is for others. What
 * is compared with each other is compared on the same cores.
 */
export function coresFor(workers: number): Cores {
  const count = availableParallelism();
  const gateway = count >= workers * 2 ? workers : 1;
  return { gateway: range(0, gateway - 1), others: count > gateway ? range(gateway, count - 1) : '0' };
}

function range(from: number, to: number): string {
  return from === to ? String(from) : `${from}-${to}`;
}
