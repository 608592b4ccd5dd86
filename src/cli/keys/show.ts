import type { Args } from '../args.ts';
import type { Command } from '../command.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { keysConfig, withManagement } from '../management.ts';
import { ID_ARGUMENT, idOf, STORE_FLAGS } from './common.ts';
import { keyText, keyView } from './show-key.ts';

export const keysShow: Command = {
  words: ['keys', 'show'],
  summary: 'Shows all about one key but its secret, which nobody can see again.',
  arguments: [ID_ARGUMENT],
  flags: STORE_FLAGS,
  examples: [
    'latchkey keys show key_0123456789abcdef01234567',
    'latchkey keys show key_0123456789abcdef01234567 --json',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  await withManagement(await keysConfig(args, io), async (management) => {
    const view = await keyView(await management.keys.get(idOf(args)), management);
    io.out(args.has('json') ? JSON.stringify(view) : keyText(view, io));
  });
  return DONE;
}
