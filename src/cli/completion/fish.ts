import { type Command, type Flag, flagsOf } from '../command.ts';
import { groups, nextWords, quoted, takesFile } from './words.ts';

/** A fish completion script. */
export function fishCompletion(commands: readonly Command[]): string {
  const first = nextWords(commands, []);
  const lines = [
    '# Completion for latchkey: latchkey completion fish > ~/.config/fish/completions/latchkey.fish',
    'complete -c latchkey -f',
    ...[...first].map(([word, summary]) => entry('__fish_use_subcommand', `-a ${word}`, summary)),
    ...groups(commands).flatMap((group) => groupLines(commands, group)),
    ...commands.flatMap(commandLines),
  ];
  return lines.join('\n');
}

function groupLines(commands: readonly Command[], group: string): string[] {
  const verbs = nextWords(commands, [group]);
  const seen = [...verbs.keys()].join(' ');
  const here = `__fish_seen_subcommand_from ${group}; and not __fish_seen_subcommand_from ${seen}`;
  return [...verbs].map(([verb, summary]) => entry(here, `-a ${verb}`, summary));
}

function commandLines(command: Command): string[] {
  const here = command.words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
  const words = command.arguments.flatMap((argument) => argument.suggestions ?? []);
  return [
    ...words.map((word) => entry(here, `-a ${word}`, '')),
    ...flagsOf(command).map((flag) => entry(here, flagPart(flag), flag.summary)),
  ];
}

function flagPart(flag: Flag): string {
  const short = flag.short === undefined ? '' : ` -s ${flag.short}`;
  if (flag.value === undefined) return `-l ${flag.name}${short}`;
  if (takesFile(flag)) return `-l ${flag.name}${short} -r -F`;
  const suggestions = flag.suggestions === undefined ? '' : ` -a ${quoted(flag.suggestions.join(' '))}`;
  return `-l ${flag.name}${short} -x${suggestions}`;
}

function entry(condition: string, what: string, summary: string): string {
  return `complete -c latchkey -n ${quoted(condition)} ${what}${summary === '' ? '' : ` -d ${quoted(summary)}`}`;
}
