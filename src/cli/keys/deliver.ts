import { CliError } from '../failure.ts';
import type { Io } from '../io.ts';

/** What is said of a key whose secret got lost. */
const LOST = {
  made: 'was made, but its secret',
  rotated: 'was rotated, but its new secret',
} as const;

/**
 * Writes out what holds the secret of a key, which nobody can be shown again.
 *
 * @throws CliError `SECRET_NOT_DELIVERED` when nobody could take it: the key is there, and its secret is not
 */
export async function deliverSecret(io: Io, text: string, id: string, done: keyof typeof LOST): Promise<void> {
  try {
    await io.deliver(text);
  } catch {
    throw new CliError(
      'SECRET_NOT_DELIVERED',
      `the key ${id} ${LOST[done]} could not be delivered; \`latchkey keys rotate ${id}\` gives it another`,
    );
  }
}
