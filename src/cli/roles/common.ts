import { ManagementError } from '../../management/failures.ts';
import type { RoleAnswer, RoleCreate } from '../../management/schemas/catalogue.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import type { Argument, Flag } from '../command.ts';
import type { Io } from '../io.ts';
import { timeText } from '../keys/show-key.ts';

export const ROLE_ARGUMENT: Argument = { name: 'NAME', what: 'the name of a role, like on_call' };

export const PERMISSION_FLAG: Flag = {
  name: 'permission',
  value: 'R:A',
  repeatable: true,
  summary: 'What it gives: domains:read, domains:* or *.',
};

export const DESCRIPTION_FLAG: Flag = {
  name: 'description',
  value: 'TEXT',
  mayBeEmpty: true,
  summary: 'What it is for.',
};

/** The name that ROLE_ARGUMENT stands for. */
export function roleOf(args: Args): string {
  return args.positionals[0] ?? '';
}

/** All about one role, for a person. */
export function roleText(role: RoleAnswer, io: Io): string {
  const rows: [label: string, value: string][] = [
    ['Name', role.name],
    ['Description', role.description],
    ['Permissions', role.permissions.length === 0 ? 'none' : role.permissions.join(', ')],
    ['Created', timeText(role.created_at)],
    ['Updated', timeText(role.updated_at)],
    ['Version', String(role.version)],
  ];
  return rows
    .filter(([, value]) => value !== '')
    .map(([label, value]) => `${io.paint('dim', label.padEnd(14))}${oneLine(value)}`)
    .join('\n');
}

/** The name is no option here: what is wrong with it is told without one. */
export function namedWithoutOption(error: unknown): unknown {
  if (!(error instanceof ManagementError)) return error;
  const ofName = error.errors.filter(({ pointer }) => pointer === '/name');
  if (ofName.length === 0) return error;
  const errors = error.errors.map((fault) =>
    fault.pointer === '/name' ? { pointer: '', detail: `NAME: ${fault.detail}` } : fault,
  );
  return new ManagementError(error.code, error.message, errors);
}

/**
 * Checks what is said of a role besides its permissions, as the API would: on the store itself nobody else does.
 *
 * @throws ManagementError validation_failed
 */
export async function checkTexts(body: RoleCreate): Promise<void> {
  const [{ roleCreate }, { checkBody }] = await Promise.all([
    import('../../management/schemas/catalogue.ts'),
    import('../../management/validate.ts'),
  ]);
  checkBody(roleCreate, body);
}
