import type { Clock } from '../core/clock.ts';

/** The machine's clock: the only place where it is read. */
export const systemClock: Clock = { now: () => Date.now() };
