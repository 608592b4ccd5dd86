import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { TARGET_FLAGS } from '../options.ts';
import { ROLE_ARGUMENT, roleOf, roleText } from './common.ts';

export const rolesShow: Command = {
  words: ['roles', 'show'],
  summary: 'Shows one role and what it gives.',
  arguments: [ROLE_ARGUMENT],
  flags: TARGET_FLAGS,
  examples: ['latchkey roles show on_call'],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const role = await withClient(args, io, (client) => client.getRole(roleOf(args)));
  io.out(args.has('json') ? JSON.stringify(role) : roleText(role, io));
  return DONE;
}
