import { StoreError } from '../../core/ports.ts';
import { adoptAll } from '../../management/transfer/adopt.ts';
import { TransferError } from '../../management/transfer/fault.ts';
import type { Planned } from '../../management/transfer/plan.ts';
import type { Management } from '../../wiring.ts';
import type { Args } from '../args.ts';
import { CliError } from '../failure.ts';
import type { Io } from '../io.ts';
import type { Input } from './input.ts';
import { Progress } from './progress.ts';
import type { Report } from './report.ts';

export interface WriteContext {
  readonly args: Args;
  readonly io: Io;
  readonly management: Management;
}

/**
 * Stores keys until they are all there, the user interrupts it, or the store fails, and tells the report.
 *
 * @returns what the store failed with; null when it did not
 */
export async function writeKeys(
  planned: Iterable<Planned> | AsyncIterable<Planned>,
  total: number,
  report: Report,
  { args, io, management }: WriteContext,
): Promise<StoreError | null> {
  const isImport = report.options.verb === 'import';
  const signal = io.interrupted();
  const progress = new Progress(io, isImport ? 'Importing' : 'Migrating', total, args.has('json'));
  try {
    await adoptAll(planned, {
      keys: management.keys,
      action: isImport ? 'key.import' : 'key.migrate',
      signal,
      onStored: (stored) => {
        report.addStored(stored);
        progress.step();
      },
      onTaken: ({ line }) => {
        report.isIncomplete = true;
        const message = 'a key with its id or its secret came to be there in the meantime';
        report.addConflict({ line, field: null, message });
      },
      onRefused: (faults) => {
        report.isIncomplete = true;
        report.addRefused(faults);
      },
    });
    return null;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    report.isIncomplete = true;
    return error;
  } finally {
    progress.end();
    // Interrupted when everything was there already: nothing is missing.
    report.isInterrupted = signal.aborted && report.counts.stored < total;
  }
}

/** Names the file, and the line where there is one, in what is wrong with it. */
export async function namingFile<T>(input: Input, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TransferError)) throw error;
    const place = error.line === null ? `${input.name}: ` : `${input.name}:${error.line}: `;
    throw new CliError(error.code, place + error.message);
  }
}
