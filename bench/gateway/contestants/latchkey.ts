import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../../test/support/redis.ts';
import { hasCommand, startPinned } from '../process.ts';
import { type Contestant, running, type Setting } from './contestant.ts';

/** Which latchkey. */
export interface LatchkeyKind {
  readonly store: 'sqlite' | 'redis';
  readonly front: 'auto' | 'node';
  readonly workers: number;
}

const MAIN = new URL('../../../src/main.ts', import.meta.url).pathname;

export function latchkey(name: string, kind: LatchkeyKind): Contestant {
  const missing = kind.store === 'redis' && !hasCommand('redis-server') ? 'there is no redis-server on the PATH' : null;
  return {
    name,
    missing,
    checksKeys: true,
    workers: kind.workers,
    async start(setting) {
      const { stores, folder, cores, keys, logs } = setting;
      const store = await stores.open(kind.store, keys, folder, cores.others);
      const config = join(folder, 'latchkey.yaml');
      const port = await freePort();
      writeFileSync(config, configuration(setting, kind, store.url, port));
      const args = [MAIN, 'serve', '--config', config, '--workers', String(kind.workers)];
      const output = logs ? { outputFile: join(folder, 'access.log') } : {};
      const gateway = startPinned(cores.gateway, process.execPath, args, output);
      await gateway.waitFor(/ listens on http:/);
      return running(gateway, port, store.program);
    },
  };
}

/** All checks on: a permission for the route, restrictions on every key (seed.ts), limits that are counted but not met. */
function configuration(setting: Setting, { front }: LatchkeyKind, store: string, port: number): string {
  const { upstreamPort, routes, logs } = setting;
  return `
proxy: { listen: 127.0.0.1:${port}, front: ${front}, max_connections: 20000, max_requests_in_flight: 20000 }
management: { listen: off }
health: { listen: 127.0.0.1:0 }
store: ${store}
upstreams: [{ url: http://127.0.0.1:${upstreamPort}, max_queued: 20000 }]
access:
  public: [GET /status]
  any_key: [GET /api/whoami]
  permissions:
    domains:read:
${routes.map((route) => `      - ${route}`).join('\n')}
    domains:write: [POST /api/domains, PUT /api/domains/:id]
    devices:read: [GET /api/devices/*]
tiers:
  bench: { per_hour: 1000000000, per_day: 1000000000, burst: 1000000 }
key_types:
  service: { tier: bench, default_expiry: 90d }
log: ${logs ? '{ requests: true, level: info, format: json }' : '{ requests: false, level: warn }'}
`;
}
