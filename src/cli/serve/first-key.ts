import type { Config } from '../../config/config.ts';
import { StoreError } from '../../core/ports.ts';
import type { Args } from '../args.ts';
import { foundConfigFile } from '../configuration.ts';
import type { Io } from '../io.ts';
import { withManagement } from '../management.ts';

/** Tells whoever starts a gateway without a single key how to make one. */
export async function adviseFirstKey(config: Config, args: Args, io: Io): Promise<void> {
  if (!(await hasNoKeys(config))) return;
  const may = config.file === null ? ', and any key may do anything' : '';
  io.say(`There is no key yet, so every request is refused${may}. To make one:`);
  io.say(`  ${createLine(config, args, io)}`);
}

async function hasNoKeys(config: Config): Promise<boolean> {
  try {
    return await withManagement(config, async ({ store }) => (await store.keys.list({ limit: 1 })).keys.length === 0);
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
  const file = args.one('config');
  if (file !== undefined) words.push('--config', file);
  // Another file's store, prefix or peppers would make a key that this gateway does not know.
  else if (config.file === null && foundConfigFile(io) !== null) words.push('--no-config');
  const store = args.one('store');
  if (store !== undefined) words.push('--store', store);
  return words.map(shellWord).join(' ');
}

function shellWord(word: string): string {
  return /^[\w./:@=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
