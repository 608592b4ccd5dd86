import type { Command } from '../command.ts';
import { changeKey, ID_ARGUMENT, idOf, STORE_FLAGS } from './common.ts';

export const keysRevoke: Command = {
  words: ['keys', 'revoke'],
  summary: 'Ends a key for good. It stays in the list; "disable" is for the time being.',
  arguments: [ID_ARGUMENT],
  flags: STORE_FLAGS,
  examples: ['latchkey keys revoke key_0123456789abcdef01234567'],
  run: (args, io) =>
    changeKey(
      args,
      io,
      ({ keys }) => keys.revoke(idOf(args)),
      ({ id }) => `${id} is revoked.`,
    ),
};
