import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import type { Lease, Limits, Owed } from '../../core/limits.ts';
import { type Counted, type LimitLedger, StoreError } from '../../core/ports.ts';
import type { LimitTable } from './limit-table.ts';
import { type Connection, transaction } from './transaction.ts';

/** Leases that wait for their transaction; one more is refused at once. */
const MAX_QUEUED = 10_000;
/** Leases in one transaction: at about 5 µs each, other processes wait for it for at most 3 ms. */
const MAX_BATCH = 512;
/** Transactions between two that also prune. */
const PRUNE_EVERY = 256;

/** Something to do in the next transaction, and whom to tell. */
interface Order {
  readonly keyId: string;
  readonly limits: Limits;
  readonly count: number;
  readonly ahead: number;
  readonly owed: Owed | null;
  /** The lease that is given back from; null: this takes one. */
  readonly from: Lease | null;
  readonly resolve: (lease: Lease) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Counts admissions for several processes that share the file: each lease is a transaction.
 *
 * All leases asked for in one turn of the event loop share one transaction. It runs on setImmediate, after every socket
 * of the turn was read: with 32 sockets that each ask for leases that adds 6 µs of CPU to each answer. On
 * queueMicrotask, which runs after each socket's own callback, nearly every lease had a transaction to itself, and it
 * was 13 µs.
 */
export class SharedLedger implements LimitLedger {
  readonly #connection: Connection;
  readonly #table: LimitTable;
  readonly #clock: Clock;
  #queue: Order[] = [];
  #running: Promise<void> | null = null;
  #transactions = 0;

  constructor(connection: Connection, table: LimitTable, clock: Clock) {
    this.#connection = connection;
    this.#table = table;
    this.#clock = clock;
  }

  lease(keyId: string, limits: Limits, want: number, ahead = 0, owed: Owed | null = null): Promise<Lease> {
    return this.#enqueue({ keyId, limits, count: want, ahead, owed, from: null });
  }

  /** Outside of any transaction: what waits for one is not in it yet. */
  peek(keyId: string): Counted {
    return { state: this.#table.read(keyId), now: this.#clock.now(), isExact: true };
  }

  async release(keyId: string, limits: Limits, unused: number, lease: Lease): Promise<void> {
    if (unused > 0) await this.#enqueue({ keyId, limits, count: unused, ahead: 0, owed: null, from: lease });
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  #enqueue(order: Omit<Order, 'resolve' | 'reject'>): Promise<Lease> {
    if (this.#queue.length >= MAX_QUEUED) {
      return Promise.reject(
        new StoreError('STORE_UNAVAILABLE', `${MAX_QUEUED} leases wait for ${this.#connection.file}`),
      );
    }
    this.#running ??= this.#run();
    return new Promise((resolve, reject) => this.#queue.push({ ...order, resolve, reject }));
  }

  /** One transaction in each turn: what a long queue leaves over waits until the sockets were looked at again. */
  async #run(): Promise<void> {
    await nextTurn();
    await this.#runBatch();
    this.#running = this.#queue.length > 0 ? this.#run() : null;
  }

  async #runBatch(): Promise<void> {
    // Taken from the queue only once the lock is held, so that all that came meanwhile shares this transaction.
    let batch: Order[] = [];
    try {
      const leases = await transaction(this.#connection, () => {
        batch = this.#queue.splice(0, MAX_BATCH);
        return this.#apply(batch);
      });
      for (let i = 0; i < batch.length; i++) batch[i]?.resolve(leases[i] as Lease);
    } catch (error) {
      // Without the lock nothing was taken from the queue, and none of it can be served: all of it has failed.
      const failed = batch.length > 0 ? batch : this.#queue.splice(0);
      const told = asUnavailable(error);
      for (const order of failed) order.reject(told);
    }
  }

  #apply(batch: readonly Order[]): Lease[] {
    const now = this.#clock.now();
    this.#transactions++;
    if (this.#transactions % PRUNE_EVERY === 0) this.#table.prune(now);
    return batch.map(({ keyId, limits, count, ahead, owed, from }) => {
      if (from === null) return this.#table.take(keyId, limits, count, now, ahead, owed);
      this.#table.giveBack(keyId, limits, count, from.now, now);
      return from;
    });
  }
}

/** To whoever counts, a store that cannot be written is a store that cannot answer. */
function asUnavailable(error: unknown): unknown {
  if (!(error instanceof StoreError) || error.code !== 'STORE_READ_ONLY') return error;
  return new StoreError('STORE_UNAVAILABLE', error.message, { cause: error });
}
