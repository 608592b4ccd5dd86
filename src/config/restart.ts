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

/** The settings that differ and take effect only after a restart; a reload leaves them as they are. */
export function restartOnly(before: Config, after: Config): string[] {
  return FIXED.filter(([, read]) => !isDeepStrictEqual(read(before), read(after))).map(([path]) => path);
}
