import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Config, ListenAddress, ManagementConfig, UpstreamConfig } from '../../config/config.ts';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import type { Args } from '../args.ts';
import {
  fileConfiguration,
  foundConfigFile,
  listenOption,
  listenOptionOrOff,
  upstreamConfiguration,
  withStore,
} from '../configuration.ts';
import { usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import type { Listener } from './listen-failure.ts';

/** The configuration that comes with the program, made for the demo API. */
const DEMO_CONFIG = fileURLToPath(new URL('../../../config/latchkey.yaml', import.meta.url));

/** Processes that may serve together. */
const MAX_WORKERS = 64;

/** What is served, and how to make the same of the file when it has changed. */
export interface ServePlan {
  /** The configuration as it was read. */
  readonly read: Config;
  /** Puts the options on top of a configuration that was read. */
  readonly adjust: (config: Config) => Config;
  /** Processes that serve: 1 is this one. */
  readonly workers: number;
}

/**
 * Reads the configuration that the options name.
 *
 * @throws ConfigError for a file with mistakes, CliError for options that are
 */
export function planServe(args: Args, io: Io): ServePlan {
  const upstreamUrl = args.one('upstream');
  if (upstreamUrl !== undefined && args.has('demo')) {
    throw usageError('--demo brings its own upstream; give either --demo or --upstream');
  }
  const upstream = upstreamUrl === undefined ? null : upstreamConfiguration(upstreamUrl, io);
  const workers = workersOption(args.one('workers'));
  const proxyListen = listenOption(args, 'listen');
  const healthListen = listenOption(args, 'health-listen');
  const managementListen = listenOptionOrOff(args, 'management-listen');
  const { config } = readConfiguration(args, io, upstream);
  const adjust = (read: Config): Config =>
    withStore(
      {
        ...read,
        proxy: proxyListen === null ? read.proxy : { ...read.proxy, listen: proxyListen },
        management: withListen(read.management, managementListen),
        health: healthListen === null ? read.health : { ...read.health, listen: healthListen },
        upstreams: upstream?.config.upstreams ?? read.upstreams,
        log: args.has('json') ? { ...read.log, format: 'json' } : read.log,
      },
      args,
    );
  return { read: config, adjust, workers };
}

function workersOption(text: string | undefined): number {
  if (text === undefined) return 1;
  if (text === 'auto') return Math.min(MAX_WORKERS, availableParallelism());
  const workers = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (workers >= 1 && workers <= MAX_WORKERS) return workers;
  throw usageError(`--workers: expected a number from 1 to ${MAX_WORKERS}, or auto`);
}

function readConfiguration(args: Args, io: Io, upstream: LoadedConfig | null): LoadedConfig {
  if (args.has('config')) return fileConfiguration(args, io);
  const found = foundConfigFile(io);
  if (upstream !== null) {
    if (found !== null) io.say(`latchkey: ${found} is not read, since --upstream is given without --config`);
    return upstream;
  }
  if (found !== null) return loadConfig(found, io.environment);
  if (args.has('demo') && existsSync(DEMO_CONFIG)) return loadConfig(DEMO_CONFIG, io.environment);
  throw usageError(
    'there is no config/latchkey.yaml; name a file with --config FILE, or an API with --upstream http://localhost:3000',
  );
}

/** The same plan in front of one upstream that takes every request. */
export function withUpstream(plan: ServePlan, url: string): ServePlan {
  const adjust = (read: Config): Config => {
    const config = plan.adjust(read);
    return { ...config, upstreams: config.upstreams.slice(0, 1).map((upstream) => takingAll(upstream, url)) };
  };
  return { ...plan, adjust };
}

function takingAll(upstream: UpstreamConfig, url: string): UpstreamConfig {
  return { ...upstream, url, hosts: [], paths: [], authorization: null };
}

/** @param listen null: nowhere; undefined: as the configuration says */
function withListen(management: ManagementConfig, listen: ListenAddress | null | undefined): ManagementConfig {
  return listen === undefined ? management : { ...management, listen };
}

/** The same plan with one listener on a free port. */
export function withFreePort(plan: ServePlan, listener: Listener): ServePlan {
  const adjust = (read: Config): Config => {
    const config = plan.adjust(read);
    const { proxy, health, management } = config;
    if (listener === 'proxy') return { ...config, proxy: { ...proxy, listen: { ...proxy.listen, port: 0 } } };
    if (listener === 'health') return { ...config, health: { ...health, listen: { ...health.listen, port: 0 } } };
    const listen = management.listen === null ? null : { ...management.listen, port: 0 };
    return { ...config, management: { ...management, listen } };
  };
  return { ...plan, adjust };
}
