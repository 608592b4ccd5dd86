import type { Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { Exchange } from '../core/exchange.ts';
import type { Store } from '../core/ports.ts';
import { dayOf } from '../core/usage.ts';
import { LogRecorder } from '../observe/log-recorder.ts';
import type { GatewayLog } from '../observe/logger.ts';
import { Retention, type RetentionTask } from '../observe/retention.ts';
import { UsageRecorder } from '../observe/usage-recorder.ts';

/** Entries of the audit log that are forgotten in one go. */
const AUDIT_BATCH = 500;

export interface RecordersOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: GatewayLog;
  /** The configuration in force. */
  readonly config: () => Config;
}

/** What the store is told of requests afterwards, and what it forgets again. */
export class Recorders {
  readonly #usage: UsageRecorder;
  readonly #requests: LogRecorder;
  readonly #retention: Retention;

  constructor({ store, clock, log, config }: RecordersOptions) {
    const trouble = (what: string) => (error: unknown) => {
      if (error === null) log.logger.info(`${what} is written again`);
      else log.logger.warn({ err: error }, `${what} cannot be written for now`);
    };
    this.#usage = new UsageRecorder({
      store: store.usage,
      clock,
      retentionMs: () => config().retention.usageMs,
      onTrouble: trouble('the usage of keys'),
    });
    this.#requests = new LogRecorder({
      log: store.requests,
      boundsOf: (type) => boundsOf(type, config()),
      onTrouble: trouble('the log of requests'),
    });
    this.#retention = new Retention({
      tasks: retentionTasks(store, clock, config),
      onTrouble: (name, error) => {
        if (error === null) log.logger.info(`old ${name} is forgotten again`);
        else log.logger.warn({ err: error }, `old ${name} cannot be forgotten for now`);
      },
    });
  }

  get usageDropped(): number {
    return this.#usage.dropped;
  }

  get requestsDropped(): number {
    return this.#requests.dropped;
  }

  /** An ExchangeSink. */
  readonly sink = (exchange: Exchange): void => {
    this.#usage.sink(exchange);
    this.#requests.sink(exchange);
  };

  /** Writes what waits. Call it when no exchange can follow. */
  async stop(): Promise<void> {
    await Promise.all([this.#usage.stop(), this.#requests.stop(), this.#retention.stop()]);
  }
}

function boundsOf(type: string, { keyTypes }: Config): Config['keyTypes'][string]['requestLog'] | null {
  return Object.hasOwn(keyTypes, type) ? (keyTypes[type]?.requestLog ?? null) : null;
}

function retentionTasks(store: Store, clock: Clock, config: () => Config): RetentionTask[] {
  return [
    { name: 'usage', prune: () => store.usage.prune(dayOf(clock.now() - config().retention.usageMs)) },
    { name: 'claims', prune: () => store.keys.pruneClaims(clock.now()) },
    { name: 'requests', prune: () => store.requests.prune(clock.now()) },
    {
      name: 'audit log',
      prune: async () => {
        const { auditMs } = config().retention;
        return auditMs === null ? 0 : store.audit.prune(clock.now() - auditMs, AUDIT_BATCH);
      },
    },
  ];
}
