import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Redis } from 'ioredis';
import { StoreError } from '../../core/ports.ts';
import type { RedisHost } from '../../core/redis-url.ts';
import { replyCode, storeError } from './errors.ts';
import { watchFailovers } from './failover-watch.ts';
import type { Link } from './link.ts';
import { retryPause, type Settings, settingsOf, type Target, within } from './settings.ts';
import { firstAnswer, linkOf } from './single.ts';

/**
 * The primary that sentinels know. Where it is, is asked again whenever the connection is made; it is made anew when a
 * sentinel says that another server is the primary now, and when the server turns out to take no writes. (The client's own
 * detector also gives up a connection that goes to the new primary already, with each sentinel that tells of it, and when
 * a primary of another name fails over.)
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
    // A sentinel may be the last to know of a failover. The reconnection repeats no command.
    reconnectOnError: (error) => error.message.startsWith('READONLY '),
  });
  let reason: unknown = null;
  client.on('error', (error) => {
    reason = error;
  });
  const sentinels =
    sentinelPassword === '' ? sentinelSettings(target) : { ...sentinelSettings(target), password: sentinelPassword };
  let isClosed = false;
  const unwatch = watchFailovers(target.hosts, sentinels, target.name, async (primary) => {
    if (!(await goesTo(client, primary)) && !isClosed) client.disconnect(true);
  });
  const disconnect = stayConnected(client);
  const close = (): void => {
    isClosed = true;
    unwatch();
    disconnect();
  };
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

/** Whether the connection is to this server, which sentinels may tell of by name. When that cannot be told: false. */
async function goesTo(client: Redis, { host, port }: RedisHost): Promise<boolean> {
  const found = isIP(host) === 0 ? await lookup(host, { all: true }).catch(() => []) : [{ address: host }];
  const { stream, status } = client;
  if (status !== 'ready' && status !== 'connect') return false;
  const peer = unmapped(stream.remoteAddress ?? '');
  return stream.remotePort === port && found.some(({ address }) => unmapped(address) === peer);
}

function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

/** How to speak to a sentinel, which may want no password. */
function sentinelSettings(target: Target): Settings {
  return {
    ...settingsOf({ ...target, username: '', password: '', database: 0 }),
    commandTimeout: target.connectMs,
    socketTimeout: target.connectMs,
  };
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
  const settings: Settings = { ...sentinelSettings(target), retryStrategy: () => null };
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
