import type { Config } from '../../config/config.ts';
import type { Args } from '../args.ts';
import type { Io } from '../io.ts';
import { keysConfig } from '../management.ts';
import { LOCAL_OPTIONS } from '../options.ts';

/**
 * The configuration of a command that works on stores only. Who has set LATCHKEY_SERVER for the others may believe that
 * this one asks that server too: unless an option names something else, it says where it works.
 */
export async function storeConfig(args: Args, io: Io): Promise<Config> {
  const config = await keysConfig(args, io);
  if (io.environment['LATCHKEY_SERVER'] && !LOCAL_OPTIONS.some((name) => args.has(name))) {
    // As in keysConfig: help and completion must be quick.
    const { storeText } = await import('../serve/announce.ts');
    io.say(`latchkey: warning: LATCHKEY_SERVER is not asked; this works on the store ${storeText(config)}`);
  }
  return config;
}
