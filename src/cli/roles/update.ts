import { given } from '../../core/given.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { CHANGE_FLAGS, versionOf } from '../keys/common.ts';
import { checkTexts, DESCRIPTION_FLAG, PERMISSION_FLAG, ROLE_ARGUMENT, roleOf } from './common.ts';

const CLEARABLE = ['permissions'];

export const rolesUpdate: Command = {
  words: ['roles', 'update'],
  summary: 'Changes a role, and with it every key that has it.',
  arguments: [ROLE_ARGUMENT],
  flags: [
    PERMISSION_FLAG,
    DESCRIPTION_FLAG,
    { name: 'clear', value: 'WHAT', summary: 'Empty: permissions.', suggestions: CLEARABLE },
    ...CHANGE_FLAGS,
  ],
  notes: ['--permission replaces all permissions of the role. Gateways act on it within a second.'],
  examples: ['latchkey roles update on_call --permission incidents:* --permission domains:*'],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const version = versionOf(args);
  const cleared = args.one('clear');
  if (cleared !== undefined && !CLEARABLE.includes(cleared)) {
    throw usageError(`--clear: "${cleared}" is not known; expected permissions`);
  }
  const replaces = args.has('permission') || cleared !== undefined;
  if (!replaces && !args.has('description')) {
    throw usageError('nothing to change: give at least one option; see latchkey roles update --help');
  }
  const body = given({
    permissions: replaces ? [...args.all('permission')] : undefined,
    description: args.one('description'),
  });
  await checkTexts({ name: 'any', permissions: [], ...given({ description: args.one('description') }) });
  const role = await withClient(args, io, (client) => client.updateRole(roleOf(args), body, version));
  io.out(args.has('json') ? JSON.stringify(role) : `The role ${role.name} is updated.`);
  return DONE;
}
