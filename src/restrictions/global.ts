import { AddressSet } from '../core/address-set.ts';
import type { CompiledRestriction } from '../core/decision.ts';
import { type Denial, deny } from '../core/denial.ts';
import type { Places } from '../core/places.ts';
import type { RestrictionTest } from './restriction.ts';

/** What holds for every request, with a key or without. */
export interface GlobalRules {
  readonly ip: {
    /** CIDRs and addresses; empty: any. */
    readonly allow: readonly string[];
    /** Wins over `allow`. */
    readonly deny: readonly string[];
    readonly isShadow: boolean;
  };
  readonly country: {
    /** ISO 3166-1 alpha-2. */
    readonly block: readonly string[];
    /** Whether an address whose country is not known is blocked too. */
    readonly blockUnknown: boolean;
    readonly isShadow: boolean;
  };
  readonly tor: { readonly block: boolean; readonly isShadow: boolean };
}

const IP = deny('ip_blocked', 'Requests from your address are not accepted here.');
const COUNTRY = deny('country_blocked', 'Requests from your country are not accepted here.');
const NO_COUNTRY = deny(
  'country_blocked',
  'Requests from some countries are not accepted here, and this gateway does not know which one your address is in.',
);
const TOR = deny('tor_blocked', 'Requests over Tor are not accepted here.');
const NO_TOR_LIST = deny(
  'tor_blocked',
  'Requests over Tor are not accepted here, and this gateway cannot tell whether yours is one.',
);

/** Parses the rules; those that restrict nothing are left out. */
export function compileGlobal({ ip, country, tor }: GlobalRules, places: Places): CompiledRestriction[] {
  const list: CompiledRestriction[] = [];
  const add = (name: string, isShadow: boolean, test: RestrictionTest): void => {
    list.push({ name, isShadow, test });
  };
  if (ip.allow.length + ip.deny.length > 0) add('ip', ip.isShadow, addressTest(ip.allow, ip.deny));
  if (country.block.length > 0 || country.blockUnknown) {
    add('country', country.isShadow, countryTest(country.block, country.blockUnknown, places));
  }
  if (tor.block) add('tor', tor.isShadow, torTest(places));
  return list;
}

function addressTest(allow: readonly string[], deny: readonly string[]): RestrictionTest {
  const allowed = AddressSet.of(allow);
  const denied = AddressSet.of(deny);
  return ({ address }) => {
    if (denied.hasText(address)) return IP;
    return allowed.isEmpty || allowed.hasText(address) ? null : IP;
  };
}

function countryTest(block: readonly string[], blockUnknown: boolean, places: Places): RestrictionTest {
  const blocked = new Set(block);
  const unknown: Denial | null = blockUnknown ? NO_COUNTRY : null;
  return ({ address }) => {
    const found = places.countryOf(address);
    if (found === null) return unknown;
    return blocked.has(found) ? COUNTRY : null;
  };
}

/** Who cannot be told apart from the exits is refused: the rule says that none of them gets in. */
function torTest(places: Places): RestrictionTest {
  return ({ address }) => {
    const isExit = places.isTorExit(address);
    if (isExit === null) return NO_TOR_LIST;
    return isExit ? TOR : null;
  };
}
