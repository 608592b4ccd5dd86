import { parseArgs } from 'node:util';
import { nearestName } from '../core/nearest.ts';
import { isWellFormedSecret } from '../keys/secret.ts';
import { Args } from './args.ts';
import { type Command, type Flag, flagsOf, nameOf } from './command.ts';
import { usageError } from './failure.ts';

/** The longest part of a wrong argument that a message repeats. */
const MAX_SHOWN = 60;

/**
 * Reads what follows a command's words.
 *
 * @throws CliError `USAGE` for what the command does not take
 */
export function parseArguments(command: Command, argv: readonly string[]): Args {
  const flags = flagsOf(command);
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(flags.map((flag) => [flag.name, optionOf(flag)])),
    // Its own checks stop at the first thing and guess no names.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(notSecret(token.value));
    else if (token.kind === 'option') addOption(token, flags, values, command);
  }
  if (!values.has('help')) checkPositionals(command, positionals);
  return new Args(
    flags.map((flag) => flag.name),
    values,
    positionals,
  );
}

function optionOf(flag: Flag): { type: 'string' | 'boolean'; short?: string; multiple: boolean } {
  const type = flag.value === undefined ? 'boolean' : 'string';
  return { type, multiple: true, ...(flag.short === undefined ? {} : { short: flag.short }) };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function addOption(
  { name, rawName, value, inlineValue }: OptionToken,
  flags: readonly Flag[],
  values: Map<string, string[]>,
  command: Command,
): void {
  const flag = flags.find((known) => known.name === name);
  if (flag === undefined) throw unknownOption(rawName, flags, command);
  const given = values.get(name) ?? [];
  if (values.has(name) && flag.repeatable !== true) throw usageError(`option --${name} is given twice`);
  values.set(name, given);
  if (flag.value === undefined) {
    if (inlineValue === true) throw usageError(`option --${name} takes no value`);
    return;
  }
  const missing = value === undefined || (value === '' && flag.mayBeEmpty !== true);
  if (missing) throw usageError(`option --${name} needs a value: --${name} ${flag.value}`);
  if (inlineValue !== true && value.length > 1 && value.startsWith('-')) {
    throw usageError(`option --${name} needs a value; write --${name}=${shown(value)} if ${shown(value)} is meant`);
  }
  given.push(notSecret(value));
}

function unknownOption(rawName: string, flags: readonly Flag[], command: Command): Error {
  const typed = rawName.replace(/^-+/, '');
  const names = flags.map((flag) => flag.name);
  const guess = typed.length > 1 ? nearestName(typed, names) : null;
  const hint = guess === null ? `see ${nameOf(command)} --help` : `did you mean --${guess}?`;
  return usageError(`unknown option ${shown(rawName)}; ${hint}`);
}

function checkPositionals(command: Command, positionals: readonly string[]): void {
  const missing = command.arguments[positionals.length];
  if (missing !== undefined && missing.optional !== true) {
    const names = command.arguments.map((argument) => argument.name).join(' ');
    throw usageError(`expected ${missing.what}: ${nameOf(command)} ${names}`);
  }
  const extra = positionals[command.arguments.length];
  if (extra !== undefined) throw usageError(`unexpected argument ${shown(extra)}; see ${nameOf(command)} --help`);
  for (const [index, { what, suggestions }] of command.arguments.entries()) {
    const word = positionals[index] ?? '';
    if (suggestions === undefined || suggestions.includes(word) || index >= positionals.length) continue;
    throw usageError(`${shown(word)} is not ${what}; expected ${suggestions.join(', ')}`);
  }
}

/** Arguments can be read by everybody on the machine and stay in the shell's history. */
function notSecret(value: string): string {
  if (!isWellFormedSecret(value)) return value;
  throw usageError('an argument is the secret of a key, which others can read now: rotate that key, and use its id');
}

/** Part of an argument, as a message shows it. */
export function shown(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}
