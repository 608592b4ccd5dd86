import { StoreError } from '../core/ports.ts';
import type { DirectoryOptions } from './directory-options.ts';

/** So many reports in a row that the store did not take, and for so long, say that it takes no writes. */
const REFUSALS = 3;
const REFUSING_MS = 3_000;

/**
 * Whether the store takes writes. One that answers and takes none may have been replaced by another, as a primary is that
 * a failover has passed over: the other one has the changes.
 */
export class StoreWrites {
  readonly #refusals: () => number;
  readonly #maxStaleMs: number;
  #vouchedAt: number;

  /** @param now when it all begins, in milliseconds of a clock that never goes back */
  constructor({ refusals, maxStaleMs }: DirectoryOptions, now: number) {
    this.#refusals = refusals ?? (() => 0);
    this.#maxStaleMs = maxStaleMs;
    this.#vouchedAt = now;
  }

  /** When the store last said what changed, and took writes as well; at first when it all began. */
  get vouchedAt(): number {
    return this.#vouchedAt;
  }

  /** The store said what changed. @param asked when it was asked */
  answered(asked: number): void {
    if (this.#refusals() === 0) this.#vouchedAt = asked;
  }

  /** Whether it has refused for longer than a busy one does. */
  isRefusing(now: number): boolean {
    return this.#refusals() >= REFUSALS && now - this.#vouchedAt >= REFUSING_MS;
  }

  /** Whether it has refused for longer than what it says may be used. */
  isCutOff(now: number): boolean {
    return this.isRefusing(now) && now - this.#vouchedAt >= this.#maxStaleMs;
  }

  /** @throws StoreError when what it says may not be used */
  mustVouch(now: number): void {
    if (!this.isCutOff(now)) return;
    throw new StoreError('STORE_UNAVAILABLE', 'the key store has taken no writes for too long');
  }
}
