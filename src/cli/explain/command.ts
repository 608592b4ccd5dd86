import { given } from '../../core/given.ts';
import type { ExplainRequest } from '../../management/schemas/explain.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command, Flag } from '../command.ts';
import { DONE, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { parseMoment } from '../keys/values.ts';
import { TARGET_FLAGS } from '../options.ts';
import { replayFlags } from './replay-flags.ts';
import { explanationText } from './text.ts';

/** Options that say what one request is, and in a replay what the key would be restricted to: there they may be repeated. */
const SHARED_FLAGS: readonly string[] = ['ip', 'user-agent'];

/** Options that say what one request is. */
const REQUEST_FLAGS: readonly Flag[] = [
  {
    name: 'key',
    value: 'ID',
    summary: 'The key that it comes with, by its id. In a replay: the only one, and the one that is changed.',
  },
  {
    name: 'request',
    value: 'ID',
    summary: 'A request in the log of a key (X-Request-Id); other options replace parts of it.',
  },
  {
    name: 'method',
    value: 'METHOD',
    summary: 'Its method.',
    suggestions: ['GET', 'POST', 'PUT', 'DELETE'],
  },
  { name: 'path', value: 'PATH', summary: 'Its path as a client sends it, perhaps with a query.' },
  {
    name: 'ip',
    value: 'ADDRESS',
    repeatable: true,
    summary: 'Where it comes from. In a replay: an address or CIDR that --key would be restricted to.',
  },
  {
    name: 'user-agent',
    value: 'TEXT',
    repeatable: true,
    mayBeEmpty: true,
    summary: 'Its User-Agent; empty: it has none. In a replay: a pattern that --key would be restricted to.',
  },
  {
    name: 'at',
    value: 'WHEN',
    summary: 'When it comes: 2027-01-01T17:00:00Z, 2027-01-01, 7d (from now). Now by default.',
  },
].map((flag) => ({ ...flag, group: 'One request' }));
const REPLAY_FLAGS = replayFlags(SHARED_FLAGS);
const REPLAYS = ['replay', 'replay-stored'] as const;

export const explain: Command = {
  words: ['explain'],
  summary: 'Says why a request passes or not, and what would let it through; or decides recorded requests again.',
  arguments: [],
  flags: [...REQUEST_FLAGS, ...REPLAY_FLAGS, ...TARGET_FLAGS],
  notes: [
    'Either --key, --method and --path, or --request. What is not given, like the address, is not looked at: where the answer depends on it, it says so. Nothing is spent, and nothing is changed.',
    'With --replay or --replay-stored, requests that were recorded are decided again, by another configuration or another key, and what differs is shown.',
    'The exit code is 0 when the request is explained, also when it is refused.',
  ],
  examples: [
    'latchkey explain --key key_0123456789abcdef01234567 --method GET --path /api/domains --ip 203.0.113.7',
    'latchkey explain --request req_0123456789abcdefghij',
    'latchkey explain --request req_0123456789abcdefghij --at 2027-01-01T17:00:00Z --json',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const replay = REPLAYS.find((name) => args.has(name));
  if (replay !== undefined) {
    refuseBeside(
      args,
      REQUEST_FLAGS,
      ['key', ...SHARED_FLAGS],
      `is about a single request; it goes without --${replay}`,
    );
    const { runReplay } = await import('./replay.ts');
    return runReplay(args, io);
  }
  refuseBeside(args, REPLAY_FLAGS, [], 'is for a replay; it needs --replay or --replay-stored');
  // Only now, as help and completion must be quick. A gateway would check it too, a store would not.
  const { explainRequest } = await import('../../management/schemas/explain.ts');
  const { checkBody } = await import('../../management/validate.ts');
  const body = checkBody(explainRequest, bodyOf(args, io));
  const explanation = await withClient(args, io, (client) => client.explain(body));
  if (args.has('json')) {
    io.out(JSON.stringify(explanation));
    return DONE;
  }
  io.out(explanationText(explanation, targetWords(args), io));
  for (const warning of explanation.warnings) io.say(oneLine(`latchkey: warning: ${warning}`));
  return DONE;
}

/** @throws CliError `USAGE` for options that would be passed over */
function refuseBeside(args: Args, flags: readonly Flag[], but: readonly string[], why: string): void {
  const wrong = flags.find(({ name }) => args.has(name) && !but.includes(name));
  if (wrong !== undefined) throw usageError(`--${wrong.name} ${why}`);
}

function bodyOf(args: Args, io: Io): ExplainRequest {
  for (const flag of SHARED_FLAGS) {
    if (args.all(flag).length > 1) throw usageError(`option --${flag} is given twice`);
  }
  if (!args.has('request')) mustSay(args);
  const at = args.one('at');
  return given({
    key_id: args.one('key'),
    request_id: args.one('request'),
    method: args.one('method')?.toUpperCase(),
    path: args.one('path'),
    ip_address: args.one('ip'),
    user_agent: args.one('user-agent'),
    at: at === undefined ? undefined : parseMoment('at', at, io.clock.now(), 1),
  });
}

function mustSay(args: Args): void {
  const missing = ['key', 'method', 'path'].find((name) => !args.has(name));
  if (missing === undefined) return;
  throw usageError(`option --${missing} is missing: give --key, --method and --path, or --request`);
}

/** The options that say which keys are meant, for a command that is to be run next. */
function targetWords(args: Args): string[] {
  return TARGET_FLAGS.flatMap(({ name, value }) => {
    if (!args.has(name)) return [];
    return value === undefined ? [`--${name}`] : [`--${name}`, args.one(name) ?? ''];
  });
}
