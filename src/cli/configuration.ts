import { existsSync } from 'node:fs';
import type { ZodType } from 'zod';
import type { Config, ListenAddress, StoreConfig } from '../config/config.ts';
import { configFile, DEFAULT_CONFIG_FILE } from '../config/environment.ts';
import { Invalid } from '../config/fields.ts';
import { configForUpstream, type LoadedConfig, loadConfig } from '../config/load.ts';
import { listenAddress, listenAddressOrOff } from '../config/network-fields.ts';
import { ConfigError } from '../config/problem.ts';
import { parseStoreUrl } from '../config/store-url.ts';
import type { Args } from './args.ts';
import { usageError } from './failure.ts';
import type { Io } from './io.ts';

/** Never asked: stands where a configuration must name an upstream and the command needs none. */
const ANY_UPSTREAM = 'http://127.0.0.1:9000';

/** The file that is read when no option says another; null when there is none. */
export function foundConfigFile(io: Io): string | null {
  const file = configFile(io.environment);
  return file !== DEFAULT_CONFIG_FILE || existsSync(file) ? file : null;
}

/** The configuration in the file that `--config` or the environment names, or the usual one. */
export function fileConfiguration(args: Args, io: Io): LoadedConfig {
  return loadConfig(configFile(io.environment, args.one('config')), io.environment);
}

/** What the keys commands work on: the file where there is one, defaults otherwise; `--store` on top. */
export function keysConfiguration(args: Args, io: Io): Config {
  return withStore(usualConfiguration(args, io), args);
}

/** The file that `--config` names or that is found, defaults where there is none or `--no-config` says so. */
export function usualConfiguration(args: Args, io: Io): Config {
  const file = args.one('config') ?? (args.has('no-config') ? null : foundConfigFile(io));
  if (args.has('config') && args.has('no-config')) {
    throw usageError('--config and --no-config contradict each other; give one of them');
  }
  const loaded = file === null ? configForUpstream(ANY_UPSTREAM, io.environment) : loadConfig(file, io.environment);
  return loaded.config;
}

/** A configuration with the store that `--store` names, if it does. */
export function withStore(config: Config, args: Args): Config {
  const store = storeOption(args, config.store.timeoutMs);
  return store === null ? config : { ...config, store };
}

function storeOption(args: Args, timeoutMs: number): StoreConfig | null {
  const url = args.one('store');
  if (url === undefined) return null;
  const location = parseStoreUrl(url);
  if (location instanceof Invalid) throw usageError(`--store: ${location.message}`);
  // A user's name alone is no secret.
  if (location.kind === 'redis' && /:\/\/[^@/]*:[^@/]*@/.test(location.url)) {
    throw usageError('--store: a password in an argument can be read by others; set "store" in a configuration file');
  }
  return { ...location, timeoutMs };
}

/** The address that an option names; null when it was not given. */
export function listenOption(args: Args, flag: string): ListenAddress | null {
  return readListen(args, flag, listenAddress()) ?? null;
}

/** The same where `off` stands for no listener at all: null; undefined when it was not given. */
export function listenOptionOrOff(args: Args, flag: string): ListenAddress | null | undefined {
  return readListen(args, flag, listenAddressOrOff());
}

function readListen<T>(args: Args, flag: string, schema: ZodType<T>): T | undefined {
  const text = args.one(flag);
  if (text === undefined) return undefined;
  const result = schema.safeParse(text);
  if (result.success) return result.data;
  throw usageError(`--${flag}: ${result.error.issues[0]?.message ?? 'is not an address'}`);
}

/** The configuration of an upstream that `--upstream` names. */
export function upstreamConfiguration(url: string, io: Io): LoadedConfig {
  try {
    return configForUpstream(url, io.environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw usageError(`--upstream: ${error.problems[0]?.message ?? 'is not an URL'}`);
  }
}
