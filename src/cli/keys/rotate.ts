import { parseDuration } from '../../core/duration.ts';
import type { Args } from '../args.ts';
import type { Command } from '../command.ts';
import { DONE, usageError } from '../failure.ts';
import type { Io } from '../io.ts';
import { keysConfig, withManagement } from '../management.ts';
import { ID_ARGUMENT, idOf, STORE_FLAGS } from './common.ts';
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
    ...STORE_FLAGS,
  ],
  notes: ['"latchkey keys show" says whether the old secret is still in use.'],
  examples: [
    'latchkey keys rotate key_0123456789abcdef01234567',
    'latchkey keys rotate key_0123456789abcdef01234567 --grace 0',
  ],
  run,
};

async function run(args: Args, io: Io): Promise<number> {
  const graceMs = readGrace(args.one('grace'));
  await withManagement(await keysConfig(args, io), async ({ keys }) => {
    const { record, secret } = await keys.rotate(idOf(args), graceMs);
    const oldEnds = record.previous?.expiresAt ?? record.rotatedAt;
    const answer = {
      id: record.id,
      name: record.name,
      new_secret: secret,
      rotated_at: isoTime(record.rotatedAt),
      old_secret_expires_at: isoTime(oldEnds),
    };
    if (args.has('json')) {
      io.out(JSON.stringify(answer));
      return;
    }
    const { previous } = record;
    const old =
      previous === null
        ? 'The old secret no longer works.'
        : `The old secret (${previous.hint}) works until ${timeText(answer.old_secret_expires_at)}.`;
    io.say(`Rotated ${record.id}. ${old}`);
    io.say('This is the new secret. It is shown once: keep it now.');
    io.out(secret);
  });
  return DONE;
}

/** Milliseconds; undefined when the configuration decides. */
function readGrace(text: string | undefined): number | undefined {
  const ms = text === undefined ? undefined : parseDuration(text);
  if (ms === null) throw usageError(`--grace: "${text}" is not a duration; expected one like 24h, or 0`);
  return ms;
}

function isoTime(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
