import { Redis } from 'ioredis';
import { StoreError } from '../../core/ports.ts';
import type { RedisHost } from '../../core/redis-url.ts';
import { replyCode, storeError } from './errors.ts';
import type { Link } from './link.ts';
import { retryPause, type Settings, settingsOf, type Target, within } from './settings.ts';
import { firstAnswer, linkOf } from './single.ts';

/** How often a lost connection on which a sentinel tells of failovers is made again. */
const RECONNECT_SENTINEL_MS = 1_000;

/**
 * The primary that sentinels know. Where it is, is asked again whenever the connection is made; it is made anew when a
 * sentinel says that another server is the primary now, and when the server turns out to take no writes.
 *
 * @throws StoreError when no sentinel answers or knows the name, or the primary does not answer
 */
export async function openSentinel(target: Target): Promise<Link> {
  const { server, connectMs } = target;
  const sentinelPassword = await within(connectMs, findPassword(target), server);
  const client = new Redis({
    ...settingsOf(target),
    sentinels: [...target.hosts],
    name: target.name,
    role: 'master',
    ...(sentinelPassword === '' ? {} : { sentinelPassword }),
    ...(target.tls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
    sentinelCommandTimeout: connectMs,
    sentinelRetryStrategy: retryPause,
    sentinelReconnectStrategy: () => RECONNECT_SENTINEL_MS,
    failoverDetector: true,
    // A sentinel may be the last to know of a failover. The reconnection repeats no command.
    reconnectOnError: (error) => error.message.startsWith('READONLY '),
  });
  let reason: unknown = null;
  client.on('error', (error) => {
    reason = error;
  });
  const close = stayConnected(client);
  const ready = Promise.withResolvers<void>();
  client.once('ready', ready.resolve);
  client.connect().catch(() => undefined);
  await within(
    connectMs,
    ready.promise.then(() => firstAnswer(client)),
    server,
  ).catch((error: unknown) => {
    close();
    throw storeError(reason ?? error, server);
  });
  return { ...linkOf(client), isToKeys: (connection) => isSamePeer(connection, client), close };
}

/**
 * Begins anew when the client gives up, as it does for good when a sentinel tells of a failover in the moment in which it
 * asks where the primary is.
 *
 * @returns closes the client
 */
function stayConnected(client: Redis): () => void {
  let isClosed = false;
  let attempts = 0;
  let timer: NodeJS.Timeout | undefined;
  client.on('ready', () => {
    attempts = 0;
  });
  client.on('end', () => {
    if (isClosed) return;
    // What goes wrong with it ends the client again.
    timer = setTimeout(() => void client.connect().catch(() => undefined), retryPause(++attempts));
  });
  return () => {
    isClosed = true;
    clearTimeout(timer);
    client.disconnect();
  };
}

/** While this one has no primary, there is nothing to compare with. */
function isSamePeer(connection: Redis, { stream, status }: Redis): boolean {
  if (status !== 'ready') return true;
  const other = connection.stream;
  return other.remotePort === stream.remotePort && other.remoteAddress === stream.remoteAddress;
}

/**
 * The password that sentinels want: none, or else the one that the servers have.
 *
 * @throws StoreError when no sentinel answers, or one does not know the name
 */
async function findPassword(target: Target): Promise<string> {
  let reason: unknown = null;
  for (const host of target.hosts) {
    try {
      return (await wantsPassword(host, target)) ? target.password : '';
    } catch (error) {
      if (error instanceof StoreError) throw error;
      reason = error;
    }
  }
  throw storeError(reason, target.server);
}

/** @throws StoreError when it does not know the name; what the client throws when it does not answer */
async function wantsPassword(sentinel: RedisHost, target: Target): Promise<boolean> {
  const settings: Settings = {
    ...settingsOf({ ...target, username: '', password: '', database: 0 }),
    retryStrategy: () => null,
    commandTimeout: target.connectMs,
    socketTimeout: target.connectMs,
  };
  const client = new Redis(sentinel.port, sentinel.host, settings);
  let reason: unknown = null;
  client.on('error', (error) => {
    reason = error;
  });
  try {
    await client.connect();
    const address = await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', target.name);
    if (address !== null) return false;
    const what = `the sentinel ${sentinel.host}:${sentinel.port} knows no primary of the name ${target.name}`;
    throw new StoreError('STORE_UNAVAILABLE', what);
  } catch (error) {
    if (replyCode(error) === 'NOAUTH') return true;
    throw error instanceof StoreError ? error : (reason ?? error);
  } finally {
    client.disconnect();
  }
}
