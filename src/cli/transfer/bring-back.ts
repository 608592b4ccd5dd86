import { hostname } from 'node:os';
import type { Role } from '../../core/role.ts';
import type { Actor } from '../../keys/actor.ts';
import { UNLIMITED } from '../../keys/actor.ts';
import { localCaller } from '../../management/caller.ts';
import { readBackup } from '../../management/transfer/backup-reader.ts';
import type { Planned } from '../../management/transfer/plan.ts';
import { judgeBackup, type RestoreContext, restoreRole, type Verdict } from '../../management/transfer/restore.ts';
import { linesOf } from '../../management/transfer/text.ts';
import type { BringIn, BroughtIn } from './bring-in.ts';
import { userName } from './list-options.ts';
import { Report } from './report.ts';
import { namingFile, writeKeys } from './write-keys.ts';

/** More than any backup: a million keys make about one GiB. */
const MAX_BACKUP_BYTES = 64 * 1024 * 1024 * 1024;
/** The longest record: a key with every list full. */
const MAX_LINE = 4 * 1024 * 1024;

/**
 * Restores a backup: it is read once to see that it is whole and what would become of each line, and once more to write.
 * Neither time more than a few keys of it are in memory.
 */
export async function bringBack(given: Omit<BringIn, 'columns' | 'defaults' | 'verb'>): Promise<BroughtIn> {
  const { args, config, failsOnPresent, input, management } = given;
  const { clock, keys, store } = management;
  const isDryRun = args.has('dry-run');
  const [keepsAll, now] = [args.has('json'), clock.now()];
  const report = new Report({ verb: 'import', file: input.name, format: 'backup', isDryRun, keepsAll, now });
  const context: RestoreContext = {
    store,
    catalogue: await keys.catalogue(),
    clock,
    pepperVersions: config.keys.peppers.map(({ version }) => version),
  };
  const verdicts = (): AsyncGenerator<Verdict> =>
    judgeBackup(readBackup(linesOf(input.bytes(), { maxBytes: MAX_BACKUP_BYTES, maxLine: MAX_LINE })), context);
  const found = await namingFile(input, () => judgeAll(verdicts(), report));
  const { conflicts, refused } = report.counts;
  report.isBlocked = (conflicts > 0 && failsOnPresent) || (refused > 0 && !args.has('skip-invalid'));
  if (report.isBlocked || isDryRun) {
    for (const planned of found.first) report.addStored(planned);
    report.counts.stored = found.keys;
    report.counts.roles = found.roles.length;
    return { report, failure: null };
  }
  for (const role of found.roles) {
    if (await restoreRole(role, store.roles, localActor(), now)) report.counts.roles++;
    else report.counts.rolesPresent++;
  }
  const failure = await namingFile(input, () => writeKeys(onlyKeys(verdicts()), found.keys, report, given));
  // What could be written when it was first read, and no longer: the store or the file was changed meanwhile.
  if (report.counts.stored < found.keys && !report.isInterrupted) report.isIncomplete = true;
  return { report, failure };
}

interface Found {
  readonly roles: readonly Role[];
  readonly keys: number;
  /** The first of the keys, or all when the report keeps all. */
  readonly first: readonly Planned[];
}

/** Reads all of it, and tells the report what will not be written. */
async function judgeAll(verdicts: AsyncIterable<Verdict>, report: Report): Promise<Found> {
  const roles: Role[] = [];
  const first: Planned[] = [];
  let keys = 0;
  for await (const verdict of verdicts) {
    if (verdict.kind === 'role') roles.push(verdict.role);
    else if (verdict.kind === 'key') {
      keys++;
      if (report.wants(first.length)) first.push(verdict);
    } else if (verdict.kind === 'role-present') report.counts.rolesPresent++;
    else if (verdict.kind === 'key-present') report.addPresent(verdict);
    else if (verdict.kind === 'conflict') report.addConflict(verdict.fault);
    else report.addRefused(verdict.faults);
  }
  return { roles, keys, first };
}

async function* onlyKeys(verdicts: AsyncIterable<Verdict>): AsyncGenerator<Planned> {
  for await (const verdict of verdicts) if (verdict.kind === 'key') yield verdict;
}

function localActor(): Actor {
  return { ...localCaller(userName() ?? 'unknown', hostname()), reach: UNLIMITED };
}
