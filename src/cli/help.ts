import { type Argument, type Command, type Flag, flagsOf, nameOf } from './command.ts';

/** Characters in a line, where the terminal has as many; below the least, words would stand one to a line. */
const WIDTH = { least: 60, most: 100 } as const;
/** Options longer than this have their summary on a line of its own. */
const MAX_COLUMN = 30;
/** Examples in the help of a group; each command has its own. */
const MAX_EXAMPLES = 4;

/** Help for one command. @param columns characters in a line of the terminal; null: there is none */
export function commandHelp(command: Command, columns: number | null): string {
  const width = widthIn(columns);
  const args = command.arguments.map(({ name, optional }) => (optional === true ? `[${name}]` : name));
  const parts = [
    [`Usage: ${[nameOf(command), ...args, '[options]'].join(' ')}`],
    wrap(command.summary, width),
    ...(command.arguments.length === 0 ? [] : [['Arguments:', ...table(command.arguments.map(argumentRow), width)]]),
    ...optionGroups(flagsOf(command), width),
    ...(command.notes ?? []).map((note) => wrap(note, width)),
    ['Examples:', ...command.examples.map((example) => `  ${example}`)],
  ];
  return parts.map((lines) => lines.join('\n')).join('\n\n');
}

/** Help for the commands below some words: all of them, or those of one group. @param columns as above */
export function groupHelp(commands: readonly Command[], words: readonly string[], columns: number | null): string {
  const width = widthIn(columns);
  const prefix = ['latchkey', ...words].join(' ');
  const inGroup = commands.filter((command) => words.every((word, index) => command.words[index] === word));
  const rows = inGroup.map((command) => [command.words.slice(words.length).join(' '), command.summary] as const);
  const parts = [
    [`Usage: ${prefix} COMMAND [options]`],
    ...(words.length === 0
      ? [wrap('Latchkey is an authenticating reverse proxy: every request to your API needs an API key.', width)]
      : []),
    ['Commands:', ...table(rows, width)],
    ...(words.length === 0
      ? [['Options:', ...table([flagRow(VERSION_FLAG), ['-h, --help', 'Show this help.']], width)]]
      : []),
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

/** Each group of options below its heading, all of them in the same columns. */
function optionGroups(flags: readonly Flag[], width: number): string[][] {
  const groups = Map.groupBy(flags, ({ group }) => group ?? 'Options');
  const column = columnOf(flags.map(flagRow));
  return [...groups].map(([title, list]) => [`${title}:`, ...table(list.map(flagRow), width, column)]);
}

/** Where the second column can begin. */
function columnOf(rows: readonly Row[]): number {
  return Math.min(MAX_COLUMN, Math.max(...rows.map(([left]) => left.length)));
}

function table(rows: readonly Row[], width: number, column: number = columnOf(rows)): string[] {
  const indent = ' '.repeat(column + 4);
  return rows.flatMap(([left, right]) => {
    const lines = wrap(right, width - indent.length);
    const rest = lines.slice(1).map((line) => indent + line);
    if (left.length > column) return [`  ${left}`, `${indent}${lines[0] ?? ''}`, ...rest];
    return [`  ${left.padEnd(column)}  ${lines[0] ?? ''}`, ...rest];
  });
}

function widthIn(columns: number | null): number {
  return Math.min(WIDTH.most, Math.max(WIDTH.least, columns ?? WIDTH.most));
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
