import type { Args } from './args.ts';
import { CliError, usageError } from './failure.ts';
import type { Io } from './io.ts';

/**
 * Returns when the user wants what is not easily undone: `--yes` says so, or the answer on a terminal does.
 *
 * @throws CliError `USAGE` when nobody can be asked, `NOT_CONFIRMED` when the answer is anything but yes
 */
export async function confirm(question: string, args: Args, io: Io): Promise<void> {
  if (args.has('yes')) return;
  const answer = await io.ask(`${question} [y/N] `);
  if (answer === null) throw usageError(`${question} Nobody can be asked here; give --yes to do it`);
  if (!/^\s*y(?:es)?\s*$/i.test(answer)) throw new CliError('NOT_CONFIRMED', 'nothing was done');
}
