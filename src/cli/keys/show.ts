import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { TARGET_FLAGS } from '../options.ts';
import { ID_ARGUMENT, idOf } from './common.ts';
import { keyText } from './show-key.ts';

export const keysShow: Command = {
  words: ['keys', 'show'],
  summary: 'Shows all about one key but its secret.',
  arguments: [ID_ARGUMENT],
  flags: TARGET_FLAGS,
  examples: [
    'latchkey keys show key_0123456789abcdef01234567',
    'latchkey keys show key_0123456789abcdef01234567 --json',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const key = await withClient(args, io, (client) => client.getKey(idOf(args)));
  io.out(args.has('json') ? JSON.stringify(key) : keyText(key, io));
  return DONE;
}
