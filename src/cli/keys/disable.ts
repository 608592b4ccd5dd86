import type { Command } from '../command.ts';
import { CHANGE_FLAGS, changeKey, ID_ARGUMENT, idOf } from './common.ts';
import { RECEIPT_NOTE, receiptText } from './receipt.ts';

export const keysDisable: Command = {
  words: ['keys', 'disable'],
  summary: 'Forbids the use of a key until it is enabled again.',
  arguments: [ID_ARGUMENT],
  flags: CHANGE_FLAGS,
  notes: [RECEIPT_NOTE],
  examples: ['latchkey keys disable key_0123456789abcdef01234567'],
  run: (args, io) =>
    changeKey(
      args,
      io,
      (client, version) => client.disableKey(idOf(args), version),
      ({ id, propagation }) => `${id} is disabled; ${receiptText(propagation)}.`,
    ),
};
