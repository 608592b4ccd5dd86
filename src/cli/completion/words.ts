import { type Command, type Flag, flagsOf } from '../command.ts';

/** The words that may follow some words of a command, each with the first summary below it. */
export function nextWords(commands: readonly Command[], words: readonly string[]): Map<string, string> {
  const next = new Map<string, string>();
  for (const command of commands) {
    const word = command.words[words.length];
    if (word === undefined || !words.every((each, index) => command.words[index] === each)) continue;
    const isGroup = command.words.length > words.length + 1;
    if (!next.has(word)) next.set(word, isGroup ? `Commands for ${word}` : command.summary);
  }
  return next;
}

/** The words of which other commands begin: `keys`, `config`. */
export function groups(commands: readonly Command[]): string[] {
  return [...new Set(commands.filter((each) => each.words.length > 1).map((each) => each.words[0] ?? ''))];
}

/** The options of a command as they are typed. */
export function optionWords(command: Command): string[] {
  return flagsOf(command).map((flag) => `--${flag.name}`);
}

/** Whether an option's value is the name of a file. */
export function takesFile(flag: Flag): boolean {
  return flag.value === 'FILE';
}

/** In single quotes, as POSIX shells and fish read it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
