import { type Store, StoreError } from '../../core/ports.ts';
import { RedisAuditLog } from './audit.ts';
import { RedisConnection } from './connection.ts';
import { RedisGatewayRegistry } from './gateways.ts';
import { RedisKeyStore } from './keys.ts';
import { CHANGES } from './layout.ts';
import { RedisLimitLedger } from './ledger.ts';
import { RedisRequestLog } from './request-log.ts';
import { RedisRoleStore } from './roles.ts';
import { Upgrade } from './upgrade.ts';
import { RedisUsageStore } from './usage.ts';
import { Writer } from './writer.ts';

export interface RedisStoreOptions {
  /** `redis://`, `redis+sentinel://` or `redis+cluster://`, or these with `rediss` (core/redis-url.ts). */
  readonly url: string;
  /** The longest that a call takes, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * Opens the store that gateways on several machines share, and brings what an older version stored up to date. After the
 * first connection it is kept up in the background: while Redis is away calls reject, and they work again once it is back.
 *
 * @throws StoreError STORE_UNAVAILABLE when the first connection cannot be made; it names host and port
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<Store> {
  const connection = await RedisConnection.open(options.url, options.timeoutMs);
  const writer = new Writer(connection);
  const upgrade = new Upgrade(connection);
  try {
    await upgrade.done();
  } catch (error) {
    // Only some listings depend on it, and they try again: keys work with a server that takes no writes.
    if (!(error instanceof StoreError)) throw error;
  }
  return {
    keys: new RedisKeyStore(connection, writer, upgrade),
    roles: new RedisRoleStore(connection, writer),
    limits: new RedisLimitLedger(connection),
    usage: new RedisUsageStore(connection),
    requests: new RedisRequestLog(connection),
    audit: new RedisAuditLog(connection, writer),
    gateways: new RedisGatewayRegistry(connection),
    ping: async () => {
      // Of a cluster it must be the node that has the keys.
      await connection.ask((client) => client.exists(CHANGES));
    },
    close: async () => connection.close(),
  };
}
