import { NO_PLACES, type Places } from '../core/places.ts';
import { openCountries } from './country.ts';
import { openTorList } from './tor.ts';

/** The files that say where addresses are. */
export interface PlacesFiles {
  /** An MMDB file; null: no country is known. */
  readonly countryDatabase: string | null;
  /** The addresses of Tor's exits; null: nobody knows which they are. */
  readonly torList: string | null;
}

/**
 * Reads the files into memory; what they say later is not seen.
 *
 * @throws PlacesError when one cannot be used
 */
export async function openPlaces({ countryDatabase, torList }: PlacesFiles): Promise<Places> {
  return {
    knowsCountries: countryDatabase !== null,
    knowsTor: torList !== null,
    countryOf: countryDatabase === null ? NO_PLACES.countryOf : await openCountries(countryDatabase),
    isTorExit: torList === null ? NO_PLACES.isTorExit : await openTorList(torList),
  };
}
