import type { PlacesConfig } from '../config/config.ts';
import { NO_PLACES, type Places, PlacesError } from '../core/places.ts';
import type { KnownPlaces, PlacesGap } from '../management/admin/deciding-rules.ts';
import { openPlaces, type PlacesOptions } from '../places/index.ts';
import { systemClock } from './clock.ts';

/** They are read once, and asked about for as long as one command runs. */
const OPTIONS: PlacesOptions = { clock: systemClock, onEvent: () => undefined, repeat: () => () => undefined };

/**
 * What this machine knows of addresses, for somebody who serves nothing: files are read, nothing is fetched. What cannot
 * be read is a gap: it says nothing about what a gateway knows, which goes on with what it read before.
 */
export async function openLocalPlaces({ countryDatabase, torList }: PlacesConfig): Promise<KnownPlaces> {
  const gaps: PlacesGap[] = [];
  const open = async (restriction: string, config: PlacesConfig): Promise<Places> => {
    try {
      return await openPlaces(config, OPTIONS);
    } catch (error) {
      if (!(error instanceof PlacesError)) throw error;
      gaps.push({ restriction, text: `${error.message}; a gateway may know more` });
      return NO_PLACES;
    }
  };
  const country = await open('country', { countryDatabase, torList: null });
  const tor = await open('tor', { countryDatabase: null, torList });
  if (torList?.kind === 'url' && !tor.knowsTor) gaps.push({ restriction: 'tor', text: NOT_FETCHED });
  return {
    places: {
      knowsCountries: country.knowsCountries,
      knowsTor: tor.knowsTor,
      countryOf: country.countryOf,
      isTorExit: tor.isTorExit,
    },
    gaps,
  };
}

const NOT_FETCHED =
  'the list of Tor exits is fetched by gateways, and none is kept here (tor.kept_file), so that nobody can be told apart from an exit; a gateway knows it';
