import { setImmediate } from 'node:timers/promises';
import { type Repeat, systemTimer } from './repeat.ts';

/** How often what is past its retention is looked for. */
const INTERVAL_MS = 60_000;
/** Calls of one task in a row while it still finds something; the rest has to wait for the next time. */
const MAX_CALLS = 1_000;

/** Forgets one sort of thing. */
export interface RetentionTask {
  /** For messages, like `usage`. */
  readonly name: string;
  /** Forgets a bounded number; 0: there is nothing left to forget. */
  prune(): Promise<number>;
}

export interface RetentionOptions {
  readonly tasks: readonly RetentionTask[];
  /** Told when a task begins to fail, and with null when it works again. */
  readonly onTrouble?: (name: string, error: unknown) => void;
  /** The timer; the system's when absent. */
  readonly repeat?: Repeat;
}

/** Has stores forget, once a minute, what is past its retention. */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #failing = new Set<RetentionTask>();
  readonly #stopRepeating: () => void;
  #running: Promise<void> | null = null;
  #stopped = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#stopRepeating = (options.repeat ?? systemTimer)(() => void this.run(), INTERVAL_MS);
  }

  /** Runs each task until there is nothing left to forget. Never rejects; one that fails is tried the next time. */
  run(): Promise<void> {
    this.#running ??= this.#runAll().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Resolves when no task runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopRepeating();
    await this.#running;
  }

  async #runAll(): Promise<void> {
    for (const task of this.#options.tasks) await this.#runOne(task);
  }

  async #runOne(task: RetentionTask): Promise<void> {
    try {
      for (let call = 0; call < MAX_CALLS && !this.#stopped; call++) {
        if ((await task.prune()) === 0) break;
        // An embedded store forgets before it returns: requests get their turn in between.
        await setImmediate();
      }
    } catch (error) {
      if (!this.#failing.has(task)) this.#options.onTrouble?.(task.name, error);
      this.#failing.add(task);
      return;
    }
    if (this.#failing.delete(task)) this.#options.onTrouble?.(task.name, null);
  }
}
