import { z } from 'zod';
import { COUNTRY_CODES, isCountryCode, meantCountry } from '../core/country.ts';
import { deny } from '../core/denial.ts';
import { restriction } from './restriction.ts';

/** So many there are. */
const MAX_COUNTRIES = COUNTRY_CODES.length;

const BLOCKED = deny('country_blocked', 'This key may be used only from the countries that it was restricted to.');
const UNKNOWN = deny(
  'country_blocked',
  'This key may be used only from certain countries, and this gateway does not know which one your address is in.',
);

/** An allow-list of countries. A country that is not known is not on it. */
export const country = restriction({
  name: 'country',
  field: 'country_restrictions',
  code: 'country_blocked',
  none: [] as readonly string[],
  label: 'Countries',
  option: { name: 'country', value: 'CODE', summary: 'A country that the key may be used from, like NL.' },
  stored: z.array(z.string()),
  input: z
    .array(z.string())
    .max(MAX_COUNTRIES)
    .meta({ description: 'ISO 3166-1 alpha-2; none: any.', examples: [['NL', 'BE']] }),
  normal: (list) => list,
  text: (list) => (list.length === 0 ? 'any' : list.join(', ')),
  faults(list) {
    if (list.length > MAX_COUNTRIES) {
      return [`country_restrictions: ${list.length} entries; expected at most ${MAX_COUNTRIES}`];
    }
    return list.flatMap((text, i) => countryFault(`country_restrictions[${i}]`, text));
  },
  compile(list, places) {
    const allowed = new Set(list);
    return ({ address }) => {
      const found = places.countryOf(address);
      if (found === null) return UNKNOWN;
      return allowed.has(found) ? null : BLOCKED;
    };
  },
  seen: (_list, { address }, places) => `country ${places.countryOf(address) ?? 'not known'}`,
  loosened(list, { address }, places) {
    const found = places.countryOf(address);
    return found === null ? null : [...list, found];
  },
  warning(list, places) {
    if (list.length === 0 || places.knowsCountries) return null;
    return 'country_restrictions: no country database is configured';
  },
});

/** What is wrong with the code of a country, as `field: message`. */
function countryFault(field: string, text: string): string[] {
  if (isCountryCode(text)) return [];
  const guess = meantCountry(text);
  const hint = guess === null ? 'expected ISO 3166-1 alpha-2, like NL' : `did you mean "${guess}"?`;
  return [`${field}: "${text}" is not the code of a country; ${hint}`];
}
