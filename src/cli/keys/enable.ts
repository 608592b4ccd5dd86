import type { Command } from '../command.ts';
import { changeKey, ID_ARGUMENT, idOf, STORE_FLAGS } from './common.ts';

export const keysEnable: Command = {
  words: ['keys', 'enable'],
  summary: 'Allows the use of a key that was disabled.',
  arguments: [ID_ARGUMENT],
  flags: STORE_FLAGS,
  examples: ['latchkey keys enable key_0123456789abcdef01234567'],
  run: (args, io) =>
    changeKey(
      args,
      io,
      ({ keys }) => keys.setEnabled(idOf(args), true),
      ({ id }) => `${id} is enabled.`,
    ),
};
