import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort, type RedisServer, startRedis } from './redis.ts';

export interface ClusterNode {
  readonly server: RedisServer;
  /** On which the nodes speak to each other. */
  readonly busPort: number;
  /** The node, asked directly. */
  readonly raw: Redis;
}

/** A real cluster of this test's own: three primaries, and a replica of each. */
export interface RedisCluster {
  /** `redis+cluster://…` of all nodes. */
  readonly url: string;
  readonly nodes: readonly ClusterNode[];
  /** The node that has a slot now, as the others see it. */
  primaryOf(slot: number): Promise<ClusterNode>;
  stop(): Promise<void>;
}

const PRIMARIES = 3;
const NODES = 2 * PRIMARIES;
const SLOTS = 16_384;
/** Attempts to find two ports: between asking for a free one and using it, another process may take it. */
const PORT_ATTEMPTS = 10;
/** After this a silent node is taken for dead. */
const NODE_TIMEOUT_MS = 1_500;

export async function startCluster(): Promise<RedisCluster> {
  const started = await Promise.allSettled(Array.from({ length: NODES }, startNode));
  const nodes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const stop = async (): Promise<void> => {
    for (const { raw } of nodes) raw.disconnect();
    await Promise.all(nodes.map(({ server }) => server.stop()));
  };
  try {
    for (const each of started) if (each.status === 'rejected') throw each.reason;
    const hosts = nodes.map(({ server }) => `127.0.0.1:${server.port}`);
    await join(nodes);
    return { url: `redis+cluster://${hosts.join(',')}`, nodes, primaryOf: (slot) => primaryOf(nodes, slot), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNode(): Promise<ClusterNode> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryNode();
    } catch (error) {
      if (attempt >= PORT_ATTEMPTS || !isTaken(error)) throw error;
    }
  }
}

/** What the server says itself when one of its two ports was taken meanwhile. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Address already in use');
}

async function tryNode(): Promise<ClusterNode> {
  const busPort = await freePort();
  const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
  // A replica that was sent nothing yet is not listed.
  const replication = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
  const timeout = ['--cluster-node-timeout', String(NODE_TIMEOUT_MS)];
  const server = await startRedis(...cluster, ...timeout, ...replication);
  const raw = new Redis(server.url, { protocol: 2, retryStrategy: () => 20 });
  raw.on('error', () => undefined);
  return { server, busPort, raw };
}

/** What `redis-cli --cluster create` does, which waits a second between each of its steps. */
async function join(nodes: readonly ClusterNode[]): Promise<void> {
  await Promise.all(
    nodes.map(async ({ raw }, i) => {
      await raw.cluster('SET-CONFIG-EPOCH', i + 1);
      const [first, end] = [i, i + 1].map((share) => Math.floor((share * SLOTS) / PRIMARIES));
      if (i < PRIMARIES) await raw.cluster('ADDSLOTSRANGE', first ?? 0, (end ?? 0) - 1);
    }),
  );
  for (const { raw } of nodes) {
    for (const { server, busPort } of nodes) await raw.call('CLUSTER', 'MEET', '127.0.0.1', server.port, busPort);
  }
  await Promise.all(nodes.map(({ raw }) => until(raw, 'cluster_known_nodes:6')));
  for (const [i, { raw }] of nodes.entries()) {
    if (i >= PRIMARIES) await raw.cluster('REPLICATE', (await nodes[i - PRIMARIES]?.raw.cluster('MYID')) ?? '');
  }
  await Promise.all(nodes.map(isWhole));
}

async function until(raw: Redis, line: string): Promise<void> {
  while (!(await raw.cluster('INFO')).includes(line)) await delay(10);
}

/** Resolves when a node knows all others, and a replica has what its primary has. */
async function isWhole({ raw }: ClusterNode): Promise<void> {
  for (;;) {
    const [info, replication, shards] = await Promise.all([
      raw.cluster('INFO'),
      raw.info('replication'),
      raw.cluster('SLOTS'),
    ]);
    const isReplicated = shards.length > 0 && shards.every((shard) => shard.length === 4);
    if (info.includes('cluster_state:ok') && isReplicated && !replication.includes('master_link_status:down')) return;
    await delay(20);
  }
}

async function primaryOf(nodes: readonly ClusterNode[], slot: number): Promise<ClusterNode> {
  for (const { raw } of nodes) {
    const shards = await raw.cluster('SLOTS').catch(() => []);
    const shard = shards.find(([first, last]) => first <= slot && slot <= last);
    const port = Number((shard?.[2] as [string, number] | undefined)?.[1]);
    const found = nodes.find(({ server }) => server.port === port);
    if (found !== undefined) return found;
  }
  throw new Error(`no node has slot ${slot}`);
}
