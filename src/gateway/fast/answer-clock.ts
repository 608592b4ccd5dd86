import type { UpstreamConfig } from '../../config/config.ts';
import { UpstreamError } from '../failure.ts';

/**
 * How long the upstream has been waited for on one connection. It is asked a few times a second: nothing is timed for a
 * single request.
 */
export class AnswerClock {
  /** Something of the answer's body came since it was last looked. */
  heard = false;
  readonly #headTimeoutMs: number;
  readonly #bodyIdleTimeoutMs: number;
  #hasHead = false;
  /** By performance.now(). */
  #since = 0;

  constructor({ headTimeoutMs, bodyIdleTimeoutMs }: UpstreamConfig) {
    this.#headTimeoutMs = headTimeoutMs;
    this.#bodyIdleTimeoutMs = bodyIdleTimeoutMs;
  }

  /** A request is about to be sent. @param now performance.now(), here and below */
  begin(now: number): void {
    this.heard = false;
    this.#hasHead = false;
    this.#since = now;
  }

  /** The wait begins anew. */
  restart(now: number): void {
    this.#since = now;
  }

  headCame(now: number): void {
    this.#hasHead = true;
    this.#since = now;
  }

  /**
   * @param awaitsClient  it is the client that is waited for, to send more of the request
   * @param awaitsReading it is the client that is waited for, to read more of the answer
   * @returns what is late; null when nothing is
   */
  lateness(now: number, awaitsClient: boolean, awaitsReading: boolean): UpstreamError | null {
    if (!this.#hasHead) {
      if (awaitsClient || this.#headTimeoutMs === 0 || now - this.#since <= this.#headTimeoutMs) return null;
      return new UpstreamError('head_timeout', 'The head of the answer did not come in time');
    }
    if (this.heard || awaitsReading) {
      this.heard = false;
      this.#since = now;
      return null;
    }
    if (this.#bodyIdleTimeoutMs === 0 || now - this.#since <= this.#bodyIdleTimeoutMs) return null;
    return new UpstreamError('body_timeout', 'More of the answer did not come in time');
  }
}
