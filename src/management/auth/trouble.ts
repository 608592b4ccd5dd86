import type { Clock } from '../../core/clock.ts';
import type { KeysUnreadable } from './fetch-keys.ts';

/** Told of a failure that goes on, and of its end with null. */
export type OnTrouble = (error: KeysUnreadable | null) => void;

/** While it stays the same, trouble is told again so often. */
const TELL_EVERY_MS = 60_000;

/** Tells of trouble when it begins, when its reason changes, once a minute while it lasts, and when it is over. */
export class Trouble {
  readonly #tell: OnTrouble;
  readonly #clock: Clock;
  #told: { readonly reason: string; readonly at: number } | null = null;

  constructor(tell: OnTrouble, clock: Clock) {
    this.#tell = (error) => {
      try {
        tell(error);
      } catch {
        // Whoever is told must not fail; there is nobody left to tell.
      }
    };
    this.#clock = clock;
  }

  is(error: KeysUnreadable): void {
    const at = this.#clock.now();
    if (this.#told?.reason === error.reason && Math.abs(at - this.#told.at) < TELL_EVERY_MS) return;
    this.#told = { reason: error.reason, at };
    this.#tell(error);
  }

  over(): void {
    if (this.#told === null) return;
    this.#told = null;
    this.#tell(null);
  }
}
