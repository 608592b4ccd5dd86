import type { Config } from '../../config/config.ts';
import type { StoreError } from '../../core/ports.ts';
import { createSecretHasher } from '../../keys/hasher.ts';
import type { Columns } from '../../management/transfer/columns.ts';
import type { RowFault } from '../../management/transfer/fault.ts';
import type { KeyDefaults } from '../../management/transfer/key-row.ts';
import { type Planned, planKeys } from '../../management/transfer/plan.ts';
import { readRows } from '../../management/transfer/rows.ts';
import { wholeText } from '../../management/transfer/text.ts';
import type { Management } from '../../wiring.ts';
import type { Args } from '../args.ts';
import type { Io } from '../io.ts';
import type { Input } from './input.ts';
import { checkDefaults, minSecretLength } from './list-options.ts';
import { Report } from './report.ts';
import { namingFile, writeKeys } from './write-keys.ts';

/** The largest list of keys; it is in memory as a whole. */
const MAX_LIST_BYTES = 128 * 1024 * 1024;

export interface BringIn {
  readonly args: Args;
  readonly io: Io;
  readonly config: Config;
  readonly management: Management;
  readonly input: Input;
  readonly verb: 'import' | 'migrate';
  readonly columns: Columns;
  readonly defaults: KeyDefaults;
  /** Whether a key that is there already is in the way. */
  readonly failsOnPresent: boolean;
}

/** What became of it; `failure` is what the store ended it with. */
export interface BroughtIn {
  readonly report: Report;
  readonly failure: StoreError | null;
}

/** Stores the keys of a list: all of it is read and checked before the first is written. */
export async function bringIn(given: BringIn): Promise<BroughtIn> {
  const { args, columns, config, defaults, input, management, verb } = given;
  const { keys, store, clock } = management;
  const catalogue = await keys.catalogue();
  const now = clock.now();
  checkDefaults(defaults, catalogue, now);
  const isDryRun = args.has('dry-run');
  const keepsAll = args.has('json') || verb === 'migrate';
  const report = new Report({ verb, file: input.name, format: 'keys', isDryRun, keepsAll, now });
  const plan = await namingFile(input, async () => {
    const rows = readRows(await wholeText(input.bytes(), MAX_LIST_BYTES), columns);
    const hasher = createSecretHasher(config.keys.peppers);
    const minLength = minSecretLength(args);
    return planKeys(rows, { store: store.keys, catalogue, clock, defaults, hasher, minSecretLength: minLength });
  });
  report.addRefused(plan.refused);
  for (const planned of plan.present) {
    if (given.failsOnPresent) report.addConflict(inTheWay(planned));
    else report.addPresent(planned);
  }
  report.isBlocked = report.counts.conflicts > 0 || (report.counts.refused > 0 && !args.has('skip-invalid'));
  if (!report.isBlocked && !isDryRun) {
    return { report, failure: await writeKeys(plan.ready, plan.ready.length, report, given) };
  }
  for (const planned of plan.ready) report.addStored(planned);
  return { report, failure: null };
}

function inTheWay({ line, record }: Planned): RowFault {
  return { line, field: null, message: `its secret opens ${record.id} already` };
}
