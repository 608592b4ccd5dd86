import type { Config, ListenAddress } from '../../config/config.ts';
import { maskStoreUrl } from '../../config/store-url.ts';
import type { RunningServer } from '../../wiring.ts';
import type { Args } from '../args.ts';
import type { Io } from '../io.ts';
import { packageVersion } from '../version.ts';
import { configWords, pasteable } from './paste.ts';

/** `127.0.0.1:8080`, `[::1]:8080` */
export function addressText({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A URL that works from this machine: "every address" is one of them. */
export function localUrl({ host, port }: ListenAddress): string {
  const local = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${addressText({ host: local, port })}`;
}

/** What there is to tell of a gateway that runs. */
export interface Announced extends Pick<RunningServer, 'proxyAddress' | 'managementAddress' | 'healthAddress'> {
  /** The processes that serve, by the number of the worker; absent: this one does. */
  readonly pids?: ReadonlyMap<number, number>;
}

/** Tells a person where the gateway listens and what it protects. */
export function announce(server: Announced, config: Config, args: Args, io: Io): void {
  const upstreams = config.upstreams.map((upstream) => upstream.url).join(', ');
  io.say(`latchkey ${packageVersion()} listens on http://${addressText(server.proxyAddress)}, protecting ${upstreams}`);
  if (server.managementAddress !== null) {
    io.say(`management: http://${addressText(server.managementAddress)}${tokenAdvice(config, args, io)}`);
  }
  if (server.pids !== undefined) io.say(`workers: ${server.pids.size}, pids ${[...server.pids.values()].join(' ')}`);
  io.say(`health and metrics: http://${addressText(server.healthAddress)} (/livez, /readyz, /metrics)`);
  io.say(`keys: ${storeText(config)}; configuration: ${config.file ?? 'none, every setting has its default'}`);
}

/** How to get a token, where they are signed with a secret that is here. */
function tokenAdvice(config: Config, args: Args, io: Io): string {
  if (config.management.jwt.source.kind !== 'secret_file') return '';
  const words = ['npx', 'latchkey', 'token', '--subject', 'you', '--permission', 'admin:write'];
  return `; a token for it: ${pasteable([...words, ...configWords(config, args, io)])}`;
}

/** The same for a program. */
export function announcement(server: Announced, config: Config): Readonly<Record<string, unknown>> {
  return {
    version: packageVersion(),
    proxy: { ...server.proxyAddress, url: localUrl(server.proxyAddress) },
    management:
      server.managementAddress === null
        ? null
        : { ...server.managementAddress, url: localUrl(server.managementAddress) },
    health: { ...server.healthAddress, url: localUrl(server.healthAddress) },
    workers: server.pids === undefined ? null : Array.from(server.pids, ([worker, pid]) => ({ worker, pid })),
    upstreams: config.upstreams.map((upstream) => upstream.url),
    store: storeText(config),
    config: config.file,
  };
}

/** The store as a person is told of it, without a password. */
export function storeText({ store }: Config): string {
  return store.kind === 'sqlite' ? `sqlite:${store.path}` : maskStoreUrl(store.url);
}
