import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort, type RedisServer, startRedis } from './redis.ts';

/** A real primary, two replicas of it and three sentinels that watch them. */
export interface RedisSentinels {
  /** `redis+sentinel://…` of all sentinels. */
  readonly url: string;
  readonly servers: readonly RedisServer[];
  /** The server that the sentinels take for the primary now. */
  primary(): Promise<RedisServer>;
  stop(): Promise<void>;
}

export interface SentinelSettings {
  /** What the servers, and the sentinels, want. */
  readonly password?: string;
}

const NAME = 'latchkey';
const SENTINELS = 3;
const QUORUM = 2;
/** After this a silent primary is taken for dead. */
const DOWN_AFTER_MS = 500;

export async function startSentinels({ password }: SentinelSettings = {}): Promise<RedisSentinels> {
  const auth = password === undefined ? [] : ['--requirepass', password, '--masterauth', password];
  const first = await startRedis(...auth, '--repl-diskless-sync-delay', '0');
  const replica = [...auth, '--repl-diskless-sync-delay', '0', '--replicaof', '127.0.0.1', String(first.port)];
  const servers = [first, await startRedis(...replica), await startRedis(...replica)];
  const sentinels = await Promise.all(Array.from({ length: SENTINELS }, () => startSentinel(first.port, password)));
  const stop = async (): Promise<void> => {
    await Promise.all(sentinels.map((sentinel) => sentinel.stop()));
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    await Promise.all(servers.slice(1).map((server) => isInStep(server, password)));
    await Promise.all(sentinels.map(({ raw }) => knowsAll(raw)));
  } catch (error) {
    await stop();
    throw error;
  }
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const primary = async (): Promise<RedisServer> => {
    const [sentinel] = sentinels;
    const found = await sentinel?.raw.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME);
    const port = Number(Array.isArray(found) ? found[1] : 0);
    const server = servers.find((each) => each.port === port);
    if (server === undefined) throw new Error(`the sentinels speak of another server: ${port}`);
    return server;
  };
  const credentials = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  return { url: `redis+sentinel://${credentials}${hosts}/${NAME}`, servers, primary, stop };
}

interface Sentinel {
  readonly port: number;
  readonly raw: Redis;
  stop(): Promise<void>;
}

async function startSentinel(primaryPort: number, password: string | undefined): Promise<Sentinel> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-sentinel-'));
  const file = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} 2000`,
    ...(password === undefined ? [] : [`requirepass ${password}`, `sentinel auth-pass ${NAME} ${password}`]),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const killNow = (): void => void child.kill('SIGKILL');
  // A test that ends without its teardown must not leave a sentinel behind.
  process.once('exit', killNow);
  const raw = new Redis(port, '127.0.0.1', {
    protocol: 2,
    retryStrategy: () => 20,
    ...(password === undefined ? {} : { password }),
  });
  raw.on('error', () => undefined);
  return { port, raw, stop: () => stopSentinel(child, raw, folder, killNow) };
}

async function stopSentinel(child: ChildProcess, raw: Redis, folder: string, killNow: () => void): Promise<void> {
  raw.disconnect();
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    killNow();
    await gone;
  }
  process.removeListener('exit', killNow);
  rmSync(folder, { recursive: true, force: true });
}

/** Resolves when a replica has what its primary has. */
async function isInStep({ port }: RedisServer, password: string | undefined): Promise<void> {
  const raw = new Redis(port, '127.0.0.1', { protocol: 2, ...(password === undefined ? {} : { password }) });
  while (!(await raw.info('replication')).includes('master_link_status:up')) await delay(20);
  raw.disconnect();
}

/** Resolves when a sentinel knows the other ones and both replicas. */
async function knowsAll(raw: Redis): Promise<void> {
  for (;;) {
    const found = await raw.call('SENTINEL', 'MASTER', NAME).catch(() => []);
    const said = Array.isArray(found) ? found.map(String) : [];
    const of = (field: string): string | undefined => said[said.indexOf(field) + 1];
    if (of('num-slaves') === '2' && of('num-other-sentinels') === String(SENTINELS - 1)) return;
    await delay(20);
  }
}
