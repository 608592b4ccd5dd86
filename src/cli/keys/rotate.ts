import { parseDuration } from '../../core/duration.ts';
import type { KeyRotated } from '../../management/schemas/key.ts';
import { oneLine } from '../../observe/log-text.ts';
import type { Args } from '../args.ts';
import { withClient } from '../client.ts';
import type { Command } from '../command.ts';
import { DONE, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { CHANGE_FLAGS, ID_ARGUMENT, idOf, versionOf } from './common.ts';
import { deliverSecret } from './deliver.ts';
import { RECEIPT_NOTE, receiptText } from './receipt.ts';
import { timeText } from './show-key.ts';

export const keysRotate: Command = {
  words: ['keys', 'rotate'],
  summary: 'Gives a key a new secret and prints it, this once; the old one works for a while longer.',
  arguments: [ID_ARGUMENT],
  flags: [
    {
      name: 'grace',
      value: 'DURATION',
      summary: 'How long the old secret still works: 24h, or 0 to end it now. keys.rotation_grace by default.',
      suggestions: ['0', '1h', '24h', '7d'],
    },
    ...CHANGE_FLAGS,
  ],
  notes: ['"latchkey keys show" says whether the old secret is still in use.', RECEIPT_NOTE],
  examples: [
    'latchkey keys rotate key_0123456789abcdef01234567',
    'latchkey keys rotate key_0123456789abcdef01234567 --grace 0',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const grace = readGrace(args.one('grace'));
  const version = versionOf(args);
  const rotated = await withClient(args, io, (client) =>
    client.rotateKey(idOf(args), grace === undefined ? {} : { grace_period: grace }, version),
  );
  if (args.has('json')) {
    await deliverSecret(io, JSON.stringify(rotated), rotated.id, 'rotated');
    return DONE;
  }
  io.say(oneLine(`Rotated ${rotated.id}. ${oldSecret(rotated)}; ${receiptText(rotated.propagation)}.`));
  io.say('This is the new secret. It is shown once: keep it now.');
  await deliverSecret(io, rotated.new_secret, rotated.id, 'rotated');
  return DONE;
}

function oldSecret({ rotated_at, old_secret_expires_at }: KeyRotated): string {
  if (Date.parse(old_secret_expires_at) <= Date.parse(rotated_at)) return 'The old secret no longer works';
  return `The old secret works until ${timeText(old_secret_expires_at)}`;
}

/** undefined when the configuration decides. */
function readGrace(text: string | undefined): string | undefined {
  if (text !== undefined && parseDuration(text) === null) {
    throw usageError(`--grace: "${text}" is not a duration; expected one like 24h, or 0`);
  }
  return text;
}
