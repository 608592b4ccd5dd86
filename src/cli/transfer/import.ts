import type { Config } from '../../config/config.ts';
import { KEY_COLUMNS } from '../../management/transfer/columns.ts';
import { SIMPLE_RESTRICTIONS } from '../../restrictions/index.ts';
import type { Args } from '../args.ts';
import type { Argument, Command, Flag } from '../command.ts';
import { usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { STORE_FLAGS } from '../keys/common.ts';
import { parseChoice } from '../keys/values.ts';
import { withManagement } from '../management.ts';
import { bringBack } from './bring-back.ts';
import { type BroughtIn, bringIn } from './bring-in.ts';
import { type Input, looksLikeBackup, openInput } from './input.ts';
import { DEFAULT_FLAGS, DRY_RUN_FLAG, readDefaults, SKIP_INVALID_FLAG, WEAK_FLAG } from './list-options.ts';
import { showReport } from './show-report.ts';
import { storeConfig } from './store-config.ts';

const FORMATS = ['backup', 'keys'] as const;
const ON_CONFLICT = ['skip', 'fail'] as const;

export const FILE_ARGUMENT: Argument = { name: 'FILE', what: 'a file, or - for standard input' };

/** What is said of a list, and of a backup makes no sense: it says all itself. */
const LIST_FLAGS: readonly Flag[] = [...DEFAULT_FLAGS, WEAK_FLAG];

export const importCommand: Command = {
  words: ['import'],
  summary: 'Brings keys in: a backup, or the keys that the callers of an API have already.',
  arguments: [FILE_ARGUMENT],
  flags: [
    {
      name: 'format',
      value: 'FORMAT',
      summary: 'backup or keys; without it, what the file looks like.',
      suggestions: FORMATS,
    },
    DRY_RUN_FLAG,
    SKIP_INVALID_FLAG,
    {
      name: 'on-conflict',
      value: 'WHAT',
      summary:
        'skip leaves what is there already as it is, fail writes nothing then. A backup fails where a key differs; a list skips.',
      suggestions: ON_CONFLICT,
    },
    ...LIST_FLAGS,
    ...STORE_FLAGS,
  ],
  notes: [
    `A list of keys is CSV with a header, a JSON array, or one JSON object to a line. Its columns are name, secret (or key, value, token) or sha256 (or hash), and optionally type, owner, permissions, preset, roles, tier, expires_at, created_at, description, ${SIMPLE_RESTRICTIONS.map(({ field }) => field).join(', ')} and metadata.NAME. The options say what holds for rows that do not: a row that grants anything of its own gets no permission, preset or role from them.`,
    'All of a file is checked before any of it is written. It can be run again: a key whose secret is there already is left as it is. A backup keeps ids, times, states and hashes, and must be whole.',
  ],
  examples: [
    'latchkey import backup.jsonl --dry-run',
    'latchkey import keys.csv --type service --preset read_only --dry-run',
    "psql -c 'COPY (SELECT name, sha256 FROM api_keys) TO STDOUT CSV HEADER' | latchkey import - --type service --permission '*'",
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const named = args.one('format');
  const format = named === undefined ? undefined : parseChoice('format', named, FORMATS);
  const choice = args.one('on-conflict');
  const onConflict = choice === undefined ? undefined : parseChoice('on-conflict', choice, ON_CONFLICT);
  const config = await storeConfig(args, io);
  const input = await openInput(args.positionals[0] ?? '');
  try {
    const isRestore = format === undefined ? await looksLikeBackup(input) : format === 'backup';
    if (isRestore) refuseListFlags(args);
    const { report, failure } = await bring(args, io, config, input, isRestore, onConflict);
    const code = showReport(report, io, args.has('json'));
    if (failure !== null) throw failure;
    return code;
  } finally {
    await input.close();
  }
}

function bring(
  args: Args,
  io: Io,
  config: Config,
  input: Input,
  isRestore: boolean,
  onConflict: (typeof ON_CONFLICT)[number] | undefined,
): Promise<BroughtIn> {
  const failsOnPresent = (onConflict ?? (isRestore ? 'fail' : 'skip')) === 'fail';
  // Read before the store is opened: it is the command line that may be wrong.
  const defaults = isRestore ? {} : readDefaults(args, io);
  return withManagement(config, (management) => {
    const given = { args, io, config, management, input, failsOnPresent };
    return isRestore ? bringBack(given) : bringIn({ ...given, verb: 'import', columns: KEY_COLUMNS, defaults });
  });
}

function refuseListFlags(args: Args): void {
  const given = LIST_FLAGS.find(({ name }) => args.has(name));
  if (given === undefined) return;
  throw usageError(`--${given.name} is for a list of keys; in a backup each key says all about itself`);
}
