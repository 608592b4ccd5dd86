import type { Exchange } from '../core/exchange.ts';
import type { LogBatch, LogBounds, LoggedRequest, RequestLog } from '../core/request-log.ts';
import { keptText } from './log-text.ts';
import { inTime, type Repeat, systemTimer } from './repeat.ts';
import { MAX_METHOD, MAX_PATH, MAX_REQUEST_ID, MAX_ROUTE, MAX_USER_AGENT } from './request-log.ts';

/** How often entries are written: what a killed process can lose. */
const FLUSH_INTERVAL_MS = 1000;
/**
 * Entries that are kept of what comes between two flushes. Each is a page that the store writes, as those of one key
 * stand together: some 20 µs of CPU and 4 KB to the disk. A firehose belongs into the log output, which has no such
 * bound; this is for those who look after a key.
 */
const MAX_ENTRIES = 500;
/** The second half of those is for keys that have no more than so many yet: busy keys must not hide the others. */
const MAX_OF_QUIET_KEY = 20;
const NOTHING: readonly string[] = [];
/** How long `stop` tries. */
const STOP_TIMEOUT_MS = 2000;

export interface LogRecorderOptions {
  readonly log: RequestLog;
  /** What the configuration keeps of the requests of keys of a type; null for a type that it does not know. */
  readonly boundsOf: (keyType: string) => LogBounds | null;
  /** Told when writing begins to fail, and with null when it works again. */
  readonly onTrouble?: (error: unknown) => void;
  /** 500 when absent. */
  readonly maxEntries?: number;
  /** The timer; the system's when absent. */
  readonly repeat?: Repeat;
  readonly stopTimeoutMs?: number;
}

interface Waiting extends LogBatch {
  readonly entries: LoggedRequest[];
}

/** Gives the store once a second what those who look after a key may want to see of its requests. */
export class LogRecorder {
  readonly #options: LogRecorderOptions;
  readonly #maxEntries: number;
  readonly #stopRepeating: () => void;
  #waiting = new Map<string, Waiting>();
  #size = 0;
  #flushing: Promise<void> | null = null;
  #inTrouble = false;
  #dropped = 0;

  constructor(options: LogRecorderOptions) {
    this.#options = options;
    this.#maxEntries = options.maxEntries ?? MAX_ENTRIES;
    this.#stopRepeating = (options.repeat ?? systemTimer)(() => void this.flush(), FLUSH_INTERVAL_MS);
  }

  /** Requests that are not in the log, because there were too many at once or the store did not take them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** An ExchangeSink. Requests without a known key have nobody who looks after them. */
  readonly sink = (exchange: Exchange): void => {
    const { keyId, keyType } = exchange;
    if (keyId === null || keyType === null) return;
    let waiting = this.#waiting.get(keyId);
    if (waiting === undefined) {
      const bounds = this.#options.boundsOf(keyType);
      if (bounds === null || bounds.retentionMs === 0 || bounds.maxEntries === 0) return;
      if (this.#size >= this.#maxEntries) return this.#drop(1);
      waiting = { keyId, retentionMs: bounds.retentionMs, maxEntries: bounds.maxEntries, entries: [] };
      this.#waiting.set(keyId, waiting);
    } else if (!this.#hasRoomFor(waiting)) return this.#drop(1);
    waiting.entries.push(entryOf(keyId, exchange));
    this.#size++;
  };

  /** Writes what waits; resolves when it is written, or could not be and is given up. Never rejects. */
  flush(): Promise<void> {
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  /** Writes what waits a last time, for at most two seconds. Call it when no exchange can follow. */
  async stop(): Promise<void> {
    this.#stopRepeating();
    // The second writes what came in while a flush was under way.
    const writing = this.flush().then(() => this.flush());
    await inTime(writing, this.#options.stopTimeoutMs ?? STOP_TIMEOUT_MS);
  }

  #hasRoomFor({ entries }: Waiting): boolean {
    return this.#size < (entries.length < MAX_OF_QUIET_KEY ? this.#maxEntries : this.#maxEntries / 2);
  }

  async #write(): Promise<void> {
    const batches = [...this.#waiting.values()];
    const size = this.#size;
    if (size === 0) return;
    this.#waiting = new Map();
    this.#size = 0;
    try {
      await this.#options.log.append(batches);
    } catch (error) {
      // Some may be there, and entries sent again would stand there twice.
      this.#drop(size);
      if (!this.#inTrouble) this.#options.onTrouble?.(error);
      this.#inTrouble = true;
      return;
    }
    if (this.#inTrouble) this.#options.onTrouble?.(null);
    this.#inTrouble = false;
  }

  #drop(entries: number): void {
    this.#dropped += entries;
  }
}

function entryOf(keyId: string, exchange: Exchange): LoggedRequest {
  const { userAgent, route } = exchange;
  return {
    keyId,
    requestId: keptText(exchange.requestId, MAX_REQUEST_ID),
    at: Math.round(exchange.at + exchange.durationMs),
    address: exchange.address,
    userAgent: userAgent === undefined ? null : keptText(userAgent, MAX_USER_AGENT),
    method: keptText(exchange.method, MAX_METHOD),
    path: keptText(exchange.path, MAX_PATH),
    route: route === null ? null : keptText(route, MAX_ROUTE),
    status: exchange.status,
    code: exchange.code,
    wouldDeny: exchange.wouldDeny ?? NOTHING,
    durationUs: Math.round(exchange.durationMs * 1000),
  };
}
