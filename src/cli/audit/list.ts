import { AUDIT_ACTIONS } from '../../core/audit.ts';
import { given } from '../../core/given.ts';
import type { ManagementClient } from '../../management/client.ts';
import type { AuditEntryAnswer, AuditList, AuditQueryInput } from '../../management/schemas/audit.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { parseBounded, parseChoice, parseMoment } from '../keys/values.ts';
import { TARGET_FLAGS } from '../options.ts';
import { type Column, table } from '../table.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 100_000;
/** Entries that are asked for at a time. */
const PAGE = 1_000;

export const auditList: Command = {
  words: ['audit', 'list'],
  summary: 'Shows who managed what, newest first.',
  arguments: [],
  flags: [
    { name: 'actor', value: 'NAME', summary: 'Only what they did: the subject of a token, or local:USER.' },
    { name: 'action', value: 'ACTION', summary: 'Only this: key.create, key.revoke, …', suggestions: AUDIT_ACTIONS },
    { name: 'target', value: 'ID', summary: 'Only what was done to this key or role.' },
    { name: 'from', value: 'WHEN', summary: 'Only since then: 7d (ago), 2027-01-01, 2027-01-01T17:00:00Z.' },
    { name: 'to', value: 'WHEN', summary: 'Only up to then, written like --from.' },
    { name: 'limit', value: 'N', summary: `At most so many; ${DEFAULT_LIMIT} by default.` },
    { name: 'after', value: 'TOKEN', summary: 'Go on, to older ones, where a list ended that said so.' },
    ...TARGET_FLAGS,
  ],
  notes: ['With --json each entry has what was changed, as it was and as it is, and its place in the chain.'],
  examples: [
    'latchkey audit list --from 7d',
    'latchkey audit list --target key_0123456789abcdef01234567 --json',
    'latchkey audit list --action key.secret_read',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const limit = parseBounded('limit', args.one('limit') ?? String(DEFAULT_LIMIT), 1, MAX_LIMIT);
  const query = readQuery(args, io);
  const list = await withClient(args, io, (client) => collect(client, query, args.one('after'), limit));
  if (args.has('json')) {
    io.out(JSON.stringify(list));
    return DONE;
  }
  if (list.entries.length === 0) io.say('No entries.');
  else io.out(table(COLUMNS, list.entries, io));
  if (list.pagination.next !== null) io.say(oneLine(`There may be older ones: --after ${list.pagination.next}`));
  return DONE;
}

function readQuery(args: Args, io: Io): AuditQueryInput {
  const moment = (flag: 'from' | 'to'): string | undefined => {
    const text = args.one(flag);
    return text === undefined ? undefined : parseMoment(flag, text, io.clock.now(), -1);
  };
  const action = args.one('action');
  return given({
    actor: args.one('actor'),
    action: action === undefined ? undefined : parseChoice('action', action, AUDIT_ACTIONS),
    target: args.one('target'),
    from: moment('from'),
    to: moment('to'),
  });
}

/** As many pages as it takes, as if they were one. */
async function collect(
  client: ManagementClient,
  query: AuditQueryInput,
  after: string | undefined,
  limit: number,
): Promise<AuditList> {
  const entries: AuditEntryAnswer[] = [];
  let cursor = after;
  for (;;) {
    const size = Math.min(PAGE, limit - entries.length);
    const page = await client.auditLogs({ ...query, limit: size, ...given({ cursor }) });
    entries.push(...page.entries);
    const { next } = page.pagination;
    if (next === null || entries.length >= limit) return { entries, pagination: { limit, next } };
    cursor = next;
  }
}

const COLUMNS: readonly Column<AuditEntryAnswer>[] = [
  { title: 'NO', cell: ({ seq }) => String(seq), right: true },
  { title: 'TIME', cell: ({ timestamp }) => `${timestamp.slice(0, 10)} ${timestamp.slice(11, 19)}Z` },
  { title: 'ACTOR', cell: ({ actor }) => actor, shortest: 10 },
  { title: 'FROM', cell: ({ from }) => from, shortest: 9, goes: 2 },
  { title: 'ACTION', cell: ({ action }) => action },
  { title: 'TARGET', cell: ({ target }) => target ?? '' },
  { title: 'CHANGED', cell: changedNames, shortest: 10, goes: 1 },
];

/** The names of what is different; '' for what is new or gone as a whole. */
function changedNames({ before, after }: AuditEntryAnswer): string {
  if (before === null || typeof before !== 'object' || after === null || typeof after !== 'object') return '';
  return Object.keys(after).join(', ');
}
