import { backupLines, type ExportOptions, type ExportWatcher } from '../../management/transfer/backup-writer.ts';
import { EXPORT_STATUSES, type ExportFilters } from '../../management/transfer/key-stream.ts';
import { spreadsheetLines } from '../../management/transfer/spreadsheet.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import type { Command } from '../command.ts';
import { CliError, DONE, FAILED, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { STORE_FLAGS } from '../keys/common.ts';
import { parseChoice } from '../keys/values.ts';
import { withManagement } from '../management.ts';
import { writeFileWhole, writeOut } from './output.ts';
import { Progress } from './progress.ts';
import { keys } from './report.ts';
import { storeConfig } from './store-config.ts';

const FORMATS = ['jsonl', 'csv'] as const;
const INTERRUPTED = 130;

export const exportCommand: Command = {
  words: ['export'],
  summary: 'Writes a backup of all keys and roles, without any secret.',
  arguments: [],
  flags: [
    { name: 'out', value: 'FILE', summary: 'Write there, whole or not at all; standard output by default.' },
    {
      name: 'format',
      value: 'FORMAT',
      summary: 'jsonl, which "latchkey import" reads (by default), or csv for a spreadsheet.',
      suggestions: FORMATS,
    },
    { name: 'without-hashes', summary: 'Leave out the hashes of the secrets: it cannot be restored then.' },
    {
      name: 'type',
      value: 'TYPE',
      summary: 'Only keys of this type.',
      suggestions: ['personal', 'organization', 'service'],
    },
    { name: 'owner', value: 'ID', summary: 'Only keys of this owner.' },
    {
      name: 'status',
      value: 'STATUS',
      summary: `Only ${EXPORT_STATUSES.join(', ')} keys.`,
      suggestions: EXPORT_STATUSES,
    },
    ...STORE_FLAGS,
  ],
  notes: [
    'A backup holds everything about each key but its secret, which nobody has. The hashes in it are worth keeping to yourself all the same. Keys that cannot be read are named on standard error; the rest is exported, and the exit code is 1.',
  ],
  examples: [
    'latchkey export --out backup.jsonl',
    'latchkey export --format csv --owner team-a > keys.csv',
    'latchkey export | gzip > backup.jsonl.gz',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const format = parseChoice('format', args.one('format') ?? 'jsonl', FORMATS);
  const filters = readFilters(args);
  const out = args.one('out');
  if (args.has('json') && out === undefined) {
    throw usageError('--json tells in JSON what was written, so it needs --out; the backup itself is JSON already');
  }
  const hashes = format === 'jsonl' && !args.has('without-hashes');
  const config = await storeConfig(args, io);
  return withManagement(config, async ({ keys: service, store, clock }) => {
    // Before anything is given away, so that whatever was is told of.
    await service.record({ action: 'keys.export', target: null, after: { format, hashes, filters: { ...filters } } });
    const tally = new Tally(io, args.has('json'));
    const options: ExportOptions = { store, clock, filters, watcher: tally };
    const lines = tally.until(
      io.interrupted(),
      format === 'jsonl' ? backupLines(options, hashes) : spreadsheetLines(options),
    );
    if (out === undefined) await writeOut(io, lines);
    else await writeFileWhole(out, lines);
    return tally.end(out);
  });
}

/** Counts what is exported, and tells how far it is. */
class Tally implements ExportWatcher {
  #keys = 0;
  #unreadable = 0;
  readonly #io: Io;
  readonly #isJson: boolean;
  readonly #progress: Progress;

  constructor(io: Io, isJson: boolean) {
    this.#io = io;
    this.#isJson = isJson;
    this.#progress = new Progress(io, 'Exporting', null, isJson);
  }

  onKey(): void {
    this.#keys++;
    this.#progress.step();
  }

  onUnreadable(id: string): void {
    this.#unreadable++;
    this.#io.say(`latchkey: ${oneLine(id)} cannot be read and is left out; "latchkey keys show" says more`);
  }

  /** The lines until the user interrupts it, which a half-written file does not outlive. */
  async *until(signal: AbortSignal, lines: AsyncIterable<string>): AsyncGenerator<string> {
    for await (const line of lines) {
      if (signal.aborted) throw new CliError('INTERRUPTED', 'interrupted; the backup is not whole', INTERRUPTED);
      yield line;
    }
  }

  /** @returns the exit code */
  end(out: string | undefined): number {
    this.#progress.end();
    if (this.#isJson) this.#io.out(JSON.stringify({ file: out, keys: this.#keys, unreadable: this.#unreadable }));
    else this.#io.say(`Exported ${keys(this.#keys)}${out === undefined ? '' : ` to ${out}`}.`);
    return this.#unreadable === 0 ? DONE : FAILED;
  }
}

function readFilters(args: Args): ExportFilters {
  const [type, owner, status] = [args.one('type'), args.one('owner'), args.one('status')];
  return {
    ...(type === undefined ? {} : { type }),
    ...(owner === undefined ? {} : { owner }),
    ...(status === undefined ? {} : { status: parseChoice('status', status, EXPORT_STATUSES) }),
  };
}
