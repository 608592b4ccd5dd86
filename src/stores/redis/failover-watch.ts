import { Redis } from 'ioredis';
import type { RedisHost } from '../../core/redis-url.ts';
import type { Settings } from './settings.ts';

/** Where a sentinel tells that another server is the primary: `NAME OLD-HOST OLD-PORT NEW-HOST NEW-PORT`. */
const SWITCHED = '+switch-master';
/** How often a lost connection to a sentinel is made again. */
const RECONNECT_MS = 1_000;
/** How often a sentinel has to show that it is there: a connection that is half-open would be silent for ever. */
const PING_EVERY_MS = 5_000;

/**
 * Listens to sentinels for as long as it is wanted. Each of them tells of a failover when it learns of it, the one that led
 * it a second after the others, so the same failover is told of several times.
 *
 * @param settings how to connect to a sentinel
 * @param name the primary that is of interest; the same sentinels may watch others
 * @param switched called with the address of the new primary, as the sentinel says it; a promise of its must not reject
 * @returns ends it
 */
export function watchFailovers(
  hosts: readonly RedisHost[],
  settings: Settings,
  name: string,
  switched: (primary: RedisHost) => unknown,
): () => void {
  const clients = hosts.map(({ host, port }) => {
    const client = new Redis(port, host, { ...settings, retryStrategy: () => RECONNECT_MS, autoResubscribe: false });
    // What goes wrong ends the connection, and it is made again.
    client.on('error', () => undefined);
    client.on('ready', () => void client.subscribe(SWITCHED).catch(() => client.disconnect(true)));
    client.on('message', (_channel: string, message: string) => {
      const [what, , , newHost = '', newPort] = message.split(' ');
      if (what === name) void switched({ host: newHost, port: Number(newPort) });
    });
    client.connect().catch(() => undefined);
    return client;
  });
  const beat = setInterval(() => {
    for (const client of clients) {
      // Without an answer the client ends the connection by itself (`socketTimeout`).
      if (client.status === 'ready') client.ping().catch(() => undefined);
    }
  }, PING_EVERY_MS);
  beat.unref();
  return () => {
    clearInterval(beat);
    for (const client of clients) client.disconnect();
  };
}
