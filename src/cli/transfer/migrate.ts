import { V1_COLUMNS } from '../../management/transfer/columns.ts';
import type { Args } from '../args.ts';
import type { Command } from '../command.ts';
import { CliError, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { STORE_FLAGS } from '../keys/common.ts';
import { withManagement } from '../management.ts';
import { bringIn } from './bring-in.ts';
import { FILE_ARGUMENT } from './import.ts';
import { looksLikeBackup, openInput } from './input.ts';
import { DEFAULT_FLAGS, DRY_RUN_FLAG, readDefaults, SKIP_INVALID_FLAG, WEAK_FLAG } from './list-options.ts';
import { writeFileWhole } from './output.ts';
import { showReport } from './show-report.ts';
import { storeConfig } from './store-config.ts';

/** Keys of an account belong to programs, not to persons. */
const USUAL_TYPE = 'service';

export const migrateCommand: Command = {
  words: ['migrate'],
  summary: 'Moves account-wide keys over: they keep their value and get the permissions that you choose.',
  arguments: [FILE_ARGUMENT],
  flags: [
    ...DEFAULT_FLAGS,
    DRY_RUN_FLAG,
    SKIP_INVALID_FLAG,
    WEAK_FLAG,
    { name: 'report', value: 'FILE', summary: 'Write there in JSON what became of each key.' },
    ...STORE_FLAGS,
  ],
  notes: [
    'The file is the list of an account: CSV with the columns Name, Value and Created, a JSON array of such objects, or {"keys": […]}. One of --permission, --preset and --role must be given: nothing gets full access unless you say so. The type is service unless --type says another.',
    'It can be interrupted, and run again: keys that were migrated are known by their value and left as they are.',
  ],
  examples: [
    'latchkey migrate v1-keys.csv --preset read_only --dry-run',
    'latchkey migrate v1-keys.json --permission domains:read --permission domains:write --owner team-a --report report.json',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  if (!['permission', 'preset', 'role'].some((name) => args.has(name))) {
    throw usageError(
      "choose what the keys may do: --permission, --preset or --role; --permission '*' is what they could do before",
    );
  }
  const defaults = { type: USUAL_TYPE, ...readDefaults(args, io) };
  const config = await storeConfig(args, io);
  const input = await openInput(args.positionals[0] ?? '');
  try {
    if (await looksLikeBackup(input)) {
      throw new CliError('INPUT_INVALID', `${input.name} is a backup of Latchkey; "latchkey import" reads it`);
    }
    const { report, failure } = await withManagement(config, (management) =>
      bringIn({
        args,
        io,
        config,
        management,
        input,
        defaults,
        verb: 'migrate',
        columns: V1_COLUMNS,
        failsOnPresent: false,
      }),
    );
    const code = showReport(report, io, args.has('json'));
    const file = args.one('report');
    if (file !== undefined) await writeFileWhole(file, [`${JSON.stringify(report.json(), null, 2)}\n`]);
    if (failure !== null) throw failure;
    return code;
  } finally {
    await input.close();
  }
}
