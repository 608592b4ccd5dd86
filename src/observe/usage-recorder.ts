import { randomBytes } from 'node:crypto';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { Clock } from '../core/clock.ts';
import type { Exchange } from '../core/exchange.ts';
import { StoreError } from '../core/ports.ts';
import { dayOf, type UsageBatch, type UsageStore } from '../core/usage.ts';
import { inTime, type Repeat, systemTimer } from './repeat.ts';
import { BatchContent } from './usage-batch.ts';
import { UsageCounter } from './usage-counter.ts';

/** How often counts are written: what a killed process can lose, with the time that writing takes beside requests. */
const FLUSH_INTERVAL_MS = 1000;
/** Counts that wait for the store; at some 150 bytes each. */
const MAX_COUNTS = 200_000;
/** Keys in one batch. */
const MAX_BATCH = 1_000;
/** Keys that are added to a batch before requests get their turn: a quarter of a millisecond. */
const TURN_KEYS = 500;
/**
 * Between two such turns, while there are requests. Turns that follow each other at once take half of the time that requests have; these
 * are spread.
 */
const PAUSE_MS = 2;
/** How long `stop` tries, and how often when the store fails at once. */
const STOP_TIMEOUT_MS = 2000;
const STOP_ATTEMPTS = 5;
const STOP_PAUSE_MS = 50;

const WRITER_BYTES = 9;

export interface UsageRecorderOptions {
  readonly store: UsageStore;
  readonly clock: Clock;
  /** For how long usage is kept, in milliseconds; asked for each batch. */
  readonly retentionMs: () => number;
  /** Told when writing begins to fail, and with null when it works again. */
  readonly onTrouble?: (error: unknown) => void;
  /** 200,000 when absent. */
  readonly maxCounts?: number;
  /** The timer; the system's when absent. */
  readonly repeat?: Repeat;
  readonly stopTimeoutMs?: number;
}

/**
 * Counts what each key, each owner and all together ask for, remembers when each key was last used, and tells the store
 * once a second. While the store takes nothing, one batch waits to be sent again as it is, since part of it may be
 * counted already, and what comes meanwhile adds up in memory, up to a bound.
 */
export class UsageRecorder {
  readonly #options: UsageRecorderOptions;
  readonly #counter: UsageCounter;
  readonly #writer = randomBytes(WRITER_BYTES).toString('base64url');
  readonly #stopRepeating: () => void;
  readonly #content = new BatchContent();
  #number = 0;
  #unsent: UsageBatch | null = null;
  #flushing: Promise<void> | null = null;
  #inTrouble = false;
  #isStopping = false;
  #dropped = 0;

  constructor(options: UsageRecorderOptions) {
    this.#options = options;
    this.#counter = new UsageCounter(options.maxCounts ?? MAX_COUNTS);
    const repeat = options.repeat ?? systemTimer;
    this.#stopRepeating = repeat(() => void this.flush(), FLUSH_INTERVAL_MS);
  }

  /** Requests that are not counted: too much waited for the store, or it could not make sense of them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Counts (key, hour and kind of request) that wait to be written, besides those of a batch that is sent again. */
  get waiting(): number {
    return this.#counter.size;
  }

  /** An ExchangeSink. A request that was refused is counted, but does not use its key. */
  readonly sink = (exchange: Exchange): void => {
    if (!this.#counter.add(exchange)) this.#dropped++;
  };

  /** Writes what waits; resolves when it is written, or failed and waits again. Never rejects. */
  flush(): Promise<void> {
    this.#flushing ??= this.#writeAll().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  /** Writes what waits a last time, for at most two seconds. Call it when no exchange can follow. */
  async stop(): Promise<void> {
    this.#stopRepeating();
    this.#isStopping = true;
    await inTime(this.#writeTheRest(), this.#options.stopTimeoutMs ?? STOP_TIMEOUT_MS);
  }

  async #writeTheRest(): Promise<void> {
    // One that is under way knows nothing of what came in since.
    await this.#flushing;
    for (let attempt = 1; attempt <= STOP_ATTEMPTS; attempt++) {
      await this.flush();
      if (this.#unsent === null && this.#counter.keys === 0) return;
      await delay(STOP_PAUSE_MS);
    }
  }

  async #writeAll(): Promise<void> {
    if (this.#unsent !== null && !(await this.#send(this.#unsent))) return;
    // What comes in from now on is for the next time, or it would never end.
    for (let left = this.#counter.keys; left > 0; left -= MAX_BATCH) {
      if (!(await this.#send(await this.#nextBatch(Math.min(left, MAX_BATCH))))) return;
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return this.#isStopping ? setImmediate() : delay(PAUSE_MS);
  }

  /** Requests get their turn while it is made. */
  async #nextBatch(keys: number): Promise<UsageBatch> {
    const { clock, retentionMs } = this.#options;
    const content = this.#content;
    content.clear();
    for (let left = keys; left > 0; left -= TURN_KEYS) {
      this.#counter.take(Math.min(left, TURN_KEYS), content);
      await this.#pause();
    }
    const keepFrom = dayOf(clock.now() - retentionMs());
    this.#number++;
    return { writer: this.#writer, number: this.#number, ...content.content(), keepFrom };
  }

  /** @returns whether the next batch may follow */
  async #send(batch: UsageBatch): Promise<boolean> {
    this.#unsent = batch;
    try {
      await this.#options.store.record(batch);
    } catch (error) {
      if (!this.#inTrouble) this.#options.onTrouble?.(error);
      this.#inTrouble = true;
      if (mayWorkLater(error)) return false;
      this.#dropped += requestsIn(batch);
      this.#unsent = null;
      return true;
    }
    this.#unsent = null;
    if (this.#inTrouble) this.#options.onTrouble?.(null);
    this.#inTrouble = false;
    return true;
  }
}

/** Any other failure would meet the same batch again, and all that wait behind it for ever. */
function mayWorkLater(error: unknown): boolean {
  return error instanceof StoreError && (error.code === 'STORE_UNAVAILABLE' || error.code === 'STORE_READ_ONLY');
}

function requestsIn(batch: UsageBatch): number {
  let requests = 0;
  for (const { scope, hours } of batch.deltas) {
    if (scope === 'all') for (const totals of Object.values(hours)) requests += totals.requests;
  }
  return requests;
}
