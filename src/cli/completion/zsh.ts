import { type Command, type Flag, flagsOf } from '../command.ts';
import { groups, nextWords, quoted, takesFile } from './words.ts';

/** A zsh completion script, for a folder in fpath. */
export function zshCompletion(commands: readonly Command[]): string {
  return `#compdef latchkey
# Completion for latchkey. As a file: latchkey completion zsh > "\${fpath[1]}/_latchkey"
_latchkey() {
  local -a verbs
  local command=$words[2]
  if (( CURRENT == 2 )); then
    verbs=(${described(nextWords(commands, []))})
    _describe command verbs
    return
  fi
  case $command in
${groups(commands)
  .map((group) => groupCase(commands, group))
  .join('\n')}
  esac
  case $command in
${commands.map(commandCase).join('\n')}
  esac
}
if [ "$funcstack[1]" = _latchkey ]; then _latchkey "$@"; else compdef _latchkey latchkey; fi`;
}

function groupCase(commands: readonly Command[], group: string): string {
  return `    ${group})
      if (( CURRENT == 3 )); then
        verbs=(${described(nextWords(commands, [group]))})
        _describe command verbs
        return
      fi
      command="$command $words[3]"
      shift words
      (( CURRENT-- ))
      ;;`;
}

function described(words: ReadonlyMap<string, string>): string {
  return [...words].map(([word, summary]) => quoted(`${word}:${summary.replaceAll(':', '\\:')}`)).join(' ');
}

function commandCase(command: Command): string {
  const specs = [
    ...flagsOf(command).map(flagSpec),
    ...command.arguments.map((each) => quoted(`:${each.name}:${values(each.suggestions)}`)),
  ];
  return `    ${quoted(command.words.join(' '))})
      shift words
      (( CURRENT-- ))
      _arguments ${specs.join(' \\\n        ')}
      ;;`;
}

function flagSpec(flag: Flag): string {
  const summary = flag.summary.replace(/[[\]:]/g, (character) => `\\${character}`);
  const many = flag.repeatable === true ? '*' : '';
  const value = flag.value === undefined ? '' : `:${flag.value.replaceAll(':', ' ')}:${valueSpec(flag)}`;
  return quoted(`${many}--${flag.name}[${summary}]${value}`);
}

function valueSpec(flag: Flag): string {
  return takesFile(flag) ? '_files' : values(flag.suggestions);
}

function values(suggestions: readonly string[] | undefined): string {
  return suggestions === undefined ? ' ' : `(${suggestions.join(' ')})`;
}
