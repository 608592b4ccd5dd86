import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRedis } from '../../test/support/redis.ts';
import { hasCommand, type Pinned, startPinned } from './process.ts';

/** Who is measured. Each is started alone, on the core that is the gateway's. */
export interface Contestant {
  readonly name: string;
  /** Why it cannot run here; null when it can. */
  readonly missing: string | null;
  start(setting: Setting): Promise<Running>;
}

export interface Setting {
  readonly core: number;
  /** Core of everything that is not measured. */
  readonly otherCore: number;
  readonly upstreamPort: number;
  readonly keysFile: string;
  readonly folder: string;
}

export interface Running {
  readonly port: number;
  /** The process whose CPU time counts; null when there is no gateway. */
  readonly pid: number | null;
  stop(): Promise<void>;
}

const ROOT = new URL('../..', import.meta.url).pathname;

export const CONTESTANTS: readonly Contestant[] = [
  {
    name: 'no proxy',
    missing: null,
    start: async ({ upstreamPort }) => ({ port: upstreamPort, pid: null, stop: async () => undefined }),
  },
  latchkey('latchkey, SQLite', null, async ({ folder }) => ({
    store: `sqlite:${join(folder, 'latchkey.db')}`,
    stop: async () => undefined,
  })),
  latchkey('latchkey, Redis', hasCommand('redis-server') ? null : 'redis-server', async () => {
    const redis = await startRedis();
    return { store: redis.url, stop: () => redis.stop() };
  }),
  peer('@fastify/http-proxy', 'fastify.ts'),
  peer('http-proxy-3', 'http-proxy.ts'),
];

interface ChosenStore {
  readonly store: string;
  stop(): Promise<void>;
}

function latchkey(
  name: string,
  missing: string | null,
  choose: (setting: Setting) => Promise<ChosenStore>,
): Contestant {
  return {
    name,
    missing,
    async start(setting) {
      const chosen = await choose(setting);
      const config = join(setting.folder, 'latchkey.yaml');
      writeFileSync(config, configuration(chosen.store, setting.upstreamPort));
      const seed = startPinned(setting.otherCore, process.execPath, [script('seed.ts'), config, setting.keysFile]);
      await seed.waitFor(/^seeded$/);
      await seed.stop();
      const gateway = startPinned(setting.core, process.execPath, [
        join(ROOT, 'src/main.ts'),
        'serve',
        '--config',
        config,
      ]);
      const [, port] = await gateway.waitFor(/http:\/\/127\.0\.0\.1:(\d+)/);
      return running(gateway, Number(port), () => chosen.stop());
    },
  };
}

function peer(name: string, file: string): Contestant {
  return {
    name,
    missing: null,
    async start({ core, upstreamPort, keysFile }) {
      const args = [script(`peers/${file}`), `http://127.0.0.1:${upstreamPort}`, keysFile];
      const gateway = startPinned(core, process.execPath, args);
      const [, port] = await gateway.waitFor(/^ready (\d+)$/);
      return running(gateway, Number(port), async () => undefined);
    },
  };
}

function running(gateway: Pinned, port: number, stopStore: () => Promise<void>): Running {
  return {
    port,
    pid: gateway.pid,
    stop: async () => {
      await gateway.stop();
      await stopStore();
    },
  };
}

function script(name: string): string {
  return join(ROOT, 'bench/gateway', name);
}

/** All checks on: a permission for the route, a restriction on every key (seed.ts), limits that are counted but not met. */
function configuration(store: string, upstreamPort: number): string {
  return `
proxy: { listen: 127.0.0.1:0 }
management: { listen: off }
health: { listen: 127.0.0.1:0 }
store: ${store}
upstreams: [{ url: http://127.0.0.1:${upstreamPort} }]
access:
  public: [GET /status]
  any_key: [GET /api/whoami]
  permissions:
    domains:read: [GET /api/domains/*]
    domains:write: [POST /api/domains, PUT /api/domains/:id]
    devices:read: [GET /api/devices/*]
tiers:
  bench: { per_hour: 1000000000, per_day: 1000000000, burst: 1000000 }
key_types:
  service: { tier: bench, default_expiry: 90d }
log: { requests: false, level: warn }
`;
}
