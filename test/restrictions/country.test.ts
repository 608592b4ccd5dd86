import t from 'tap';
import { COUNTRY_CODES } from '../../src/core/country.ts';
import { NO_PLACES, type Places } from '../../src/core/places.ts';
import { country as countryKind } from '../../src/restrictions/country.ts';
import { explainPlaces, restrictionFaults } from '../../src/restrictions/index.ts';
import { UNRESTRICTED, view } from '../support/keys.ts';
import { restricted } from './restricted.ts';

/** Knows the countries of these addresses and of no others. */
function knowing(countries: Readonly<Record<string, string>>): Places {
  return { ...NO_PLACES, knowsCountries: true, countryOf: (address) => countries[address] ?? null };
}

const PLACES = knowing({ '203.0.113.1': 'NL', '203.0.113.2': 'DE', '203.0.113.3': 'US' });

function denial(list: string[], address: string, places = PLACES) {
  return restricted({ country_restrictions: list }, places)(view({ address }));
}

function faults(...list: string[]): string[] {
  return restrictionFaults({ country_restrictions: list });
}

t.test('an address in a country on the list passes, any other is blocked', async (t) => {
  t.equal(denial(['NL', 'DE'], '203.0.113.1'), null);
  t.equal(denial(['NL', 'DE'], '203.0.113.2'), null);
  t.equal(denial(['NL', 'DE'], '203.0.113.3')?.code, 'country_blocked');
  t.equal(denial([], '203.0.113.3'), null, 'without a list there is nothing to restrict');
});

t.test('a country that is not known is not on the list', async (t) => {
  t.match(denial([...COUNTRY_CODES], '203.0.113.4'), {
    code: 'country_blocked',
    detail: /does not know which one your address is in/,
  });
  t.match(denial([...COUNTRY_CODES], '203.0.113.1', NO_PLACES), { code: 'country_blocked' });
});

t.test('what is known is asked for each request', async (t) => {
  const countries: Record<string, string> = {};
  const denial = restricted({ country_restrictions: ['NL'] }, knowing(countries));
  const request = view({ address: '198.51.100.1' });
  t.equal(denial(request)?.code, 'country_blocked');
  countries['198.51.100.1'] = 'NL';
  t.equal(denial(request), null);
});

t.test('a stored list that cannot be read blocks every address, those on it too', async (t) => {
  for (const broken of ['nl', 'XX', '', 'NLD', 'EU']) {
    t.match(denial(['NL', broken], '203.0.113.1'), { code: 'country_blocked', detail: /cannot be read/ }, broken);
  }
});

t.test('what is wrong with a list is said, entry by entry', async (t) => {
  t.strictSame(faults('NL', 'BE', 'DE'), []);
  t.strictSame(faults('NL', 'UK', 'XX', 'nl', 'Germany', 'NLD', 'USA', '', 'constructor', 'EU'), [
    'country_restrictions[1]: "UK" is not the code of a country; did you mean "GB"?',
    'country_restrictions[2]: "XX" is not the code of a country; expected ISO 3166-1 alpha-2, like NL',
    'country_restrictions[3]: "nl" is not the code of a country; did you mean "NL"?',
    'country_restrictions[4]: "Germany" is not the code of a country; did you mean "DE"?',
    'country_restrictions[5]: "NLD" is not the code of a country; expected ISO 3166-1 alpha-2, like NL',
    'country_restrictions[6]: "USA" is not the code of a country; did you mean "US"?',
    'country_restrictions[7]: "" is not the code of a country; expected ISO 3166-1 alpha-2, like NL',
    'country_restrictions[8]: "constructor" is not the code of a country; expected ISO 3166-1 alpha-2, like NL',
    'country_restrictions[9]: "EU" is not the code of a country; expected ISO 3166-1 alpha-2, like NL',
  ]);
});

t.test('every country can be listed, and a list has a bound', async (t) => {
  t.equal(COUNTRY_CODES.length, 249);
  t.strictSame([...COUNTRY_CODES], [...new Set(COUNTRY_CODES)].sort());
  const names = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });
  for (const code of COUNTRY_CODES) t.type(names.of(code), 'string', code);
  t.strictSame(faults(...COUNTRY_CODES), []);
  t.strictSame(faults(...COUNTRY_CODES, 'NL'), ['country_restrictions: 250 entries; expected at most 249']);
});

t.test('its writer is told when no gateway like this one can know a country', async (t) => {
  const restrictions = { country_restrictions: ['NL'], block_tor: true };
  const none = new Set<string>();
  const country = 'country_restrictions: no country database is configured, so every request with this key';
  const tor = 'block_tor: no list of the addresses of Tor is configured, so every request with this key';
  const inShadow = 'would be refused if it were not in shadow';
  t.strictSame(explainPlaces(restrictions, NO_PLACES, none), [`${country} is refused`, `${tor} is refused`]);
  t.strictSame(explainPlaces(restrictions, NO_PLACES, new Set(['country', 'ip'])), [
    `${country} ${inShadow}`,
    `${tor} is refused`,
  ]);
  t.strictSame(explainPlaces(restrictions, NO_PLACES, new Set(['tor'])), [
    `${country} is refused`,
    `${tor} ${inShadow}`,
  ]);
  t.strictSame(explainPlaces(restrictions, { ...NO_PLACES, knowsCountries: true, knowsTor: true }, none), []);
  t.strictSame(explainPlaces(UNRESTRICTED, NO_PLACES, none), []);
});

t.test('what a caller may send has the same bound as what is stored', async (t) => {
  const list = [...COUNTRY_CODES];
  t.equal(countryKind.input.safeParse(list).success, true);
  t.equal(countryKind.input.safeParse([...list, 'NL']).success, false);
});
