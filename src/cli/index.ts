import { nearestName } from '../core/nearest.ts';
import type { Command } from './command.ts';
import { COMMANDS } from './commands.ts';
import { DONE, report, USAGE, usageError } from './failure.ts';
import { commandHelp, groupHelp } from './help.ts';
import type { Io } from './io.ts';
import { parseArguments, shown } from './parse.ts';
import { packageVersion } from './version.ts';

/**
 * Runs one command line.
 *
 * @param argv what follows the program's name
 * @returns the exit code: 0 done, 1 failed, 2 the command line is wrong
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    const end = argv.indexOf('--');
    return report(error, io, argv.slice(0, end < 0 ? argv.length : end).includes('--json'));
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [first] = argv;
  if (first === '--version') return version(argv, io);
  if (first === 'help') return help(argv.slice(1), io);
  const words = leadingWords(argv);
  const command = COMMANDS.find((known) => known.words.every((word, index) => words[index] === word));
  if (command === undefined) return noCommand(argv, words, io);
  const args = parseArguments(command, argv.slice(command.words.length));
  if (!args.has('help')) return command.run(args, io);
  io.out(commandHelp(command, io.columns));
  return DONE;
}

function leadingWords(argv: readonly string[]): string[] {
  const end = argv.findIndex((word) => word.startsWith('-'));
  return argv.slice(0, end < 0 ? argv.length : end);
}

/** The words name a group, or nothing: its help, when that was asked for, or what was probably meant. */
function noCommand(argv: readonly string[], words: readonly string[], io: Io): number {
  const group = groupOf(words);
  const word = words[group.length];
  if (word === 'help' && group.length > 0) return help([...group, ...words.slice(group.length + 1)], io);
  if (word !== undefined) throw unknownWord(word, group);
  const option = argv[group.length];
  if (option === '--help' || option === '-h') {
    io.out(groupHelp(COMMANDS, group, io.columns));
    return DONE;
  }
  if (option !== undefined) throw usageError(`expected a command before ${shown(option)}; see latchkey --help`);
  io.say(groupHelp(COMMANDS, group, io.columns));
  return USAGE;
}

/** The first words, as far as commands begin with them. */
function groupOf(words: readonly string[]): readonly string[] {
  const isGroup = COMMANDS.some((command) => command.words.length > 1 && command.words[0] === words[0]);
  return isGroup ? words.slice(0, 1) : [];
}

function unknownWord(word: string, group: readonly string[]): Error {
  const known = [
    ...new Set(COMMANDS.filter((each) => isIn(each, group)).map((each) => each.words[group.length] ?? '')),
  ];
  const guess = nearestName(word, known);
  const prefix = ['latchkey', ...group, ''].join(' ');
  const hint = guess === null ? `expected ${known.join(', ')}` : `did you mean ${prefix}${guess}?`;
  return usageError(`unknown command ${prefix}${shown(word)}; ${hint}`);
}

function isIn(command: Command, group: readonly string[]): boolean {
  return group.every((word, index) => command.words[index] === word);
}

/** `latchkey help keys create` */
function help(words: readonly string[], io: Io): number {
  const named = words.filter((word) => !word.startsWith('-'));
  const command = COMMANDS.find((known) => known.words.join(' ') === named.join(' '));
  const group = groupOf(named);
  const unknown = named[group.length];
  if (command === undefined && unknown !== undefined) throw unknownWord(unknown, group);
  io.out(command === undefined ? groupHelp(COMMANDS, group, io.columns) : commandHelp(command, io.columns));
  return DONE;
}

function version(argv: readonly string[], io: Io): number {
  const rest = argv.slice(1).find((word) => word !== '--json');
  if (rest !== undefined) throw usageError(`unexpected argument ${shown(rest)} after --version`);
  const number = packageVersion();
  io.out(argv.includes('--json') ? JSON.stringify({ version: number }) : `latchkey ${number}`);
  return DONE;
}
