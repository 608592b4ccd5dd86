import type { Config } from '../../config/config.ts';
import { loadConfig } from '../../config/load.ts';
import { Replay } from '../../explain/replay.ts';
import type { ReplayReport } from '../../explain/replay-report.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Management } from '../../wiring.ts';
import type { Args } from '../args.ts';
import { keysConfiguration } from '../configuration.ts';
import { CliError, DONE, FAILED, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { parseMoment } from '../keys/values.ts';
import { withManagement } from '../management.ts';
import { LOCAL_OPTIONS } from '../options.ts';
import { Progress } from '../transfer/progress.ts';
import { type KeyChange, readChange } from './replay-change.ts';
import { type Compared, replayJson } from './replay-json.ts';
import { nameOfFile, requestsInFile, requestsInStore, type Source } from './replay-source.ts';
import { notesOf, nothingReplayed, replayText } from './replay-text.ts';
import { openWorlds } from './replay-worlds.ts';

/** Lines whose numbers are told. */
const MAX_LINES_TOLD = 5;

/** What the options ask for. */
interface Plan {
  readonly config: Config;
  readonly proposed: Config | null;
  readonly change: KeyChange | null;
  readonly keyId: string | null;
  /** null: the requests that the store keeps. */
  readonly file: string | null;
  readonly from: number;
  readonly to: number;
  readonly simulatesLimits: boolean;
  readonly isQuiet: boolean;
}

/**
 * Decides recorded requests again and shows what comes out differently: `explain --replay FILE`, `--replay-stored`.
 *
 * @returns the exit code
 * @throws CliError, ConfigError, KeyError, StoreError
 */
export async function runReplay(args: Args, io: Io): Promise<number> {
  const plan = readPlan(args, io);
  const { report, compared, notes } = await withManagement(plan.config, (management) => replay(plan, management, io));
  const nothing = nothingReplayed(report, plan.file === null ? 'the store' : nameOfFile(plan.file));
  if (args.has('json')) {
    io.out(JSON.stringify(replayJson(report, compared, nothing === null ? notes : [nothing, ...notes])));
  } else {
    io.out(replayText(report, compared, notes, io));
  }
  const mustHold = args.has('fail-on-denied');
  if (nothing !== null) {
    // A pipeline that reads the wrong file must not pass for that.
    if (mustHold) throw new CliError('NOTHING_REPLAYED', `${nothing}, so nothing is known of what would be denied`);
    if (!args.has('json')) io.say(oneLine(`latchkey: warning: ${nothing}`));
  }
  return mustHold && report.newlyDenied.requests > 0 ? FAILED : DONE;
}

function readPlan(args: Args, io: Io): Plan {
  const file = args.one('replay') ?? null;
  if (file !== null && args.has('replay-stored')) {
    throw usageError('--replay and --replay-stored contradict each other; give one of them');
  }
  if (namesServer(args, io)) {
    throw usageError(
      'a replay works on the store itself, not through a server; name the store with --config or --store',
    );
  }
  const change = readChange(args);
  const now = io.clock.now();
  const moment = (flag: 'since' | 'until', otherwise: number): number => {
    const text = args.one(flag);
    return text === undefined ? otherwise : Date.parse(parseMoment(flag, text, now, -1));
  };
  const from = moment('since', Number.NEGATIVE_INFINITY);
  // What gateways write down meanwhile would have no end.
  const to = moment('until', file === null ? now : Number.POSITIVE_INFINITY);
  if (from > to) throw usageError('--since is later than --until; expected the earlier one of the two');
  const proposed = args.one('proposed');
  return {
    config: keysConfiguration(args, io),
    proposed: proposed === undefined ? null : loadConfig(proposed, io.environment).config,
    change,
    keyId: args.one('key') ?? null,
    file,
    from,
    to,
    simulatesLimits: !args.has('no-limits'),
    isQuiet: args.has('json'),
  };
}

/** As for other commands: an option that says where the store is says more than the environment. */
function namesServer(args: Args, io: Io): boolean {
  if (args.has('server')) return true;
  return Boolean(io.environment['LATCHKEY_SERVER']) && !LOCAL_OPTIONS.some((name) => args.has(name));
}

interface Result {
  readonly report: ReplayReport;
  readonly compared: Compared;
  readonly notes: readonly string[];
}

async function replay(plan: Plan, management: Management, io: Io): Promise<Result> {
  const { keyId, file, from, to, simulatesLimits } = plan;
  const { store } = management;
  const worlds = await openWorlds(plan, management);
  const replay = new Replay({ ...worlds, keyId, from, to, simulatesLimits, findKey: (id) => store.keys.get(id) });
  const source = file === null ? requestsInStore(store, keyId, { from, to }) : requestsInFile(file, keyId);
  const unreadableLines = await run(replay, source, new Progress(io, 'Replaying', null, plan.isQuiet));
  const { report } = replay;
  const compared: Compared = {
    before: worlds.proposed === null ? 'recorded' : 'today',
    after: {
      config: (plan.proposed ?? plan.config).file,
      is_proposed: plan.proposed !== null,
      changed_key: worlds.changed?.id ?? null,
    },
    limits: simulatesLimits,
    isStored: file === null,
    unreadableLines,
  };
  return { report, compared, notes: [...notesOf(report, compared), ...worlds.gaps] };
}

/** @returns numbers of the first lines that could not be read */
async function run(replay: Replay, source: Source, progress: Progress): Promise<number[]> {
  const unreadable: number[] = [];
  try {
    for await (const piece of source) {
      for (const { found, line } of piece) {
        progress.step();
        if (typeof found !== 'string') {
          const added = replay.add(found);
          if (added instanceof Promise) await added;
          continue;
        }
        replay.skip(found);
        if (found === 'unreadable_line' && line !== null && unreadable.length < MAX_LINES_TOLD) unreadable.push(line);
      }
    }
  } finally {
    progress.end();
  }
  return unreadable;
}
