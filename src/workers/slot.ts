import type { Config } from '../config/config.ts';
import type { GatewayLog } from '../observe/logger.ts';
import { backoffMs } from './backoff.ts';
import type { WorkerAddresses } from './messages.ts';
import { exitText, WorkerLost, type WorkerProcess } from './worker-process.ts';

/** How often the first start is tried while the process dies without a word. */
const START_TRIES = 5;
/** A worker that served for so long has started well: its end does not count with those before. */
const STABLE_MS = 30_000;
/** How long a worker may take to start; a large store may have to be brought up to date first. */
const START_MS = 300_000;
/** How long a worker may take to take over a configuration. */
const RELOAD_MS = 10_000;
/** A worker that left so many pings in a row unanswered hangs. */
const MAX_MISSED = 4;

export interface SlotOptions {
  readonly worker: number;
  readonly logger: GatewayLog['logger'];
  /** Starts a process with what holds now. */
  readonly launch: () => WorkerProcess;
  /** Told of each process that ended, before another takes its place. */
  readonly onEnded: () => void;
}

export interface StopOptions {
  /** Without waiting for load balancers to see it. */
  readonly atOnce: boolean;
  readonly timeoutMs: number;
}

/** The place of one worker, which is filled again whenever its process ends. */
export class Slot {
  readonly worker: number;
  /** Processes that took the place of another. */
  restarts = 0;
  readonly #options: SlotOptions;
  #process: WorkerProcess | null = null;
  /** Ends in a row without a good start between them. */
  #failures = 0;
  #missed = 0;
  #isStopping = false;
  /** Ends the wait for the next try. */
  #hurry: () => void = () => undefined;
  /** Resolves when no process follows any more. */
  #kept: Promise<void> = Promise.resolve();

  constructor(options: SlotOptions) {
    this.worker = options.worker;
    this.#options = options;
  }

  /** The process that serves in this place now; null while there is none. */
  get serving(): WorkerProcess | null {
    return this.#process?.isServing === true ? this.#process : null;
  }

  /** The current process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /**
   * Fills the place for the first time, and from then on until `stop`.
   * @throws what the worker failed of; a WorkerLost when it died without a word again and again
   */
  async start(): Promise<WorkerAddresses> {
    for (let tries = 1; ; tries++) {
      const process = this.#launch();
      try {
        const addresses = await within(process, START_MS);
        this.#kept = this.#keep(process);
        return addresses;
      } catch (error) {
        const exit = await process.ended;
        if (!(error instanceof WorkerLost) || tries === START_TRIES || this.#isStopping) throw error;
        this.#options.logger.error(
          { worker: this.worker, end: exitText(exit) },
          'a worker ended before it could serve',
        );
        await this.#pause(backoffMs(tries));
        if (this.#isStopping) throw error;
      }
    }
  }

  /** Has the worker write what it held back. */
  speak(): void {
    this.#process?.tell({ kind: 'speak' });
  }

  /** A worker that does not take it over is replaced by one that begins with it. */
  async reload(config: Config): Promise<void> {
    const process = this.serving;
    if (process === null || (await process.reload(config, RELOAD_MS)) !== null || !process.isServing) return;
    const { logger } = this.#options;
    logger.error(
      { worker: this.worker, pid: process.pid },
      'a worker did not take over the configuration; it is replaced',
    );
    process.tell({ kind: 'stop', atOnce: true });
  }

  /** Ends a worker that hangs: the system would go on to give it its part of the connections. */
  async check(timeoutMs: number): Promise<void> {
    const process = this.serving;
    if (process === null || this.#isStopping) return;
    const answers = (await process.ask('ping', timeoutMs)) !== null;
    if (process !== this.serving) return;
    this.#missed = answers ? 0 : this.#missed + 1;
    if (this.#missed < MAX_MISSED) return;
    this.#options.logger.error(
      { worker: this.worker, pid: process.pid },
      'a worker does not answer any more; it is ended',
    );
    process.kill();
  }

  /** Has the worker drain and end; one that takes longer than `timeoutMs` is ended. */
  async stop({ atOnce, timeoutMs }: StopOptions): Promise<void> {
    this.#isStopping = true;
    this.#hurry();
    const process = this.#process;
    process?.tell({ kind: 'stop', atOnce });
    const timer = setTimeout(() => {
      this.#options.logger.warn(
        { worker: this.worker, pid: process?.pid },
        'a worker did not end in time; it is ended',
      );
      process?.kill();
    }, timeoutMs);
    await process?.ended;
    await this.#kept;
    clearTimeout(timer);
  }

  /** Ends the process at once. */
  kill(): void {
    this.#process?.kill();
  }

  async #keep(first: WorkerProcess): Promise<void> {
    for (let process = first; ; process = this.#launch()) {
      await this.#untilEnded(process);
      if (this.#isStopping) return;
      this.#failures++;
      const waitMs = backoffMs(this.#failures);
      const end = exitText(await process.ended);
      const { logger } = this.#options;
      logger.error(
        { worker: this.worker, pid: process.pid, end, restart_in_ms: waitMs },
        'a worker ended; another takes its place',
      );
      await this.#pause(waitMs);
      if (this.#isStopping) return;
      this.restarts++;
    }
  }

  /** Waits until a process is gone, and tells how its start went where it took the place of another. */
  async #untilEnded(process: WorkerProcess): Promise<void> {
    const { logger, onEnded } = this.#options;
    const isFirst = process.isServing;
    try {
      await within(process, START_MS);
      if (!isFirst) logger.info({ worker: this.worker, pid: process.pid }, 'a worker serves again');
      const stable = setTimeout(() => {
        this.#failures = 0;
      }, STABLE_MS);
      await process.ended;
      clearTimeout(stable);
    } catch (error) {
      if (!(error instanceof WorkerLost)) logger.error({ worker: this.worker, err: error }, 'a worker cannot start');
      await process.ended;
    }
    onEnded();
  }

  #launch(): WorkerProcess {
    this.#missed = 0;
    this.#process = this.#options.launch();
    return this.#process;
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hurry = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
  }
}

/** Resolves when it serves; one that has not come so far in time is ended. */
async function within(process: WorkerProcess, timeoutMs: number): Promise<WorkerAddresses> {
  const timer = setTimeout(() => process.kill(), timeoutMs);
  try {
    return await process.serving;
  } finally {
    clearTimeout(timer);
  }
}
