import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.ts';
import type { Answers, Order, Question, Report, WorkerAddresses, WorkerStart } from './messages.ts';
import { failureError } from './sent-failure.ts';

/** As this file is: TypeScript in a clone, JavaScript in what was built from it. */
const MAIN = fileURLToPath(new URL(`./worker-main${extname(import.meta.filename)}`, import.meta.url));

/** Questions to one worker that wait for an answer; one more is not asked. */
const MAX_ASKED = 64;

/** How a process ended: by itself with a code, or by a signal; neither: the system could not start it. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A worker ended before it served, and did not say why. */
export class WorkerLost extends Error {
  readonly exit: WorkerExit;
  constructor(worker: number, exit: WorkerExit) {
    super(`worker ${worker} ended before it could serve (${exitText(exit)})`);
    this.name = 'WorkerLost';
    this.exit = exit;
  }
}

/** `code 1`, `SIGKILL` */
export function exitText({ code, signal }: WorkerExit): string {
  return signal ?? (code === null ? 'the system starts no process' : `code ${code}`);
}

/** One worker as the supervisor sees it. */
export class WorkerProcess {
  readonly worker: number;
  /** Resolves when it serves. Rejects with what it failed of, or a WorkerLost. */
  readonly serving: Promise<WorkerAddresses>;
  /** Resolves when the process is gone. */
  readonly ended: Promise<WorkerExit>;
  isServing = false;
  /** null: there is no memory for one. */
  readonly #child: ChildProcess | null;
  readonly #asked = new Map<number, (value: Answers[Question] | null) => void>();
  #lastId = 0;

  constructor(start: WorkerStart) {
    this.worker = start.worker;
    this.#child = forked();
    const { promise: ended, resolve: end } = Promise.withResolvers<WorkerExit>();
    const { promise: serving, resolve: serve, reject: fail } = Promise.withResolvers<WorkerAddresses>();
    this.ended = ended;
    this.serving = serving;
    // Whoever wants to know asks; nobody must.
    serving.catch(() => undefined);
    this.#child?.on('message', (report: Report) => {
      if (report.kind === 'serving') {
        this.isServing = true;
        serve(report.addresses);
      } else if (report.kind === 'failed') fail(failureError(report.failure));
      else this.#answered(report.id, report.kind === 'answer' ? report.value : null);
    });
    const over = (exit: WorkerExit): void => {
      this.isServing = false;
      for (const id of this.#asked.keys()) this.#answered(id, null);
      fail(new WorkerLost(this.worker, exit));
      end(exit);
    };
    this.#child?.on('exit', (code, signal) => over({ code, signal }));
    // Without an id there is no process: there are too many of them.
    this.#child?.on('error', () => {
      if (this.pid === undefined) over({ code: null, signal: null });
    });
    if (this.#child === null) over({ code: null, signal: null });
    this.tell({ kind: 'start', start });
  }

  /** undefined: it could not be started. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Tells it something that needs no answer. One that is gone is told nothing. */
  tell(order: Order): void {
    if (this.#child?.connected === true) this.#child.send(order, () => undefined);
  }

  /** Its answer; null when there is none within `timeoutMs`. */
  ask<Q extends Exclude<Question, 'reload'>>(question: Q, timeoutMs: number): Promise<Answers[Q] | null> {
    return this.#ask((id) => ({ kind: 'ask', id, question }), timeoutMs) as Promise<Answers[Q] | null>;
  }

  /** Has it take over another configuration. Null when it did not say within `timeoutMs` that it has. */
  reload(config: Config, timeoutMs: number): Promise<Answers['reload'] | null> {
    const order = (id: number): Order => ({ kind: 'ask', id, question: 'reload', config });
    return this.#ask(order, timeoutMs) as Promise<Answers['reload'] | null>;
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  #ask(order: (id: number) => Order, timeoutMs: number): Promise<Answers[Question] | null> {
    if (!this.isServing || this.#asked.size >= MAX_ASKED) return Promise.resolve(null);
    this.#lastId++;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#answered(id, null), timeoutMs);
      this.#asked.set(id, (value) => {
        clearTimeout(timer);
        resolve(value);
      });
      this.tell(order(id));
    });
  }

  #answered(id: number, value: Answers[Question] | null): void {
    this.#asked.get(id)?.(value);
    this.#asked.delete(id);
  }
}

function forked(): ChildProcess | null {
  try {
    return fork(MAIN, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  } catch (error) {
    // Of a want of memory it tells in this way, of a want of processes by an event.
    if (error instanceof Error && 'syscall' in error) return null;
    throw error;
  }
}
