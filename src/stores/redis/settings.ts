import { randomInt } from 'node:crypto';
import type { RedisOptions } from 'ioredis';
import { StoreError } from '../../core/ports.ts';
import { type RedisUrl, readRedisUrl } from '../../core/redis-url.ts';

/** The least time that a connection gets to be made, whatever the timeout of a call is: TLS and names take a while. */
const MIN_CONNECT_MS = 2_000;
/** A connection on which nothing came back for this many call timeouts is given up and made anew. */
const DEAD_AFTER_TIMEOUTS = 10;
/** Pause before the first and the longest before any further attempt to connect again. */
export const MIN_RETRY_MS = 25;
const MAX_RETRY_MS = 1_000;
/** How long a connection that is given up may still say goodbye. */
const DISCONNECT_MS = 200;

/** Without the one option whose absence and `undefined` the client's types tell apart. */
export type Settings = Omit<RedisOptions, 'replyMapping'>;

/** Where a store is, and how to talk to it. */
export interface Target extends RedisUrl {
  /** Hosts and ports, for messages; never a password. */
  readonly server: string;
  /** The longest that a call takes, in milliseconds. */
  readonly timeoutMs: number;
  /** The longest that it takes to connect, in milliseconds. */
  readonly connectMs: number;
}

/** @throws StoreError that does not repeat the URL */
export function readTarget(text: string, timeoutMs: number): Target {
  const url = readRedisUrl(text);
  if (typeof url === 'string') {
    throw new StoreError(
      'STORE_UNAVAILABLE',
      'The store must be redis://HOST:PORT, or the same of another Redis scheme',
    );
  }
  const hosts = url.hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  const server = url.topology === 'sentinel' ? `${url.name} (sentinels ${hosts})` : hosts;
  return { ...url, server, timeoutMs, connectMs: Math.max(timeoutMs, MIN_CONNECT_MS) };
}

/** What a connection to a server that keeps data must be like: nothing waits for it, and nothing is ever sent twice. */
export function settingsOf({ username, password, database, tls, timeoutMs, connectMs }: Target): Settings {
  return {
    lazyConnect: true,
    protocol: 2,
    db: database,
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    // It would have to answer in the time of one command; the first answer has the time of a connection.
    enableReadyCheck: false,
    connectTimeout: connectMs,
    disconnectTimeout: DISCONNECT_MS,
    commandTimeout: timeoutMs,
    socketTimeout: Math.max(timeoutMs * DEAD_AFTER_TIMEOUTS, MIN_CONNECT_MS),
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: retryPause,
  };
}

/** Twice as long after each attempt, and shortened at random so that gateways do not come back all at once. */
export function retryPause(attempt: number): number {
  const longest = Math.min(MIN_RETRY_MS * 2 ** Math.min(attempt, 10), MAX_RETRY_MS);
  return randomInt(Math.floor(longest / 2), longest + 1);
}

/** Rejects when the work takes longer; what becomes of it afterwards is of no interest. */
export async function within<T>(ms: number, work: Promise<T>, server: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const expire = (): void =>
    reject(new StoreError('STORE_UNAVAILABLE', `Redis at ${server} did not answer in ${ms} ms`));
  const timer = setTimeout(expire, ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
