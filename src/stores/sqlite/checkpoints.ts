import { extname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

const THREAD = fileURLToPath(new URL(`./checkpoint-thread${extname(import.meta.filename)}`, import.meta.url));

/** Bytes that were written to a file's write-ahead log, by what is known of them, until a checkpoint is asked for. */
const CHECKPOINT_BYTES = 4_000_000;
/**
 * Pages of log, about 32 MB, from which on commits try to make a checkpoint themselves, in which no request is served: when the
 * thread does not come to it, or the file is written without a pause. No bound: who reads, or the thread, can keep them from it.
 */
const FORCED_PAGES = 8_000;
/** The same without a thread, about 4 MB: with four times as many, one took 40 ms. */
const PAGES_WITHOUT_THREAD = 1_000;
/** Size to which the file of a log is cut when it begins anew. */
const LOG_FILE_BYTES = 32 * 1024 * 1024;
/** The longest that what is to be written waits for a checkpoint; on a slow disk it is written all the same, and waits there. */
const MAX_HOLD_MS = 500;
/** MiB that the thread's heap may take; it needs a few. */
const HEAP_MB = 32;

/** One write-ahead log. */
export interface Checkpoints {
  /**
   * To be told of what was committed.
   * @param bytes about so many; what is small may be left out
   */
  wrote(bytes: number): void;
  /**
   * Resolves when no checkpoint by the thread is under way, or after half a second: while the thread brings a log to the
   * disk, a commit to it waits for the disk too, and in that no request is served (20 ms were seen).
   */
  idle(): Promise<void>;
}

interface Asked {
  /** Resolves when it is over, or takes too long to be waited for. */
  readonly waited: PromiseWithResolvers<void>;
  readonly timer: NodeJS.Timeout;
}

interface Log {
  readonly db: DatabaseSync;
  bytes: number;
  /** The checkpoint that is under way; null: none is. */
  asked: Asked | null;
}

/**
 * Has the write-ahead logs of files brought into them by a thread, as that takes milliseconds, and what waits for the disk
 * longer. There is no thread before the first log is worth it: a command that reads a file starts none. A thread that ends
 * before its time is not started again; the connections make their checkpoints themselves then, as they do without one.
 */
export class CheckpointThread {
  readonly #files: readonly string[];
  readonly #script: string;
  readonly #logs: Log[] = [];
  #worker: Worker | null = null;
  #isOver = false;

  /**
   * @param files whose logs there are; `log` is asked for in the same order
   * @param script what the thread runs
   */
  constructor(files: readonly string[], script = THREAD) {
    this.#files = files;
    this.#script = script;
  }

  /** Whether a thread runs. */
  get isRunning(): boolean {
    return this.#worker !== null;
  }

  /** @param db the connection that writes the next of the files */
  log(db: DatabaseSync): Checkpoints {
    const log: Log = { db, bytes: 0, asked: null };
    const index = this.#logs.push(log) - 1;
    setAutomatic(db, FORCED_PAGES);
    return {
      wrote: (bytes) => {
        log.bytes += bytes;
        if (log.bytes >= CHECKPOINT_BYTES && log.asked === null && !this.#isOver) this.#ask(index, log);
      },
      idle: async () => {
        await log.asked?.waited.promise;
      },
    };
  }

  /** Ends the thread; a checkpoint that it is in the middle of is finished by whoever opens the file next. */
  close(): void {
    this.#end();
    void this.#worker?.terminate();
    this.#worker = null;
  }

  #end(): void {
    this.#isOver = true;
    for (const log of this.#logs) settle(log);
  }

  #ask(index: number, log: Log): void {
    this.#worker ??= this.#start();
    const waited = Promise.withResolvers<void>();
    log.asked = { waited, timer: setTimeout(waited.resolve, MAX_HOLD_MS) };
    log.bytes = 0;
    this.#worker.postMessage(index, []);
  }

  #start(): Worker {
    const worker = new Worker(this.#script, {
      workerData: { files: this.#files },
      name: 'checkpoints',
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    worker.on('message', ({ index, isWhole }: { index: number; isWhole: boolean }) => {
      const log = this.#logs[index] as Log;
      settle(log);
      // Soon again: what is left is little, and the log cannot begin anew before it is done.
      if (!isWhole) log.bytes += CHECKPOINT_BYTES / 2;
    });
    worker.on('error', () => this.#doWithout());
    worker.on('exit', () => this.#doWithout());
    // Last: to listen to it keeps the process alive again.
    worker.unref();
    return worker;
  }

  #doWithout(): void {
    if (this.#isOver) return;
    this.#end();
    this.#worker = null;
    for (const { db } of this.#logs) setAutomatic(db, PAGES_WITHOUT_THREAD);
    process.emitWarning(
      'The thread for checkpoints of the store has ended; they are made between requests from now on',
      {
        code: 'LATCHKEY_CHECKPOINTS',
      },
    );
  }
}

function settle(log: Log): void {
  if (log.asked === null) return;
  clearTimeout(log.asked.timer);
  log.asked.waited.resolve();
  log.asked = null;
}

function setAutomatic(db: DatabaseSync, pages: number): void {
  // A log that had to grow gives the disk back once it begins anew.
  db.exec(`PRAGMA wal_autocheckpoint = ${pages}; PRAGMA journal_size_limit = ${LOG_FILE_BYTES}`);
}
