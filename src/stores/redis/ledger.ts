import type { Lease, LimitName, Limits } from '../../core/limits.ts';
import { type LimitLedger, StoreError } from '../../core/ports.ts';
import type { RedisConnection } from './connection.ts';
import { limitName } from './layout.ts';
import { LEASE, RELEASE } from './scripts.ts';

const REFUSED_BY: readonly (LimitName | null)[] = [null, 'burst', 'hour', 'day'];
const LEASE_FIELDS = 8;

/** Counts admissions in Redis, on the server's clock, exact across all gateways. */
export class RedisLimitLedger implements LimitLedger {
  readonly #connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  async lease(keyId: string, limits: Limits, want: number): Promise<Lease> {
    try {
      const args = [limits.perHour, limits.perDay, limits.burst, want];
      return readLease(await this.#connection.run(LEASE, [limitName(keyId)], args));
    } catch (error) {
      throw asUnavailable(error);
    }
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
}

function readLease(reply: unknown): Lease {
  if (!isIntegers(reply) || reply.length !== LEASE_FIELDS) {
    throw new StoreError('STORE_CORRUPT', 'Redis answered a lease with something else');
  }
  const [granted = 0, by = 0, wait = 0, hour = 0, day = 0, burst = 0, burstFull = 0, now = 0] = reply;
  return {
    granted,
    refusedBy: REFUSED_BY[by] ?? null,
    retryAfterMs: wait,
    hourRemaining: hour,
    dayRemaining: day,
    burstRemaining: burst,
    burstFullInMs: burstFull,
    now,
  };
}

function isIntegers(reply: unknown): reply is number[] {
  return Array.isArray(reply) && reply.every(Number.isInteger);
}

/** To whoever counts, a store that cannot be written is a store that cannot answer. */
function asUnavailable(error: unknown): unknown {
  if (!(error instanceof StoreError) || error.code !== 'STORE_READ_ONLY') return error;
  return new StoreError('STORE_UNAVAILABLE', error.message, { cause: error });
}
