import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RedisConnection } from './connection.ts';
import { replyCode } from './errors.ts';
import { CHANGES } from './layout.ts';

/** How often the link has to show that it is alive, and how long that may take: half-open, it would be silent for ever. */
const PING_EVERY_MS = 1_000;
const PING_TIMEOUT_MS = 1_000;
/** Pause before the link is made again; twice as long after each attempt that failed. */
const MIN_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;
/** The same when the server refuses: it knows no tracking, or this user may not use it. */
const REFUSED_PAUSE_MS = 30_000;

const REFUSALS = new Set(['ERR', 'NOPERM']);

/** Where the server tells a connection of RESP2 what changed. */
const INVALIDATIONS = '__redis__:invalidate';

/**
 * Keeps a connection on which the server tells of each change to the list of changes, for as long as it is wanted. While
 * it is down, hints are missing and nothing else is: when it is back, one hint stands for all that was missed.
 */
export async function keepHintLink(connection: RedisConnection, hint: () => void, ended: AbortSignal): Promise<void> {
  let pauseMs = MIN_PAUSE_MS;
  while (!ended.aborted) {
    try {
      await hintUntilLost(connection, ended, () => {
        pauseMs = MIN_PAUSE_MS;
        // It may end while the link is being armed, or with a message on its way.
        if (!ended.aborted) hint();
      });
    } catch (error) {
      pauseMs = REFUSALS.has(replyCode(error) ?? '') ? REFUSED_PAUSE_MS : Math.min(2 * pauseMs, MAX_PAUSE_MS);
    }
    await delay(pauseMs, undefined, { ref: false, signal: ended }).catch(() => undefined);
  }
}

async function hintUntilLost({ link }: RedisConnection, ended: AbortSignal, hint: () => void): Promise<void> {
  const client = link.toKeys(PING_TIMEOUT_MS);
  // What goes wrong rejects a command, or ends the connection.
  client.on('error', () => undefined);
  const disconnect = (): void => client.disconnect();
  ended.addEventListener('abort', disconnect);
  try {
    await arm(client, hint);
    hint();
    await lost(client, () => link.isToKeys(client));
  } finally {
    ended.removeEventListener('abort', disconnect);
    disconnect();
  }
}

async function arm(client: Redis, hint: () => void): Promise<void> {
  await client.connect();
  // The connection redirects to itself: with RESP2 only a subscriber is told.
  const id = await client.client('ID');
  await client.client('TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', CHANGES);
  client.on('messageBuffer', hint);
  await client.subscribe(INVALIDATIONS);
}

/** Resolves when the connection is of no use any more: it is closed, silent, or to a server that has not the keys now. */
async function lost(client: Redis, isRight: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  client.once('end', resolve);
  const check = async (): Promise<void> => {
    await client.ping();
    if (!isRight()) resolve();
  };
  const beat = setInterval(() => void check().catch(() => resolve()), PING_EVERY_MS);
  beat.unref();
  // It may have ended before it was listened to.
  if (client.status === 'end') resolve();
  await promise;
  clearInterval(beat);
}
