import { HOUR_MS, type Limits } from '../../../src/core/limits.ts';

/** What must hold did not. */
export class Broken extends Error {}

/**
 * Whether in every interval no more is admitted than a full bucket, what flows in meanwhile, and what could be admitted
 * beyond that when the interval began.
 */
export class Gauge {
  readonly #burst: number;
  readonly #perMs: number;
  #at = 0;
  #level: number;
  #depth: number;

  /** @param beyond so much can be admitted at once, besides what is in the bucket */
  constructor({ burst, perHour }: Limits, beyond = 0) {
    this.#burst = burst;
    this.#perMs = perHour / HOUR_MS;
    this.#depth = this.#level = burst + beyond;
  }

  /** @param beyond what it is from now on */
  turnTo(now: number, beyond: number): void {
    const level = Math.min(this.#depth, this.#level + (now - this.#at) * this.#perMs);
    this.#at = now;
    this.#depth = this.#burst + beyond;
    this.#level = Math.min(level, this.#depth);
  }

  /** Lets so much more be admitted, once. */
  pour(count: number): void {
    this.#level += count;
  }

  /** The store's clock shows whole milliseconds: what flows in within one may have come before. */
  take(count: number, now: number): void {
    this.turnTo(now, this.#depth - this.#burst);
    this.#level -= count;
    if (this.#level < -this.#perMs - 1e-6) throw new Broken(`${-this.#level} more than the bucket allows`);
  }
}

/** What would be in the bucket if nothing were ever taken ahead. Below zero when more was admitted than that. */
export class PlainBucket {
  readonly #burst: number;
  readonly #perMs: number;
  #at = 0;
  #level: number;

  constructor({ burst, perHour }: Limits) {
    this.#burst = burst;
    this.#perMs = perHour / HOUR_MS;
    this.#level = burst;
  }

  take(count: number, now: number): void {
    this.#level = Math.min(this.#burst, this.#level + (now - this.#at) * this.#perMs) - count;
    this.#at = now;
  }

  /** @param out taken ahead and not spent: that may be missing, and what flows in within a millisecond of the store's clock */
  mustBeEmpty(out: number, now: number): void {
    this.take(0, now);
    const missing = this.#level - out - this.#perMs;
    if (missing >= 1 + 1e-6) throw new Broken(`refused where ${missing} could have been admitted at once`);
  }
}
