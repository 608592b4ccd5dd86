import type { GatewayLog } from '../../observe/logger.ts';
import { DONE, FAILED } from '../failure.ts';
import type { Io } from '../io.ts';

/** Exit codes of a process that a signal ended: 128 and its number. */
const KILLED: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * A second signal within this time is the same key press: Ctrl-C reaches the process from the terminal and once more
 * from npm.
 */
const SAME_PRESS_MS = 300;

export interface EndingOptions {
  readonly io: Io;
  readonly log: GatewayLog;
  readonly onHangup: () => void;
}

/** Waits for what ends the process: a signal, or a mistake in the program that leaves it in doubt. */
export class Ending {
  /** Resolves with the exit code when the gateway is to stop. */
  readonly begun: Promise<number>;
  readonly #begin: (code: number) => void;
  readonly #options: EndingOptions;
  #isBegun = false;
  #mayInsist = false;

  constructor(options: EndingOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.begun = promise;
    this.#begin = resolve;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#onSignal(signal));
    process.on('SIGHUP', () => options.onHangup());
    process.on('uncaughtException', (error) => this.#onCrash(error));
    process.on('unhandledRejection', (reason) => {
      options.log.logger.error({ err: reason }, 'a failure was not handled; the gateway goes on');
    });
  }

  /** Stops as on a signal. */
  stop(code: number = DONE): void {
    this.#isBegun = true;
    this.#begin(code);
  }

  #onSignal(signal: 'SIGINT' | 'SIGTERM'): void {
    if (this.#isBegun) {
      if (this.#mayInsist) process.exit(KILLED[signal]);
      return;
    }
    this.#options.io.say(`latchkey: ${signal}: finishing the requests in flight; a second signal ends it at once`);
    setTimeout(() => {
      this.#mayInsist = true;
    }, SAME_PRESS_MS).unref();
    this.stop();
  }

  /** What was being done is in doubt, what others are doing is not: they may finish. */
  #onCrash(error: unknown): void {
    this.#options.log.logger.fatal({ err: error }, 'the gateway stops: an error that nothing handled');
    if (this.#isBegun) return;
    this.#mayInsist = true;
    this.stop(FAILED);
  }
}
