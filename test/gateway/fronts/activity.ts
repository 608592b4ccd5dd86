/** Turns of the event loop without any sign of life after which a side is taken to wait for its client. */
const QUIET_TURNS = 25;
/** Milliseconds of the same after which it is taken to hang. Longer than the gateway lingers over a body that it drops. */
const STUCK_MS = 4000;

/** Whether a side is still at work. All that takes part in it runs on this event loop, so that turns of it are a measure. */
export class Activity {
  /** How many times longer than usual to wait before a side counts as quiet; a second look at a case takes its time. */
  patience = 1;
  #marks = 0;

  /** Something happened. */
  mark(): void {
    this.#marks++;
  }

  /** Resolves to true when it holds; to false when nothing happens any more. */
  async untilQuiet(holds: () => boolean): Promise<boolean> {
    let seen = this.#marks;
    let turns = 0;
    let since = performance.now();
    while (!holds()) {
      await turn();
      if (seen !== this.#marks) {
        seen = this.#marks;
        turns = 0;
        since = performance.now();
      } else if (++turns > QUIET_TURNS * this.patience && performance.now() - since > 20 * (this.patience - 1)) {
        return false;
      }
    }
    return true;
  }

  /** Resolves when it holds. @throws StuckError when nothing happens for so long that it never will */
  async until(what: string, holds: () => boolean): Promise<void> {
    let seen = this.#marks;
    let since = performance.now();
    while (!holds()) {
      await turn();
      if (seen !== this.#marks) {
        seen = this.#marks;
        since = performance.now();
      } else if (performance.now() - since > STUCK_MS) throw new StuckError(what);
    }
  }
}

export class StuckError extends Error {}

export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
