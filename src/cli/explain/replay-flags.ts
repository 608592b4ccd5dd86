import type { Flag } from '../command.ts';
import { FIELD_FLAGS } from '../keys/fields.ts';
import { CLEAR_FLAG } from '../keys/update.ts';

/** Options that say something about a key. */
export const CHANGE_FLAGS: readonly Flag[] = [...FIELD_FLAGS, CLEAR_FLAG];

const REPLAY = 'Replay of recorded requests';
const CHANGE = 'Replay, with --key as "latchkey keys update" would change it';

/**
 * What a replay takes and a single request does not. Of the options about a key those are left out that also describe a
 * request.
 *
 * @param shared the names of these
 */
export function replayFlags(shared: readonly string[]): readonly Flag[] {
  const own = CHANGE_FLAGS.filter(({ name }) => !shared.includes(name));
  return [
    ...SOURCE_FLAGS.map((flag) => ({ ...flag, group: REPLAY })),
    ...own.map((flag) => ({ ...flag, group: CHANGE })),
  ];
}

const SOURCE_FLAGS: readonly Flag[] = [
  { name: 'replay', value: 'FILE', summary: 'The log of a gateway, or "keys logs --json"; - is standard input.' },
  { name: 'replay-stored', summary: 'The requests that the store keeps, of --key or of all keys.' },
  {
    name: 'since',
    value: 'WHEN',
    summary: 'Only requests since then: 7d (ago), 2027-01-01, 2027-01-01T17:00:00Z.',
  },
  { name: 'until', value: 'WHEN', summary: 'Only requests up to then, written like --since.' },
  { name: 'proposed', value: 'FILE', summary: 'A configuration file that is compared with the one in force.' },
  { name: 'no-limits', summary: 'Leave the limits out.' },
  {
    name: 'fail-on-denied',
    summary: 'Exit 1 when a request would be newly denied, or when there was none to replay.',
  },
];
