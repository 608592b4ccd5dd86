import type { RoleAnswer } from '../../management/schemas/catalogue.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { timeText } from '../keys/show-key.ts';
import { TARGET_FLAGS } from '../options.ts';
import { type Column, table } from '../table.ts';

export const rolesList: Command = {
  words: ['roles', 'list'],
  summary: 'Lists roles: sets of permissions that keys can be given.',
  arguments: [],
  flags: TARGET_FLAGS,
  examples: ['latchkey roles list', 'latchkey roles list --json'],
  run,
};

const COLUMNS: readonly Column<RoleAnswer>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'PERMISSIONS', cell: ({ permissions }) => permissions.join(' '), shortest: 20 },
  { title: 'DESCRIPTION', cell: ({ description }) => description, shortest: 12, goes: 1 },
  { title: 'UPDATED', cell: (role) => timeText(role.updated_at), goes: 2 },
];

async function run(args: Args, io: Io): Promise<number> {
  const list = await withClient(args, io, (client) => client.listRoles());
  if (args.has('json')) io.out(JSON.stringify(list));
  else if (list.roles.length === 0) io.say('No roles.');
  else io.out(table(COLUMNS, list.roles, io));
  return DONE;
}
