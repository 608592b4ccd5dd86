import type { Command } from '../command.ts';
import { CHANGE_FLAGS, changeKey, ID_ARGUMENT, idOf } from './common.ts';
import { RECEIPT_NOTE, receiptText } from './receipt.ts';

export const keysRevoke: Command = {
  words: ['keys', 'revoke'],
  summary: 'Ends a key for good. It stays in the list; "disable" is for the time being.',
  arguments: [ID_ARGUMENT],
  flags: CHANGE_FLAGS,
  notes: [RECEIPT_NOTE],
  examples: ['latchkey keys revoke key_0123456789abcdef01234567'],
  run: (args, io) =>
    changeKey(
      args,
      io,
      (client, version) => client.revokeKey(idOf(args), version),
      ({ id, propagation }) => `${id} is revoked; ${receiptText(propagation)}.`,
    ),
};
