import type { Flag } from '../command.ts';
import { FIELD_FLAGS } from '../keys/fields.ts';
import { CLEAR_FLAG } from '../keys/update.ts';

/** Options that say something about a key. */
export const CHANGE_FLAGS: readonly Flag[] = [...FIELD_FLAGS, CLEAR_FLAG];

/** Options that also say something about a single request, in words that hold for both. */
const SHARED: Readonly<Record<string, string>> = {
  ip: 'Where the request comes from; in a replay: an address or CIDR that the key would be restricted to.',
  'user-agent': 'The User-Agent of the request; in a replay: one that the key would be restricted to, * for any text.',
};

/**
 * What a replay takes besides `--key`, `--json` and the options that name a store, which the command has anyway. Holds
 * `--ip` and `--user-agent` as well, which may be repeated in a replay only.
 */
export const REPLAY_FLAGS: readonly Flag[] = [
  {
    name: 'replay',
    value: 'FILE',
    summary: 'Decide recorded requests again: the log of a gateway, or "keys logs --json"; - is standard input.',
  },
  { name: 'replay-stored', summary: 'Decide again the requests that the store keeps, of --key or of all keys.' },
  {
    name: 'since',
    value: 'WHEN',
    summary: 'In a replay: only requests since then: 7d (ago), 2027-01-01, 2027-01-01T17:00:00Z.',
  },
  { name: 'until', value: 'WHEN', summary: 'In a replay: only requests up to then, written like --since.' },
  {
    name: 'proposed',
    value: 'FILE',
    summary: 'In a replay: a configuration file that is compared with the one in force.',
  },
  { name: 'no-limits', summary: 'In a replay: leave the limits out.' },
  { name: 'fail-on-denied', summary: 'In a replay: exit 1 when a request would be newly denied.' },
  ...CHANGE_FLAGS.map((flag) => ({
    ...flag,
    summary: SHARED[flag.name] ?? `In a replay, as a change of --key: ${flag.summary}`,
  })),
];
