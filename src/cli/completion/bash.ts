import { type Command, flagsOf } from '../command.ts';
import { groups, nextWords, optionWords, takesFile } from './words.ts';

/** A bash completion script; it works with bash 4 and needs nothing beside it. */
export function bashCompletion(commands: readonly Command[]): string {
  return `# Completion for latchkey. In ~/.bashrc: source <(latchkey completion bash)
_latchkey() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]-}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${[...nextWords(commands, []).keys()].join(' ')} help --help --version" -- "$cur"))
    return
  fi
  case $command in
    ${groups(commands).join('|')}) command="$command \${COMP_WORDS[2]-}" ;;
  esac
  if [ "$COMP_CWORD" -eq 2 ]; then
    case \${COMP_WORDS[1]} in
${groups(commands)
  .map((group) => `      ${group}) COMPREPLY=($(compgen -W "${wordsBelow(commands, group)}" -- "$cur")); return ;;`)
  .join('\n')}
    esac
  fi
  case "$command $prev" in
${commands.flatMap(valueCases).join('\n')}
  esac
  case $command in
${commands.map(optionCase).join('\n')}
  esac
}
complete -F _latchkey latchkey`;
}

function wordsBelow(commands: readonly Command[], group: string): string {
  return [...nextWords(commands, [group]).keys(), '--help'].join(' ');
}

/** What may follow an option that takes a value: files, known values, or whatever the user types. */
function valueCases(command: Command): string[] {
  return flagsOf(command)
    .filter((flag) => flag.value !== undefined)
    .map((flag) => {
      const place = `    "${command.words.join(' ')} --${flag.name}")`;
      if (takesFile(flag)) return `${place} COMPREPLY=($(compgen -f -- "$cur")); return ;;`;
      if (flag.suggestions === undefined) return `${place} return ;;`;
      return `${place} COMPREPLY=($(compgen -W "${flag.suggestions.join(' ')}" -- "$cur")); return ;;`;
    });
}

function optionCase(command: Command): string {
  const words = [...command.arguments.flatMap((argument) => argument.suggestions ?? []), ...optionWords(command)];
  return `    "${command.words.join(' ')}") COMPREPLY=($(compgen -W "${words.join(' ')}" -- "$cur")) ;;`;
}
