import type { KeyAnswer } from '../../management/schemas/key.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { confirm } from '../confirm.ts';
import { DONE } from '../failure.ts';
import type { Io } from '../io.ts';
import { YES_FLAG } from '../options.ts';
import { CHANGE_FLAGS, ID_ARGUMENT, idOf, versionOf } from './common.ts';
import { RECEIPT_NOTE, receiptText } from './receipt.ts';
import { timeText } from './show-key.ts';

export const keysDelete: Command = {
  words: ['keys', 'delete'],
  summary: 'Removes a key and what is known of it. To end a key and keep its record, revoke it.',
  arguments: [ID_ARGUMENT],
  flags: [YES_FLAG, ...CHANGE_FLAGS],
  notes: [
    'It says what will be lost and asks, where somebody can answer; elsewhere --yes must be given.',
    RECEIPT_NOTE,
  ],
  examples: ['latchkey keys delete key_0123456789abcdef01234567 --yes'],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const version = versionOf(args);
  const id = idOf(args);
  const deleted = await withClient(args, io, async (client) => {
    const found = await client.getKey(id);
    if (!args.has('yes')) {
      for (const line of lossOf(found)) io.say(oneLine(line));
      await confirm(`Delete ${found.id}?`, args, io);
    }
    return client.deleteKey(id, version);
  });
  const text = `${deleted.id} is deleted; ${receiptText(deleted.propagation)}.`;
  io.out(args.has('json') ? JSON.stringify(deleted) : oneLine(text));
  return DONE;
}

function lossOf(key: KeyAnswer): string[] {
  const used = key.last_used === null ? 'never used' : `last used ${timeText(key.last_used)}`;
  const { requests_this_month: requests } = key.usage;
  return [
    `${key.id} is "${key.name}", of type ${key.type}, of ${key.owner}: ${key.status}, ${used}, ${requests} ${requests === 1 ? 'request' : 'requests'} this month.`,
    'Whoever uses it is refused at once. Its record, usage and request log cannot be looked up any more, and nothing brings them back.',
    'The audit log keeps what was done to it. "latchkey keys revoke" ends a key and keeps all of this.',
  ];
}
