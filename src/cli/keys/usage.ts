import { given } from '../../core/given.ts';
import type { ManagementClient } from '../../management/client.ts';
import type { TotalUsageAnswer, UsageQuery } from '../../management/schemas/usage.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { TARGET_FLAGS } from '../options.ts';
import { ID_ARGUMENT } from './common.ts';
import { usageText } from './usage-text.ts';
import { parseChoice } from './values.ts';

const INTERVALS = ['hour', 'day'] as const;

export const keysUsage: Command = {
  words: ['keys', 'usage'],
  summary: 'Shows how much a key was used, or the keys of an owner, or all.',
  arguments: [{ ...ID_ARGUMENT, optional: true }],
  flags: [
    { name: 'owner', value: 'ID', summary: 'All keys of this owner, instead of one key.' },
    { name: 'all', summary: 'All keys there are, instead of one.' },
    {
      name: 'period',
      value: 'DAYS',
      summary: 'So many days, today included: 30d by default.',
      suggestions: ['1d', '7d', '30d'],
    },
    {
      name: 'interval',
      value: 'STEP',
      summary: 'Steps of the chart: hour or day. Hours for 31 days at most.',
      suggestions: INTERVALS,
    },
    ...TARGET_FLAGS,
  ],
  notes: ['Days and hours are those of UTC. Requests are counted a moment after they were answered.'],
  examples: [
    'latchkey keys usage key_0123456789abcdef01234567',
    'latchkey keys usage key_0123456789abcdef01234567 --period 2d --interval hour',
    'latchkey keys usage --owner devops-team --json',
    'latchkey keys usage --all --period 7d',
  ],
  run,
};

interface Subject {
  readonly title: string;
  ask(client: ManagementClient, query: UsageQuery): Promise<TotalUsageAnswer>;
}

async function run(args: Args, io: Io): Promise<number> {
  const subject = subjectOf(args);
  const interval = args.one('interval');
  const query = given({
    period: readPeriod(args.one('period')),
    interval: interval === undefined ? undefined : parseChoice('interval', interval, INTERVALS),
  });
  const usage = await withClient(args, io, (client) => subject.ask(client, query));
  io.out(args.has('json') ? JSON.stringify(usage) : usageText(subject.title, usage, io));
  return DONE;
}

function subjectOf(args: Args): Subject {
  const [id] = args.positionals;
  const owner = args.one('owner');
  const given = [id, owner, args.has('all') ? true : undefined].filter((each) => each !== undefined);
  if (given.length !== 1) throw usageError('expected one of: the id of a key, --owner ID, --all');
  if (id !== undefined) return { title: id, ask: (client, query) => client.keyUsage(id, query) };
  if (owner === undefined) return { title: 'All keys', ask: (client, query) => client.totalUsage(query) };
  return { title: `Keys of ${owner}`, ask: (client, query) => client.ownerUsage(owner, query) };
}

function readPeriod(text: string | undefined): string | undefined {
  if (text === undefined || /^[1-9]\d{0,2}d$/.test(text)) return text;
  throw usageError(`--period: "${text}" is not a number of days; expected one like 30d`);
}
