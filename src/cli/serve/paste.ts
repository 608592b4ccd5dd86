import type { Config } from '../../config/config.ts';
import type { Args } from '../args.ts';
import { foundConfigFile } from '../configuration.ts';
import type { Io } from '../io.ts';

/** The options with which another command reads the configuration that this gateway has. */
export function configWords(config: Config, args: Args, io: Io): string[] {
  const file = args.one('config');
  if (file !== undefined) return ['--config', file];
  // Another file's store, prefix or peppers would make a key that this gateway does not know.
  return config.file === null && foundConfigFile(io) !== null ? ['--no-config'] : [];
}

/** Words as a line that a POSIX shell reads back as the same words. */
export function pasteable(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

function shellWord(word: string): string {
  return /^[\w./:@=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
