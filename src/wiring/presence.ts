import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { GatewayRegistry } from '../core/gateways.ts';
import { StoreError } from '../core/ports.ts';
import type { GatewayLog } from '../observe/logger.ts';

/** How often a gateway says that it is there. */
const REPORT_MS = 1_000;
/** Between two reports of changes: so many of them a second at most, however many changes there are. */
const MIN_PAUSE_MS = 5;
const MAX_NAME = 200;
const ID_BYTES = 9;

export interface PresenceOptions {
  readonly registry: GatewayRegistry;
  /** What people call this gateway, as far as it is known by now. */
  readonly name: () => string;
  readonly logger: GatewayLog['logger'];
}

/**
 * Says in the store that this gateway is there, and which changes of keys it has applied: every second, and at once when
 * it applied another. So whoever changes a key can tell when every gateway acts on it. That a report fails disturbs nobody
 * here.
 */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #id = `gw_${randomBytes(ID_BYTES).toString('hex')}`;
  #timer: NodeJS.Timeout | null = null;
  /** null: the store has not told of any changes yet. */
  #cursor: string | null = null;
  #reported: string | null = null;
  #isReporting: Promise<void> | null = null;
  #fails = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Takes note of how far this gateway is with the changes, and reports it when that is further than before. */
  applied(cursor: string): void {
    this.#cursor = cursor;
    if (this.#timer !== null && cursor !== this.#reported) void this.#report();
  }

  /** Resolves when the gateway is known to be there, or when that could not be said now. Call it before it serves. */
  async start(): Promise<void> {
    this.#timer ??= setInterval(() => void this.#report(), REPORT_MS).unref();
    await this.#report();
  }

  /** Call it when the gateway serves nobody any more. */
  async stop(): Promise<void> {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    await this.#isReporting;
    try {
      await this.#options.registry.leave(this.#id);
    } catch (error) {
      // Then it is forgotten as one that died.
      if (!(error instanceof StoreError)) throw error;
    }
  }

  /** One at a time; what was applied meanwhile is reported with the next one, a moment later. */
  async #report(): Promise<void> {
    if (this.#cursor !== null) await (this.#isReporting ??= this.#sendAll(this.#cursor));
  }

  async #sendAll(first: string): Promise<void> {
    const { registry, name } = this.#options;
    try {
      for (let cursor = first; ; cursor = this.#cursor ?? cursor) {
        await registry.report({ id: this.#id, name: name().slice(0, MAX_NAME), cursor });
        this.#reported = cursor;
        this.#fails = false;
        await delay(MIN_PAUSE_MS);
        if (this.#timer === null || this.#cursor === cursor) return;
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      // In the same turn as the last look at the cursor: what is applied from now on begins another one.
      this.#isReporting = null;
    }
  }

  /** Said once, not every second; that the store is away is told elsewhere. */
  #failed(error: unknown): void {
    if (!(error instanceof StoreError)) throw error;
    if (!this.#fails && error.code !== 'STORE_UNAVAILABLE') {
      this.#options.logger.warn({ err: error }, 'this gateway cannot say that it is there: receipts do not count it');
    }
    this.#fails = true;
  }
}
