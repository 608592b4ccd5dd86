import { NO_PLACES, type Places, PlacesError, type PlacesSource, type PlacesStatus } from '../core/places.ts';
import { COUNTRY_SETTING, type Countries, MAX_COUNTRY_BYTES, parseCountries } from './country.ts';
import type { PlacesOptions } from './options.ts';
import { secondsSince } from './record.ts';
import { openTor, type TorListAt, torFileKind } from './tor.ts';
import { type FileKind, loadFile, WatchedFile } from './watched-file.ts';

export type { PlacesEvent, PlacesOptions } from './options.ts';

/** What says where addresses are. */
export interface PlacesSources {
  /** An MMDB file; null: no country is known. */
  readonly countryDatabase: string | null;
  /** The addresses of Tor's exits: a file, or where they are fetched; null: nobody knows which they are. */
  readonly torList: TorListAt | null;
}

/** Places that are kept up to date. */
export interface LivePlaces extends Places {
  /** How it stands with each source; to be asked by those who look after the gateway. */
  status(): PlacesStatus;
  /** Begins to look at the files and to fetch. Until then only what was opened serves. */
  start(): void;
  /** Ends all that `start` began. What was read serves on. */
  stop(): Promise<void>;
}

/**
 * Reads the files, and the list that was kept of those that were fetched. Nothing is fetched yet.
 *
 * @throws PlacesError when a file that is configured cannot be used
 */
export async function openPlaces(sources: PlacesSources, options: PlacesOptions): Promise<LivePlaces> {
  const { countryDatabase, torList } = sources;
  const country = countryDatabase === null ? null : await WatchedFile.open(countryKind(countryDatabase), options);
  const tor = torList === null ? null : await openTor(torList, options);
  return {
    knowsCountries: country !== null,
    get knowsTor() {
      return tor !== null && tor.exits() !== null;
    },
    countryOf: country === null ? NO_PLACES.countryOf : (address) => country.loaded.value.countryOf(address),
    isTorExit: tor === null ? NO_PLACES.isTorExit : (address) => tor.exits()?.isTorExit(address) ?? null,
    status: () => ({
      country: country === null ? null : countryStatus(country, options),
      tor: tor === null ? null : tor.status(),
    }),
    start() {
      country?.start();
      tor?.start();
    },
    async stop() {
      country?.stop();
      await tor?.stop();
    },
  };
}

/** What is wrong with the files that are configured; nothing is fetched. */
export async function placesFaults({ countryDatabase, torList }: PlacesSources): Promise<PlacesError[]> {
  const readings = [
    ...(countryDatabase === null ? [] : [tryFile(countryKind(countryDatabase))]),
    ...(torList?.kind === 'file' ? [tryFile(torFileKind(torList.path))] : []),
  ];
  return (await Promise.all(readings)).filter((fault) => fault !== null);
}

async function tryFile<T>(kind: FileKind<T>): Promise<PlacesError | null> {
  try {
    await loadFile(kind);
    return null;
  } catch (error) {
    if (error instanceof PlacesError) return error;
    throw error;
  }
}

function countryKind(path: string): FileKind<Countries> {
  return {
    setting: COUNTRY_SETTING,
    path,
    limit: MAX_COUNTRY_BYTES,
    parse: (file) => parseCountries(path, file),
    describe: ({ value }) => (value.builtAt === null ? 'of unknown age' : `built on ${dayOf(value.builtAt)}`),
  };
}

function countryStatus(file: WatchedFile<Countries>, { clock }: PlacesOptions): PlacesSource {
  const { value, writtenAt } = file.loaded;
  const at = value.builtAt ?? writtenAt;
  return {
    setting: COUNTRY_SETTING,
    loaded: { at, ageSeconds: secondsSince(at, clock), addresses: 0 },
    troubles: file.troubles,
    updates: { ...file.updates },
  };
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
