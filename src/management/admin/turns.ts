import { setImmediate } from 'node:timers/promises';
import { ManagementError } from '../failures.ts';

/** Pieces of work that wait or run, of all callers together and of one. */
const MAX_TURNS = 64;
const MAX_TURNS_OF_ONE = 16;

/**
 * Work that is done one piece at a time: each takes the event loop for some milliseconds now and then, and any token can
 * ask for it. Requests get their turn between two of these; they would not if many pieces ran at once.
 */
export class Turns {
  readonly #taken = new Map<string, number>();
  #all = 0;
  #last: Promise<unknown> = Promise.resolve();

  /**
   * Does the work when all that came before is done.
   *
   * @param subject whose it is; nobody takes all turns alone
   * @throws ManagementError `too_many_explanations`, or what the work ends with
   */
  async take<T>(subject: string, work: () => Promise<T>): Promise<T> {
    const own = this.#taken.get(subject) ?? 0;
    if (this.#all >= MAX_TURNS || own >= MAX_TURNS_OF_ONE) {
      const detail = `Expected at most ${MAX_TURNS_OF_ONE} at a time of one caller, and ${MAX_TURNS} of all; wait for an answer.`;
      throw new ManagementError('too_many_explanations', detail);
    }
    this.#all++;
    this.#taken.set(subject, own + 1);
    const turn = this.#last.then(work);
    // Also after one that failed; and not in the same turn of the event loop, which has its answer to write.
    this.#last = turn.then(nothing, nothing).then(() => setImmediate());
    try {
      return await turn;
    } finally {
      this.#all--;
      this.#leave(subject);
    }
  }

  #leave(subject: string): void {
    const left = (this.#taken.get(subject) ?? 1) - 1;
    if (left === 0) this.#taken.delete(subject);
    else this.#taken.set(subject, left);
  }
}

function nothing(): void {}
