import type { Places } from '../core/places.ts';
import type { World } from './explanation.ts';

/** What kinds of restrictions look at besides the request: something that is known of addresses, or is not. */
interface PlaceFact {
  readonly isKnown: (places: Places) => boolean;
  /** What is to be set where it is not. */
  readonly setting: string;
  /** What is missing then, as a fragment. */
  readonly source: string;
  /** What nobody can say without it, as a fragment. */
  readonly unsaid: string;
}

const FACTS: Readonly<Record<string, PlaceFact>> = {
  country: {
    isKnown: ({ knowsCountries }) => knowsCountries,
    setting: 'country.database',
    source: 'country database',
    unsaid: 'the country',
  },
  tor: {
    isKnown: ({ knowsTor }) => knowsTor,
    setting: 'tor.list_url',
    source: 'Tor list',
    unsaid: 'whether it is an exit of Tor',
  },
};

/** What is missing where a gateway that decides knows nothing. */
export interface Lack {
  /** `no Tor list is configured`. */
  readonly text: string;
  /** What would mend it, as an imperative. */
  readonly remedy: string;
}

/** What a kind of restriction has nothing to go by without; null: it has what it needs. */
export function lackOf(name: string, { places, configured }: World): Lack | null {
  const fact = FACTS[name];
  if (fact === undefined || fact.isKnown(places)) return null;
  const { setting, source } = fact;
  // The first list is fetched after the first requests.
  if (configured.has(name)) return { text: `no ${source} was read yet`, remedy: `wait until the ${source} is read` };
  return { text: `no ${source} is configured`, remedy: `set ${setting}` };
}

/** What is not known here of an address, as a fragment: `the country is not known here`. */
export function unknownHereText(name: string): string {
  return `${FACTS[name]?.unsaid ?? 'what it looks at'} is not known here`;
}
