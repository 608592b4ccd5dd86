import type { Command } from '../command.ts';
import { changeKey, ID_ARGUMENT, idOf, STORE_FLAGS } from './common.ts';

export const keysDisable: Command = {
  words: ['keys', 'disable'],
  summary: 'Forbids the use of a key until it is enabled again.',
  arguments: [ID_ARGUMENT],
  flags: STORE_FLAGS,
  examples: ['latchkey keys disable key_0123456789abcdef01234567'],
  run: (args, io) =>
    changeKey(
      args,
      io,
      ({ keys }) => keys.setEnabled(idOf(args), false),
      ({ id }) => `${id} is disabled.`,
    ),
};
