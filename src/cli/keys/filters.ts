import { given } from '../../core/given.ts';
import { isPermission } from '../../core/permission.ts';
import type { KeyListQuery } from '../../management/schemas/key.ts';
import type { Args } from '../args.ts';
import type { Flag } from '../command.ts';
import { usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { parseChoice, parseMoment } from './values.ts';

const STATUSES = ['active', 'disabled', 'revoked', 'expired'] as const;

/** The options that choose keys. */
export const FILTER_FLAGS: readonly Flag[] = [
  {
    name: 'type',
    value: 'TYPE',
    summary: 'Only keys of this type.',
    suggestions: ['personal', 'organization', 'service'],
  },
  { name: 'owner', value: 'ID', summary: 'Only keys of this owner.' },
  { name: 'status', value: 'STATUS', summary: `Only ${STATUSES.join(', ')} keys.`, suggestions: STATUSES },
  { name: 'permission', value: 'R:A', summary: 'Only keys that may do this, by a wildcard too.' },
  {
    name: 'expiring-before',
    value: 'WHEN',
    summary: 'Only keys that end before then and have not ended yet: 7d (from now), 2027-01-01, …',
  },
  { name: 'search', value: 'TEXT', summary: 'Only keys with this text in id, name, owner, description or hint.' },
];

export type Filters = Pick<KeyListQuery, 'type' | 'owner' | 'status' | 'permission' | 'expiring_before' | 'q'>;

/** @throws CliError `USAGE` for a value that makes no sense */
export function readFilters(args: Args, io: Io): Filters {
  const status = args.one('status');
  const before = args.one('expiring-before');
  return given({
    type: args.one('type'),
    owner: args.one('owner'),
    status: status === undefined ? undefined : parseChoice('status', status, STATUSES),
    permission: readPermission(args.one('permission')),
    expiring_before: before === undefined ? undefined : parseMoment('expiring-before', before, io.clock.now(), 1),
    q: args.one('search'),
  });
}

function readPermission(text: string | undefined): string | undefined {
  if (text === undefined || isPermission(text)) return text;
  throw usageError(`--permission: "${text}" is not a permission; expected resource:action, resource:* or *`);
}
