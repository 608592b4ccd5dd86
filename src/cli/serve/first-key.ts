import type { Config } from '../../config/config.ts';
import { StoreError } from '../../core/ports.ts';
import type { Args } from '../args.ts';
import type { Io } from '../io.ts';
import { withManagement } from '../management.ts';
import { configWords, pasteable } from './paste.ts';

/** Tells whoever starts a gateway without a single key how to make one. */
export async function adviseFirstKey(config: Config, args: Args, io: Io): Promise<void> {
  if (!(await hasNoKeys(config))) return;
  const may = config.file === null ? ', and any key may do anything' : '';
  io.say(`There is no key yet, so every request is refused${may}. To make one:`);
  io.say(`  ${createLine(config, args, io)}`);
}

async function hasNoKeys(config: Config): Promise<boolean> {
  try {
    return await withManagement(config, async ({ client }) => {
      const { keys, unreadable } = await client.listKeys({ limit: 1 });
      return keys.length + unreadable.length === 0;
    });
  } catch (error) {
    // The gateway runs; a store that does not answer a second time is for its log to tell.
    if (error instanceof StoreError) return false;
    throw error;
  }
}

/** A command line that makes a key for this very gateway when it is pasted. */
function createLine(config: Config, args: Args, io: Io): string {
  const words = ['npx', 'latchkey', 'keys', 'create', '--name', 'first'];
  words.push('--type', Object.keys(config.keyTypes)[0] ?? 'personal');
  const [preset] = Object.keys(config.presets);
  if (preset !== undefined) words.push('--preset', preset);
  words.push(...configWords(config, args, io));
  const store = args.one('store');
  if (store !== undefined) words.push('--store', store);
  return pasteable(words);
}
