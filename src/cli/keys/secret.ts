import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { TARGET_FLAGS } from '../options.ts';
import { ID_ARGUMENT, idOf } from './common.ts';

export const keysSecret: Command = {
  words: ['keys', 'secret'],
  summary: 'Shows the secret of a key again, where keys.recoverable keeps it. Each look is audited.',
  arguments: [ID_ARGUMENT],
  flags: TARGET_FLAGS,
  notes: [
    'Only for keys that were made or rotated since secrets are kept; "keys show" says so. The secret alone goes to standard output.',
  ],
  examples: ['latchkey keys secret key_0123456789abcdef01234567'],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const answer = await withClient(args, io, (client) => client.keySecret(idOf(args)));
  io.out(args.has('json') ? JSON.stringify(answer) : answer.secret);
  return DONE;
}
