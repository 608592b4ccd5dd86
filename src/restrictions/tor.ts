import { z } from 'zod';
import { deny } from '../core/denial.ts';
import type { Places } from '../core/places.ts';
import { restriction } from './restriction.ts';

const BLOCKED = deny('tor_blocked', 'This key may not be used over Tor.');
const NO_LIST = deny(
  'tor_blocked',
  'This key may not be used over Tor, and this gateway has no list of the addresses of Tor, so that it cannot tell.',
);
const NO_ADDRESS = deny(
  'tor_blocked',
  'This key may not be used over Tor, and this gateway does not know your address.',
);

/** Refuses the exits of Tor; and everybody where nobody knows which addresses these are. */
export const tor = restriction({
  name: 'tor',
  field: 'block_tor',
  code: 'tor_blocked',
  none: false,
  label: 'Tor',
  option: { name: 'block-tor', value: null, summary: 'Refuse the key over Tor.' },
  stored: z.boolean(),
  input: z.boolean().meta({ description: 'Whether it is refused over Tor.' }),
  normal: (isBlocked) => isBlocked,
  text: (isBlocked) => (isBlocked ? 'refused' : ''),
  faults: () => [],
  compile(_isBlocked, places) {
    return ({ address }) => {
      const isExit = places.isTorExit(address);
      if (isExit === null) return places.knowsTor ? NO_ADDRESS : NO_LIST;
      return isExit ? BLOCKED : null;
    };
  },
  seen: (_isBlocked, { address }, places) => torText(places.isTorExit(address)),
  loosened: () => false,
  warning(isBlocked, places: Places) {
    if (!isBlocked || places.knowsTor) return null;
    return 'block_tor: no list of the addresses of Tor is configured';
  },
});

/** What is known of an address and Tor, for people. */
function torText(isExit: boolean | null): string {
  if (isExit === null) return 'not known whether it comes over Tor';
  return isExit ? 'an exit of Tor' : 'not an exit of Tor';
}
