import { setImmediate } from 'node:timers/promises';
import type { Exchange } from '../core/exchange.ts';
import type { KeyUse, UsageStore } from '../core/ports.ts';

/** How often uses are written: what a killed process can lose. */
const FLUSH_INTERVAL_MS = 1000;
/** Keys whose last use waits for the store. */
const MAX_KEYS = 100_000;
/** Keys per write, so that an embedded store does not hold up requests. */
const MAX_BATCH = 500;
/** How long `stop` tries. */
const STOP_TIMEOUT_MS = 2000;

/** Calls a task again and again; returns what ends it. */
export type Repeat = (task: () => void, everyMs: number) => () => void;

export interface UsageRecorderOptions {
  readonly store: UsageStore;
  /** Told when writing begins to fail, and with null when it works again. */
  readonly onTrouble?: (error: unknown) => void;
  /** 100,000 when absent. */
  readonly maxKeys?: number;
  /** The timer; the system's when absent. */
  readonly repeat?: Repeat;
  readonly stopTimeoutMs?: number;
}

interface Use {
  lastUsedAt: number;
  previousLastUsedAt: number | null;
}

/**
 * Remembers when each key was last used and tells the store once a second. While the store takes nothing it keeps the
 * latest time per key and tries again, so memory grows with the number of keys only, and that is bounded.
 */
export class UsageRecorder {
  readonly #store: UsageStore;
  readonly #onTrouble: (error: unknown) => void;
  readonly #maxKeys: number;
  readonly #stopTimeoutMs: number;
  readonly #stopRepeating: () => void;
  #waiting = new Map<string, Use>();
  #flushing: Promise<void> | null = null;
  #inTrouble = false;
  #dropped = 0;

  constructor(options: UsageRecorderOptions) {
    this.#store = options.store;
    this.#onTrouble = options.onTrouble ?? (() => {});
    this.#maxKeys = options.maxKeys ?? MAX_KEYS;
    this.#stopTimeoutMs = options.stopTimeoutMs ?? STOP_TIMEOUT_MS;
    const repeat = options.repeat ?? systemTimer;
    this.#stopRepeating = repeat(() => void this.flush(), FLUSH_INTERVAL_MS);
  }

  /** Uses that were forgotten, because too many keys waited for the store. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Keys whose last use waits to be written. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** An ExchangeSink. A request that was refused does not use its key. */
  readonly sink = (exchange: Exchange): void => {
    if (!exchange.allowed || exchange.keyId === null) return;
    this.#remember(exchange.keyId, exchange.at, exchange.previousSecret ? exchange.at : null);
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
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#stopTimeoutMs);
    });
    // The second writes what came in while a flush was under way.
    await Promise.race([this.flush().then(() => this.flush()), late]);
    clearTimeout(timer);
  }

  async #writeAll(): Promise<void> {
    // In the order of their ids, in which an embedded store keeps them: those of a batch then share a few pages.
    const writing = [...this.#waiting].sort(byId);
    this.#waiting = new Map();
    for (let i = 0; i < writing.length; i += MAX_BATCH) {
      try {
        await this.#store.record(writing.slice(i, i + MAX_BATCH).map(keyUse));
        // An embedded store writes before it returns: requests get their turn between two batches.
        await setImmediate();
      } catch (error) {
        for (const [keyId, use] of writing.slice(i)) this.#remember(keyId, use.lastUsedAt, use.previousLastUsedAt);
        if (!this.#inTrouble) this.#onTrouble(error);
        this.#inTrouble = true;
        return;
      }
    }
    if (writing.length > 0 && this.#inTrouble) {
      this.#inTrouble = false;
      this.#onTrouble(null);
    }
  }

  #remember(keyId: string, at: number, previousAt: number | null): void {
    const use = this.#waiting.get(keyId);
    if (use !== undefined) {
      use.lastUsedAt = Math.max(use.lastUsedAt, at);
      if (previousAt !== null) use.previousLastUsedAt = Math.max(use.previousLastUsedAt ?? previousAt, previousAt);
    } else if (this.#waiting.size < this.#maxKeys) {
      this.#waiting.set(keyId, { lastUsedAt: at, previousLastUsedAt: previousAt });
    } else {
      // The new one is given up: a key in use now will be used again, one that has waited for long may never be.
      this.#dropped++;
    }
  }
}

function byId([a]: [string, Use], [b]: [string, Use]): number {
  return a < b ? -1 : 1;
}

function keyUse([keyId, use]: [string, Use]): KeyUse {
  return { keyId, lastUsedAt: use.lastUsedAt, previousLastUsedAt: use.previousLastUsedAt };
}

function systemTimer(task: () => void, everyMs: number): () => void {
  const timer = setInterval(task, everyMs).unref();
  return () => clearInterval(timer);
}
