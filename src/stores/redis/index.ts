import type { Store } from '../../core/ports.ts';
import { RedisConnection } from './connection.ts';
import { RedisKeyStore } from './keys.ts';
import { RedisLimitLedger } from './ledger.ts';
import { RedisUsageStore } from './usage.ts';

export interface RedisStoreOptions {
  /** `redis://` or `rediss://`, with credentials and database number when there are any. */
  readonly url: string;
  /** The longest that a call takes, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Opens the store that gateways on several machines share. After the first connection it is kept up in the background:
 * while Redis is away calls reject, and they work again once it is back.
 *
 * @throws StoreError STORE_UNAVAILABLE when the first connection cannot be made; it names host and port
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<Store> {
  const connection = await RedisConnection.open(options.url, options.timeoutMs);
  return {
    keys: new RedisKeyStore(connection),
    limits: new RedisLimitLedger(connection),
    usage: new RedisUsageStore(connection),
    ping: async () => {
      await connection.ask((client) => client.ping());
    },
    close: async () => connection.close(),
  };
}
