import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config.ts';

/** Settings that are fixed when the process starts; docs/configuration.md marks the same ones. */
const FIXED: readonly (readonly [path: string, read: (config: Config) => unknown])[] = [
  ['proxy.listen', (config) => config.proxy.listen],
  ['proxy.max_header_size', (config) => config.proxy.maxHeaderBytes],
  ['management.listen', (config) => config.management.listen],
  ['management.jwt', (config) => config.management.jwt],
  ['management.max_body_size', (config) => config.management.maxBodyBytes],
  ['health', (config) => config.health],
  ['store', (config) => config.store],
  ['cache', (config) => config.cache],
  ['keys.peppers', (config) => config.keys.peppers],
  ['keys.recoverable', (config) => config.keys.recoverableUnder],
  ['country', (config) => config.places.countryDatabase],
  ['tor', (config) => config.places.torList],
  ['failures', (config) => config.failures],
  ['log.format', (config) => config.log.format],
];

/** The paths of all settings that need a restart. */
export const RESTART_SETTINGS: readonly string[] = FIXED.map(([path]) => path);

/** A configuration as a process that runs since `started` takes it over: what needs a restart stays as it was then. */
export function asStarted(started: Config, next: Config): Config {
  const { listen, maxHeaderBytes } = started.proxy;
  const { peppers, recoverableUnder } = started.keys;
  const { management } = started;
  return {
    ...next,
    proxy: { ...next.proxy, listen, maxHeaderBytes },
    management: {
      ...next.management,
      listen: management.listen,
      jwt: management.jwt,
      maxBodyBytes: management.maxBodyBytes,
    },
    health: started.health,
    store: started.store,
    cache: started.cache,
    keys: { ...next.keys, peppers, recoverableUnder },
    places: started.places,
    failures: started.failures,
    log: { ...next.log, format: started.log.format },
  };
}

/** The settings that differ and take effect only after a restart; a reload leaves them as they are. */
export function restartOnly(before: Config, after: Config): string[] {
  return FIXED.filter(([, read]) => !isDeepStrictEqual(read(before), read(after))).map(([path]) => path);
}
