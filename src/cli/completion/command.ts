import type { Args } from '../args.ts';
import type { Command } from '../command.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import { zshCompletion } from './zsh.ts';

const SHELLS: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** @param others every other command there is */
export function completionCommand(others: readonly Command[]): Command {
  const command: Command = {
    words: ['completion'],
    summary: 'Prints a script that lets a shell complete commands, options and values.',
    arguments: [{ name: 'SHELL', what: 'a shell', suggestions: Object.keys(SHELLS) }],
    flags: [],
    examples: [
      'source <(latchkey completion bash)',
      'latchkey completion zsh > "${fpath[1]}/_latchkey"',
      'latchkey completion fish > ~/.config/fish/completions/latchkey.fish',
    ],
    run: async (args: Args, io: Io) => {
      const script = SHELLS[args.positionals[0] ?? '']?.([...others, command]) ?? '';
      io.out(args.has('json') ? JSON.stringify({ script }) : script);
      return DONE;
    },
  };
  return command;
}
