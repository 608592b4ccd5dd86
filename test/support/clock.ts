import type { Clock } from '../../src/core/clock.ts';

/** A Sunday, half past noon UTC: far from where hours and days begin. */
export const NOON = Date.UTC(2026, 10, 22, 12, 30);

/** A clock that stands still until a test turns it. */
export class ManualClock implements Clock {
  time: number;

  constructor(time = NOON) {
    this.time = time;
  }

  now(): number {
    return this.time;
  }

  /** @param ms milliseconds; negative ones set the clock back */
  advance(ms: number): void {
    this.time += ms;
  }
}
