import { given } from '../../core/given.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { TARGET_FLAGS } from '../options.ts';
import { checkTexts, DESCRIPTION_FLAG, namedWithoutOption, PERMISSION_FLAG, ROLE_ARGUMENT, roleOf } from './common.ts';

export const rolesCreate: Command = {
  words: ['roles', 'create'],
  summary: 'Makes a role, which keys are then given with --role.',
  arguments: [ROLE_ARGUMENT],
  flags: [PERMISSION_FLAG, DESCRIPTION_FLAG, ...TARGET_FLAGS],
  examples: ['latchkey roles create on_call --permission incidents:* --permission domains:read'],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const body = {
    name: roleOf(args),
    permissions: [...args.all('permission')],
    ...given({ description: args.one('description') }),
  };
  const role = await withClient(args, io, async (client) => {
    try {
      await checkTexts({ ...body, permissions: [] });
      return await client.createRole(body);
    } catch (error) {
      throw namedWithoutOption(error);
    }
  });
  io.out(args.has('json') ? JSON.stringify(role) : `The role ${role.name} is made.`);
  return DONE;
}
