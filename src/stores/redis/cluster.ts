import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';
import { StoreError } from '../../core/ports.ts';
import { replyCode, storeError } from './errors.ts';
import { CHANGES } from './layout.ts';
import type { Link } from './link.ts';
import { MIN_RETRY_MS, retryPause, settingsOf, type Target, within } from './settings.ts';

/** Slot of all names with the tag `{keys}`. */
export const KEYS_SLOT = 2915;

/** Replies that stay the same when one asks again in a moment. */
const REFUSALS = new Set(['ERR', 'NOAUTH', 'NOPERM']);

/** How often one command follows the keys to where they were moved. */
const MAX_REDIRECTIONS = 5;
/** While a slot is moved, what is divided between two nodes is asked for again after this. */
const DIVIDED_PAUSE_MS = 10;
/** The longest that one node may take to say where all keys are, before another one is asked. */
const MAX_REFRESH_MS = 500;

/**
 * The nodes of a cluster. A command goes to another node when the one that it was sent to refused it unread (MOVED, ASK,
 * TRYAGAIN), and never when its answer was lost: the client would send such a command again, and that is switched off.
 *
 * @throws StoreError when none of the nodes answers, or the cluster does not serve
 */
export async function openCluster(target: Target): Promise<Link> {
  const { server, connectMs } = target;
  const { retryStrategy: _, enableOfflineQueue: __, lazyConnect: ___, ...redisOptions } = settingsOf(target);
  const client = new Cluster([...target.hosts], {
    lazyConnect: true,
    redisOptions,
    enableOfflineQueue: false,
    // It would ask any node, and give them all up while that one is still being connected.
    enableReadyCheck: false,
    scaleReads: 'master',
    maxRedirections: MAX_REDIRECTIONS,
    // What may have been done must not be done again.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: DIVIDED_PAUSE_MS,
    slotsRefreshTimeout: Math.min(connectMs, MAX_REFRESH_MS),
    clusterRetryStrategy: retryPause,
    // Certificates are for names: an address in place of a name would not be theirs.
    ...(target.tls ? { dnsLookup: (name, callback) => callback(null, name) } : {}),
  });
  keepNodesConnected(client);
  let reason: unknown = null;
  client.on('error', () => undefined);
  client.on('node error', (error: Error) => {
    // After the one that says why come others, which say that it is so.
    if (reason === null || 'code' in error) reason = error;
  });
  client.connect().catch(() => undefined);
  const givenUp = new AbortController();
  await within(connectMs, served(client, givenUp.signal), server).catch((error: unknown) => {
    givenUp.abort();
    client.disconnect();
    throw storeError(reason ?? error, server);
  });
  return clusterLink(client);
}

/** Nodes are connected before they are needed, replicas too: one may be the primary in a moment. */
function keepNodesConnected(client: Cluster): void {
  client.on('+node', (node: Redis) => {
    // Later, so that a command for which a node was found connects it itself, and waits for that.
    setImmediate(() => {
      if (node.status === 'wait') node.connect().catch(() => undefined);
    });
  });
  // Nodes do not reconnect: where their slots are by now is asked first.
  client.on('-node', () => refresh(client));
}

function refresh(client: Cluster): void {
  // A node that could not be asked is an error of that node, and asked again when the next command fails.
  if (client.status === 'ready') client.refreshSlotsCache(() => undefined);
}

/** Resolves when all primaries are connected and the keys can be read, or when nobody waits for that any more. */
async function served(client: Cluster, givenUp: AbortSignal): Promise<void> {
  while (!givenUp.aborted) {
    if (client.status === 'ready' && client.nodes('master').every(({ status }) => status === 'ready')) {
      const answer = await client.exists(CHANGES).catch((error: unknown) => error);
      if (typeof answer === 'number') return;
      if (REFUSALS.has(replyCode(answer) ?? '')) throw answer;
    }
    await delay(MIN_RETRY_MS);
  }
}

function clusterLink(client: Cluster): Link {
  return {
    client,
    nodes: () => client.nodes('master'),
    toKeys: (timeoutMs) => {
      const name = client.slots[KEYS_SLOT]?.[0];
      const node = client.nodes('all').find((each) => nameOf(each) === name);
      if (node !== undefined) {
        return node.duplicate({ retryStrategy: null, commandTimeout: timeoutMs, socketTimeout: undefined });
      }
      throw new StoreError('STORE_UNAVAILABLE', `it is not known which node has ${CHANGES}`);
    },
    isToKeys: (connection) => nameOf(connection) === client.slots[KEYS_SLOT]?.[0],
    inTrouble: () => refresh(client),
    close: () => client.disconnect(),
  };
}

/** As the client names nodes. */
function nameOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`;
}
