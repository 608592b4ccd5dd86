import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { replyCode, storeError } from './errors.ts';
import type { Link } from './link.ts';
import { MIN_RETRY_MS, settingsOf, type Target, within } from './settings.ts';

/** @throws StoreError that names host and port when the first connection cannot be made */
export async function openSingle(target: Target): Promise<Link> {
  const { server, connectMs } = target;
  const [{ host, port } = { host: '', port: 0 }] = target.hosts;
  const client = new Redis(port, host, settingsOf(target));
  // Without a listener the client prints its errors itself. Only the first connection's is told, to who opens it.
  let reason: unknown = null;
  client.on('error', (error) => {
    reason = error;
  });
  const failed = (error: unknown): unknown => storeError(reason ?? error, server);
  const ready = client.connect().then(() => firstAnswer(client));
  await within(connectMs, ready, server).catch((error: unknown) => {
    client.disconnect();
    throw failed(error);
  });
  return linkOf(client);
}

/** The link over one connection that is made again by itself. */
export function linkOf(client: Redis): Link {
  return {
    client,
    nodes: () => [client],
    toKeys: (timeoutMs) =>
      client.duplicate({ retryStrategy: null, commandTimeout: timeoutMs, socketTimeout: undefined }),
    isToKeys: () => true,
    inTrouble: () => undefined,
    close: () => client.disconnect(),
  };
}

/** Waits until the server answers at all: a slow one is asked again, for as long as the client is there. */
export async function firstAnswer(client: Redis): Promise<void> {
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
