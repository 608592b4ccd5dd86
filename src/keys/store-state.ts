import { StoreError } from '../core/ports.ts';

/** After the store failed, how long keys that are not in memory are refused at once, before one request asks again. */
const RETRY_STORE_MS = 500;

/** Whether the store answered when it was last asked, and when it may be asked again. */
export class StoreState {
  #isUp = true;
  #askAgainAt = 0;
  #errors = 0;

  get isUp(): boolean {
    return this.#isUp;
  }

  get errors(): number {
    return this.#errors;
  }

  answered(): void {
    this.#isUp = true;
  }

  /** @throws what is no StoreError: it is a fault of this program */
  failed(error: unknown, now: number): void {
    if (!(error instanceof StoreError)) throw error;
    this.#errors++;
    this.#isUp = false;
    this.#askAgainAt = now + RETRY_STORE_MS;
  }

  /** A damaged record is one key's trouble; the store itself is there. */
  gaveDamagedRecord(): void {
    this.#errors++;
  }

  /**
   * To be called before a request asks.
   *
   * @throws StoreError when the store did not answer a moment ago; one request finds out whether it is back
   */
  mayAsk(now: number): void {
    if (!this.#isUp && now < this.#askAgainAt) {
      throw new StoreError('STORE_UNAVAILABLE', 'the key store did not answer a moment ago');
    }
    this.#askAgainAt = now + RETRY_STORE_MS;
  }
}
