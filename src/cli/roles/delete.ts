import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { confirm } from '../confirm.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { CHANGE_FLAGS, versionOf } from '../keys/common.ts';
import { YES_FLAG } from '../options.ts';
import { ROLE_ARGUMENT, roleOf } from './common.ts';

export const rolesDelete: Command = {
  words: ['roles', 'delete'],
  summary: 'Removes a role; keys that have it lose what it gave them.',
  arguments: [ROLE_ARGUMENT],
  flags: [YES_FLAG, ...CHANGE_FLAGS],
  notes: ['It asks, where somebody can answer; elsewhere --yes must be given.'],
  examples: ['latchkey roles delete on_call --yes'],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const version = versionOf(args);
  const role = await withClient(args, io, async (client) => {
    const found = await client.getRole(roleOf(args));
    if (!args.has('yes')) {
      const what = found.permissions.length === 0 ? 'nothing' : found.permissions.join(', ');
      io.say(oneLine(`The role ${found.name} gives ${what}. Every key that has it loses that within a second.`));
      await confirm(`Delete the role ${found.name}?`, args, io);
    }
    await client.deleteRole(found.name, version);
    return found;
  });
  io.out(args.has('json') ? JSON.stringify({ name: role.name, deleted: true }) : `The role ${role.name} is deleted.`);
  return DONE;
}
