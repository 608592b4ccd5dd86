import { given } from '../../core/given.ts';
import { KEY_SORTS, type KeySort } from '../../core/ports.ts';
import type { ManagementClient } from '../../management/client.ts';
import type { KeyAnswer, KeyList, KeyListQuery } from '../../management/schemas/key.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { TARGET_FLAGS } from '../options.ts';
import { type Column, table } from '../table.ts';
import { FILTER_FLAGS, type Filters, readFilters } from './filters.ts';
import { paintStatus, timeText } from './show-key.ts';
import { parseBounded, parseChoice } from './values.ts';

const DEFAULT_LIMIT = 1_000;
/** Keys that one answer holds in memory. */
const MAX_LIMIT = 100_000;
/** Keys that are asked for at a time. */
const PAGE = 500;

export const keysList: Command = {
  words: ['keys', 'list'],
  summary: 'Lists keys, newest first.',
  arguments: [],
  flags: [
    ...FILTER_FLAGS,
    {
      name: 'sort',
      value: 'FIELD',
      summary: `By what: ${KEY_SORTS.join(', ')}; "-" for the other way round.`,
      suggestions: KEY_SORTS,
    },
    { name: 'limit', value: 'N', summary: `At most so many keys; ${DEFAULT_LIMIT} by default.` },
    { name: 'after', value: 'TOKEN', summary: 'Go on where a list ended that said so ("pagination.next" in JSON).' },
    ...TARGET_FLAGS,
  ],
  notes: ['On a terminal the table is made to fit. A sort that begins with "-" is written --sort=-name.'],
  examples: [
    'latchkey keys list',
    'latchkey keys list --owner alice --status active',
    'latchkey keys list --expiring-before 7d --sort expires_at',
    'latchkey keys list --json --limit 100',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const limit = parseBounded('limit', args.one('limit') ?? String(DEFAULT_LIMIT), 1, MAX_LIMIT);
  const sort = args.one('sort');
  const query = {
    ...readFilters(args, io),
    ...given({ sort: sort === undefined ? undefined : parseChoice<KeySort>('sort', sort, KEY_SORTS) }),
  };
  const listing = await withClient(args, io, (client) => collect(client, query, args.one('after'), limit));
  for (const id of listing.unreadable) io.say(oneLine(`latchkey: ${id} cannot be read; "keys show" says more`));
  if (args.has('json')) {
    io.out(JSON.stringify(listing));
    return DONE;
  }
  if (listing.keys.length === 0) io.say('No keys.');
  else io.out(table(columnsFor(io), listing.keys, io));
  const { next } = listing.pagination;
  if (next !== null) io.say(oneLine(`There may be more: --after ${next}`));
  return DONE;
}

/** As many pages as it takes, as if they were one. */
async function collect(
  client: ManagementClient,
  query: Filters & Pick<KeyListQuery, 'sort'>,
  after: string | undefined,
  limit: number,
): Promise<KeyList> {
  const keys: KeyAnswer[] = [];
  const unreadable: string[] = [];
  let cursor = after;
  for (;;) {
    // Never more than still fit: `next` stands at the end of a page, not in the middle.
    const size = Math.min(PAGE, limit - keys.length);
    const page = await client.listKeys({ ...query, limit: size, ...given({ cursor }) });
    keys.push(...page.keys);
    unreadable.push(...page.unreadable);
    const { next } = page.pagination;
    if (next === null || keys.length >= limit) {
      return { keys, unreadable, pagination: { ...page.pagination, limit, next } };
    }
    cursor = next;
  }
}

function columnsFor(io: Io): readonly Column<KeyAnswer>[] {
  return [
    { title: 'ID', cell: ({ id }) => id },
    { title: 'NAME', cell: ({ name }) => name, shortest: 10 },
    { title: 'TYPE', cell: ({ type }) => type, shortest: 8, goes: 3 },
    { title: 'OWNER', cell: ({ owner }) => owner, shortest: 8 },
    { title: 'STATUS', cell: ({ status }) => status, paint: (text, { status }) => paintStatus(status, text, io) },
    { title: 'HINT', cell: ({ hint }) => hint, goes: 5 },
    { title: 'TIER', cell: ({ tier }) => tier, shortest: 8, goes: 6 },
    { title: 'EXPIRES', cell: (key) => timeText(key.expires_at), goes: 1 },
    { title: 'LAST USED', cell: (key) => timeText(key.last_used), goes: 2 },
    { title: 'TODAY', cell: ({ usage }) => String(usage.requests_today), right: true, goes: 4 },
    { title: 'MONTH', cell: ({ usage }) => String(usage.requests_this_month), right: true, goes: 4 },
  ];
}
