import { type Argument, type Command, type Flag, flagsOf, nameOf } from './command.ts';

const WIDTH = 100;
/** Options longer than this have their summary on a line of its own. */
const MAX_COLUMN = 30;
/** Examples in the help of a group; each command has its own. */
const MAX_EXAMPLES = 4;

/** Help for one command. */
export function commandHelp(command: Command): string {
  const args = command.arguments.map(({ name, optional }) => (optional === true ? `[${name}]` : name));
  const parts = [
    [`Usage: ${[nameOf(command), ...args, '[options]'].join(' ')}`],
    [command.summary],
    ...(command.arguments.length === 0 ? [] : [['Arguments:', ...table(command.arguments.map(argumentRow))]]),
    ['Options:', ...table(flagsOf(command).map(flagRow))],
    ...(command.notes ?? []).map((note) => wrap(note, WIDTH)),
    ['Examples:', ...command.examples.map((example) => `  ${example}`)],
  ];
  return parts.map((lines) => lines.join('\n')).join('\n\n');
}

/** Help for the commands below some words: all of them, or those of one group. */
export function groupHelp(commands: readonly Command[], words: readonly string[]): string {
  const prefix = ['latchkey', ...words].join(' ');
  const inGroup = commands.filter((command) => words.every((word, index) => command.words[index] === word));
  const rows = inGroup.map((command) => [command.words.slice(words.length).join(' '), command.summary] as const);
  const parts = [
    [`Usage: ${prefix} COMMAND [options]`],
    ...(words.length === 0
      ? [['Latchkey is an authenticating reverse proxy: every request to your API needs an API key.']]
      : []),
    ['Commands:', ...table(rows)],
    ...(words.length === 0 ? [['Options:', ...table([flagRow(VERSION_FLAG), ['-h, --help', 'Show this help.']])]] : []),
    ['Examples:', ...someExamples(inGroup).map((example) => `  ${example}`)],
    [`${prefix} COMMAND --help says more about one command.`],
  ];
  return parts.map((lines) => lines.join('\n')).join('\n\n');
}

/** One of each of the first few commands. */
function someExamples(commands: readonly Command[]): string[] {
  return commands.flatMap(({ examples }) => examples.slice(0, 1)).slice(0, MAX_EXAMPLES);
}

const VERSION_FLAG: Flag = { name: 'version', summary: 'Print the version.' };

type Row = readonly [left: string, right: string];

function argumentRow({ name, what, suggestions }: Argument): Row {
  const choices = suggestions === undefined ? '' : `: ${suggestions.join(', ')}`;
  return [name, `${what.charAt(0).toUpperCase()}${what.slice(1)}${choices}.`];
}

function flagRow(flag: Flag): Row {
  const name = `${flag.short === undefined ? '' : `-${flag.short}, `}--${flag.name}`;
  const value = flag.value === undefined ? '' : ` ${flag.value}`;
  return [`${name}${value}`, `${flag.summary}${flag.repeatable === true ? ' Repeatable.' : ''}`];
}

function table(rows: readonly Row[]): string[] {
  const column = Math.min(MAX_COLUMN, Math.max(...rows.map(([left]) => left.length)));
  const indent = ' '.repeat(column + 4);
  return rows.flatMap(([left, right]) => {
    const lines = wrap(right, WIDTH - indent.length);
    const rest = lines.slice(1).map((line) => indent + line);
    if (left.length > column) return [`  ${left}`, `${indent}${lines[0] ?? ''}`, ...rest];
    return [`  ${left.padEnd(column)}  ${lines[0] ?? ''}`, ...rest];
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
