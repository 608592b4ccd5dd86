import { COUNTRY_CODES, isCountryCode, meantCountry } from '../core/country.ts';
import { deny } from '../core/denial.ts';
import { denyUnreadable, type RestrictionKind } from './restriction.ts';

const BLOCKED = deny('country_blocked', 'This key may be used only from the countries that it was restricted to.');
const UNKNOWN = deny(
  'country_blocked',
  'This key may be used only from certain countries, and this gateway does not know which one your address is in.',
);

/** An allow-list of countries. A country that is not known is not on it. */
export const country: RestrictionKind = {
  name: 'country_restrictions',
  faults({ country_restrictions: list }) {
    if (list.length > COUNTRY_CODES.length) {
      return [`country_restrictions: ${list.length} entries; expected at most ${COUNTRY_CODES.length}`];
    }
    return list.flatMap((text, i) => (isCountryCode(text) ? [] : [faultOf(text, i)]));
  },
  compile({ country_restrictions: list }, places) {
    if (list.length === 0) return null;
    if (!list.every(isCountryCode)) return denyUnreadable('country_blocked');
    const allowed = new Set(list);
    return ({ address }) => {
      const found = places.countryOf(address);
      if (found === null) return UNKNOWN;
      return allowed.has(found) ? null : BLOCKED;
    };
  },
  warning({ country_restrictions: list }, places) {
    if (list.length === 0 || places.knowsCountries) return null;
    return 'country_restrictions: no country database is configured, so every request with this key is refused';
  },
};

function faultOf(text: string, index: number): string {
  const guess = meantCountry(text);
  const hint = guess === null ? 'expected ISO 3166-1 alpha-2, like NL' : `did you mean "${guess}"?`;
  return `country_restrictions[${index}]: "${text}" is not the code of a country; ${hint}`;
}
