import type { Command } from '../command.ts';
import { CHANGE_FLAGS, changeKey, ID_ARGUMENT, idOf } from './common.ts';

export const keysEnable: Command = {
  words: ['keys', 'enable'],
  summary: 'Allows the use of a key that was disabled.',
  arguments: [ID_ARGUMENT],
  flags: CHANGE_FLAGS,
  examples: ['latchkey keys enable key_0123456789abcdef01234567'],
  run: (args, io) =>
    changeKey(
      args,
      io,
      (client, version) => client.enableKey(idOf(args), version),
      ({ id }) => `${id} is enabled.`,
    ),
};
