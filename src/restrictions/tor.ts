import { deny } from '../core/denial.ts';
import type { RestrictionKind } from './restriction.ts';

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
export const tor: RestrictionKind = {
  name: 'block_tor',
  faults: () => [],
  compile({ block_tor: isBlocked }, places) {
    if (!isBlocked) return null;
    return ({ address }) => {
      const isExit = places.isTorExit(address);
      if (isExit === null) return places.knowsTor ? NO_ADDRESS : NO_LIST;
      return isExit ? BLOCKED : null;
    };
  },
  warning({ block_tor: isBlocked }, places) {
    if (!isBlocked || places.knowsTor) return null;
    return 'block_tor: no list of the addresses of Tor is configured, so every request with this key is refused';
  },
};
