import { given } from '../../core/given.ts';
import type { ManagementClient } from '../../management/client.ts';
import type { LogEntry, LogList, LogQueryInput } from '../../management/schemas/usage.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command, Flag } from '../command.ts';
import { DONE, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { TARGET_FLAGS } from '../options.ts';
import { ID_ARGUMENT, idOf } from './common.ts';
import { logLine } from './log-lines.ts';
import { parseBounded, parseMoment } from './values.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 100_000;
/** Entries that are asked for at a time. */
const PAGE = 1_000;

const FLAGS: readonly Flag[] = [
  { name: 'from', value: 'WHEN', summary: 'Only since then: 1h (ago), 2027-01-01, 2027-01-01T17:00:00Z.' },
  { name: 'to', value: 'WHEN', summary: 'Only up to then, written like --from.' },
  {
    name: 'limit',
    value: 'N',
    summary: `The newest so many; ${DEFAULT_LIMIT} by default. With --follow: end after so many.`,
  },
  { name: 'status', value: 'STATUS', summary: 'Only answers with this status, or of this class: 404, 4xx.' },
  { name: 'method', value: 'METHOD', summary: 'Only requests with this method.' },
  { name: 'path', value: 'PREFIX', summary: 'Only requests whose path begins so.' },
  { name: 'would-deny', summary: 'Only requests that something in shadow would have denied.' },
  { name: 'after', value: 'TOKEN', summary: 'Go on, to older ones, where a list ended that said so.' },
  { name: 'follow', short: 'f', summary: 'Show requests as they come, until Ctrl-C.' },
];

export const keysLogs: Command = {
  words: ['keys', 'logs'],
  summary: 'Shows the requests that were made with a key.',
  arguments: [ID_ARGUMENT],
  flags: [...FLAGS, ...TARGET_FLAGS],
  notes: [
    'The newest request is the last line. With --json the answer is one document, newest first; with --follow, one object to a line.',
    'Each line: time in UTC, status, method, duration, address, path, the reason where it was refused or failed, what is in shadow and would have refused it, and the id of the request.',
  ],
  examples: [
    'latchkey keys logs key_0123456789abcdef01234567 --from 1h --status 4xx',
    'latchkey keys logs key_0123456789abcdef01234567 --follow',
    'latchkey keys logs key_0123456789abcdef01234567 --follow --json --limit 10',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const query = readQuery(args, io);
  if (args.has('follow')) return follow(args, io, query);
  const limit = readLimit(args) ?? DEFAULT_LIMIT;
  const list = await withClient(args, io, (client) => collect(client, idOf(args), query, args.one('after'), limit));
  if (args.has('json')) {
    io.out(JSON.stringify(list));
    return DONE;
  }
  if (list.logs.length === 0) io.say('No requests.');
  for (const entry of list.logs.toReversed()) io.out(logLine(entry, io));
  if (list.pagination.next !== null) io.say(oneLine(`There may be older ones: --after ${list.pagination.next}`));
  return DONE;
}

/** As many pages as it takes, as if they were one. */
async function collect(
  client: ManagementClient,
  id: string,
  query: LogQueryInput,
  after: string | undefined,
  limit: number,
): Promise<LogList> {
  const logs: LogEntry[] = [];
  let cursor = after;
  for (;;) {
    const page = await client.keyLogs(id, {
      ...query,
      limit: Math.min(PAGE, limit - logs.length),
      ...given({ cursor }),
    });
    logs.push(...page.logs);
    const { next } = page.pagination;
    if (next === null || logs.length >= limit) return { logs, pagination: { limit, next } };
    cursor = next;
  }
}

async function follow(args: Args, io: Io, query: LogQueryInput): Promise<number> {
  const contradicting = (['to', 'after'] as const).find((name) => args.has(name));
  if (contradicting !== undefined) throw usageError(`--follow has no end: --${contradicting} cannot be given with it`);
  const most = readLimit(args) ?? Number.POSITIVE_INFINITY;
  const json = args.has('json');
  const signal = io.interrupted();
  await withClient(args, io, async (client) => {
    let shown = 0;
    let position: string | undefined;
    // A client lets its followers go after a while, whoever still reads comes back.
    while (!signal.aborted) {
      for await (const followed of client.followLogs(idOf(args), query, signal, position)) {
        if (followed === null) continue;
        position = followed.position ?? position;
        io.out(json ? JSON.stringify(followed.entry) : logLine(followed.entry, io));
        if (++shown >= most) return;
      }
    }
  });
  return DONE;
}

function readLimit(args: Args): number | undefined {
  const text = args.one('limit');
  return text === undefined ? undefined : parseBounded('limit', text, 1, MAX_LIMIT);
}

function readQuery(args: Args, io: Io): LogQueryInput {
  const moment = (flag: 'from' | 'to'): string | undefined => {
    const text = args.one(flag);
    return text === undefined ? undefined : parseMoment(flag, text, io.clock.now(), -1);
  };
  const status = args.one('status');
  if (status !== undefined && !/^[1-5](?:\d\d|xx)$/.test(status)) {
    throw usageError(`--status: "${status}" is not a status; expected one like 404, or a class like 4xx`);
  }
  return given({
    from: moment('from'),
    to: moment('to'),
    status,
    method: args.one('method')?.toUpperCase(),
    path: args.one('path'),
    would_deny: args.has('would-deny') ? true : undefined,
  });
}
