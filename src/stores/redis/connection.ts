import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { StoreError } from '../../core/ports.ts';
import { replyCode, storeError } from './errors.ts';
import type { Script } from './scripts.ts';

/** The least time that a connection gets to be made, whatever the timeout of a call is: TLS and names take a while. */
const MIN_CONNECT_MS = 2_000;
/** A connection on which nothing came back for this many call timeouts is given up and made anew. */
const DEAD_AFTER_TIMEOUTS = 10;
/** Commands that wait for their replies; one more is refused at once. */
const MAX_IN_FLIGHT = 10_000;
/** Pause before the first and the longest before any further attempt to connect again. */
const MIN_RETRY_MS = 25;
const MAX_RETRY_MS = 1_000;

/** Without the one option whose absence and `undefined` the client's types tell apart. */
type Settings = Omit<RedisOptions, 'replyMapping'>;

const SCHEMES = new Set(['redis:', 'rediss:']);

/**
 * The connection to one Redis server: made once, kept up in the background. While it is down, and when the server does
 * not answer within the timeout, every call rejects with a StoreError, and nothing is ever sent twice: a lease that is
 * repeated counts twice.
 */
export class RedisConnection {
  readonly #client: Redis;
  readonly #timeoutMs: number;
  /** Host and port, for messages. */
  readonly server: string;
  #corked = false;

  private constructor(client: Redis, server: string, timeoutMs: number) {
    this.#client = client;
    this.server = server;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws StoreError that names host and port when the first connection cannot be made */
  static async open(url: string, timeoutMs: number): Promise<RedisConnection> {
    const { host, port, server, options } = readUrl(url);
    const connectTimeout = Math.max(timeoutMs, MIN_CONNECT_MS);
    const client = new Redis(port, host, { ...options, ...behaviour(timeoutMs, connectTimeout) });
    // Without a listener the client prints its errors itself. Only the first connection's is told, to who opens it.
    let reason: unknown = null;
    client.on('error', (error) => {
      reason = error;
    });
    const failed = (error: unknown): StoreError => storeError(reason ?? error, server);
    const ready = client.connect().then(() => firstAnswer(client));
    await within(connectTimeout, ready, server).catch((error: unknown) => {
      client.disconnect();
      throw failed(error);
    });
    return new RedisConnection(client, server, timeoutMs);
  }

  /**
   * Sends commands and waits for what they give, all in all for no longer than the timeout.
   *
   * @throws StoreError for whatever fails
   */
  async ask<T>(commands: (client: Redis) => Promise<T>): Promise<T> {
    this.#refuseWhenFull();
    try {
      return await within(this.#timeoutMs, commands(this.#client), this.server);
    } catch (error) {
      throw storeError(error, this.server);
    }
  }

  /** Runs a script: one round trip, as the server has nearly always seen it before. */
  async run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    this.#refuseWhenFull();
    this.#gatherWrites();
    try {
      return await this.#client.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (replyCode(error) !== 'NOSCRIPT') throw storeError(error, this.server);
    }
    // It was not run, so to send it whole is no repetition.
    return this.runWhole(script, keys, args);
  }

  /** Runs a script that the server need not have seen: also when no answer can be waited for. */
  async runWhole(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#client.eval(script.lua, keys.length, ...keys, ...args);
    } catch (error) {
      throw storeError(error, this.server);
    }
  }

  close(): void {
    this.#client.disconnect();
  }

  #refuseWhenFull(): void {
    if (this.#client.commandQueue.length < MAX_IN_FLIGHT) return;
    throw new StoreError('STORE_UNAVAILABLE', `${MAX_IN_FLIGHT} commands wait for Redis at ${this.server}`);
  }

  /**
   * Holds back what is written in this turn of the event loop and sends it as one piece. With 32 scripts at a time that
   * took the client from 7.7 to 5.6 µs of CPU for each; its own auto-pipelining took 11.2.
   */
  #gatherWrites(): void {
    if (this.#corked || this.#client.status !== 'ready') return;
    const stream = this.#client.stream;
    this.#corked = true;
    stream.cork();
    setImmediate(() => {
      this.#corked = false;
      stream.uncork();
    });
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
  /** For messages. */
  readonly server: string;
  readonly options: Settings;
}

function behaviour(timeoutMs: number, connectTimeout: number): Settings {
  return {
    lazyConnect: true,
    // It would have to answer in the time of one command; `firstAnswer` has the time of a connection.
    enableReadyCheck: false,
    protocol: 2,
    connectTimeout,
    commandTimeout: timeoutMs,
    socketTimeout: Math.max(timeoutMs * DEAD_AFTER_TIMEOUTS, MIN_CONNECT_MS),
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: retryPause,
  };
}

/** Twice as long after each attempt, and shortened at random so that gateways do not come back all at once. */
function retryPause(attempt: number): number {
  const longest = Math.min(MIN_RETRY_MS * 2 ** Math.min(attempt, 10), MAX_RETRY_MS);
  return randomInt(Math.floor(longest / 2), longest + 1);
}

/** Only what the URL names itself: the client's own reading of URLs takes options from the query as well. */
function readUrl(text: string): Address {
  const url = URL.parse(text);
  if (url === null || !SCHEMES.has(url.protocol) || url.hostname === '') {
    throw new StoreError('STORE_UNAVAILABLE', 'The store must be redis://HOST:PORT or rediss://HOST:PORT');
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? 6379 : Number(url.port);
  const options: Settings = { db: Number(url.pathname.slice(1)) };
  if (url.username !== '') options.username = decodeURIComponent(url.username);
  if (url.password !== '') options.password = decodeURIComponent(url.password);
  if (url.protocol === 'rediss:') options.tls = {};
  return { host, port, server: `${url.hostname}:${port}`, options };
}

/** Waits until the server answers at all: a slow one is asked again, for as long as the client is there. */
async function firstAnswer(client: Redis): Promise<void> {
  for (;;) {
    try {
      await client.ping();
      return;
    } catch (error) {
      const reply = replyCode(error);
      if (client.status === 'end' || (reply !== null && reply !== 'LOADING')) throw error;
    }
    await delay(MIN_RETRY_MS);
  }
}

/** Rejects when the work takes longer; what becomes of it afterwards is of no interest. */
async function within<T>(ms: number, work: Promise<T>, server: string): Promise<T> {
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
