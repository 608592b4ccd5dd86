import { performance } from 'node:perf_hooks';
import type { Clock } from '../core/clock.ts';

/** The machine's clock: the only place where it is read. */
export const systemClock: Clock = { now: () => Date.now() };

/** Milliseconds that never go back, whatever is done to the clock: for how long something took, or may last. */
export const elapsed = (): number => performance.now();
