import { randomBytes, randomInt } from 'node:crypto';
import type { Lease, LimitName, Limits, Owed } from '../../core/limits.ts';
import { type Counted, type LimitLedger, StoreError } from '../../core/ports.ts';
import type { RedisConnection } from './connection.ts';
import { isCrossSlot } from './errors.ts';
import { GRANT_FIELDS, grantField, limitName } from './layout.ts';
import { LEASE, LEASE_FIELDS, PEEK, PEEK_FIELDS, RELEASE } from './scripts.ts';
import { isUnanswered, Unanswered } from './unanswered.ts';

const REFUSED_BY: readonly (LimitName | null)[] = [null, 'burst', 'hour', 'day'];
/** Leases that wait for the next script; one more is refused at once. */
const MAX_QUEUED = 10_000;
/** Leases in one script, which everybody else on the server waits for. */
const MAX_BATCH = 200;
/** Tells the tokens of this process from those of others. */
const TOKEN_BYTES = 6;

interface Order {
  readonly keyId: string;
  readonly limits: Limits;
  readonly want: number;
  readonly ahead: number;
  readonly owed: Owed | null;
  readonly resolve: (lease: Lease) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Counts admissions in Redis, on the server's clock, exact across all gateways.
 *
 * All leases that are asked for in one turn of the event loop go into one script: each is decided by itself, one after
 * the other. With a script for each, the whole gateway took a quarter more CPU for a request (bench/README.md). A server whose keys are spread over the slots of a
 * cluster refuses such a script before it runs it; from then on each lease has its own.
 *
 * A lease that Redis may have counted and could not answer is given back by the key's next one: nobody spends it
 * (docs/decisions/0018-unanswered-leases.md).
 */
export class RedisLimitLedger implements LimitLedger {
  readonly #connection: RedisConnection;
  readonly #unanswered = new Unanswered();
  /** Where this process keeps its last grant: one of a few, so that hashes do not grow with the processes. */
  readonly #field = grantField(randomInt(GRANT_FIELDS));
  readonly #process = randomBytes(TOKEN_BYTES).toString('base64url');
  #scripts = 0;
  #queue: Order[] = [];
  #maxBatch = MAX_BATCH;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  lease(keyId: string, limits: Limits, want: number, ahead = 0, owed: Owed | null = null): Promise<Lease> {
    if (this.#queue.length >= MAX_QUEUED) {
      return Promise.reject(new StoreError('STORE_UNAVAILABLE', `${MAX_QUEUED} leases wait for Redis`));
    }
    if (this.#queue.length === 0) setImmediate(() => this.#flush());
    return new Promise((resolve, reject) => this.#queue.push({ keyId, limits, want, ahead, owed, resolve, reject }));
  }

  /** By a script of its own, which only reads; leases that wait in this process are not in it yet. */
  async peek(keyId: string): Promise<Counted> {
    const reply = await this.#connection.run(PEEK, [limitName(keyId)], []);
    if (isIntegers(reply) && reply.every((number) => number >= 0)) {
      const [now = 0, hour = 0, hourUsed = 0, day = 0, dayUsed = 0, units = 0, at = 0] = reply;
      if (reply.length === 1) return { state: null, now, isExact: true };
      if (reply.length === PEEK_FIELDS) {
        return { state: { hour, hourUsed, day, dayUsed, units, at }, now, isExact: true };
      }
    }
    throw notALimit(keyId);
  }

  async release(keyId: string, limits: Limits, unused: number, lease: Lease): Promise<void> {
    if (unused <= 0) return;
    try {
      const args = [limits.perHour, limits.perDay, limits.burst, unused, lease.now];
      await this.#connection.run(RELEASE, [limitName(keyId)], args);
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  #flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#sendAll(queue);
  }

  #sendAll(orders: readonly Order[]): void {
    for (let i = 0; i < orders.length; i += this.#maxBatch) void this.#send(orders.slice(i, i + this.#maxBatch));
  }

  async #send(batch: readonly Order[]): Promise<void> {
    const token = `${this.#process}${(++this.#scripts).toString(36)}`;
    const names: string[] = [];
    const args: (number | string)[] = [this.#field, token];
    const given: string[] = [];
    for (const { keyId, limits, want, ahead, owed } of batch) {
      const unanswered = this.#unanswered.of(keyId);
      names.push(limitName(keyId));
      given.push(unanswered);
      args.push(limits.perHour, limits.perDay, limits.burst, want, ahead, unanswered, owedText(owed));
    }
    const isSent = this.#connection.isUp;
    try {
      const numbers = integers(await this.#connection.run(LEASE, names, args), batch.length * LEASE_FIELDS);
      for (let i = 0; i < batch.length; i++) {
        const order = batch[i] as Order;
        this.#unanswered.settle(order.keyId, given[i] as string);
        settle(order, numbers, i * LEASE_FIELDS);
      }
    } catch (error) {
      if (batch.length > 1 && isCrossSlot(error)) {
        this.#maxBatch = 1;
        this.#sendAll(batch);
        return;
      }
      if (isSent && isUnanswered(error)) for (const { keyId } of batch) this.#unanswered.add(keyId, token);
      const told = asUnavailable(error);
      for (const order of batch) order.reject(told);
    }
  }
}

function owedText(owed: Owed | null): string {
  return owed === null ? '' : `${owed.hour} ${owed.ofHour} ${owed.ofDay}`;
}

function settle(order: Order, numbers: readonly number[], at: number): void {
  try {
    order.resolve(checkedLease(order.keyId, numbers, at));
  } catch (error) {
    order.reject(error);
  }
}

function checkedLease(keyId: string, numbers: readonly number[], at: number): Lease {
  if ((numbers[at] as number) >= 0) return leaseAt(numbers, at);
  throw notALimit(keyId);
}

function notALimit(keyId: string): StoreError {
  return new StoreError('STORE_CORRUPT', `what Redis keeps as the limits of ${keyId} is something else`);
}

function leaseAt(numbers: readonly number[], at: number): Lease {
  return {
    granted: numbers[at] as number,
    refusedBy: REFUSED_BY[numbers[at + 1] as number] ?? null,
    retryAfterMs: numbers[at + 2] as number,
    hourRemaining: numbers[at + 3] as number,
    dayRemaining: numbers[at + 4] as number,
    burstRemaining: numbers[at + 5] as number,
    burstFullInMs: numbers[at + 6] as number,
    now: numbers[at + 7] as number,
  };
}

function integers(reply: unknown, length: number): readonly number[] {
  if (isIntegers(reply) && reply.length === length) return reply;
  throw new StoreError('STORE_CORRUPT', 'Redis answered a lease with something else');
}

function isIntegers(reply: unknown): reply is readonly number[] {
  return Array.isArray(reply) && reply.every(Number.isInteger);
}

/** To whoever counts, a store that cannot be written is a store that cannot answer. */
function asUnavailable(error: unknown): unknown {
  if (!(error instanceof StoreError) || error.code !== 'STORE_READ_ONLY') return error;
  return new StoreError('STORE_UNAVAILABLE', error.message, { cause: error });
}
