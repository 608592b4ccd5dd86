/** What is known of where addresses are. Answers from memory, in well under a microsecond for an address seen before. */
export interface Places {
  /** Whether there is a country database. Without one no country is known. */
  readonly knowsCountries: boolean;
  /** Whether there is a list of Tor's exit addresses; one that is fetched comes later than the first request. */
  readonly knowsTor: boolean;
  /** The country of an address, as its ISO 3166-1 alpha-2 code in capitals; null when it is not known. */
  readonly countryOf: (address: string) => string | null;
  /** Whether an address is an exit of Tor; null when that is not known, for there is no list or the text is no address. */
  readonly isTorExit: (address: string) => boolean | null;
}

/** Knows nothing: no database, no list. */
export const NO_PLACES: Places = Object.freeze({
  knowsCountries: false,
  knowsTor: false,
  countryOf: () => null,
  isTorExit: () => null,
});

export type PlacesErrorCode =
  /** The file, or what is at the address, cannot be read; or a list cannot be kept. */
  | 'PLACES_UNREADABLE'
  /** What was read is not what it should be. */
  | 'PLACES_INVALID';

/** A source of places that cannot be used. Compare `code`, never the message. */
export class PlacesError extends Error {
  readonly code: PlacesErrorCode;
  /** The setting that names what cannot be used: `country.database`, `tor.list_file`, … */
  readonly setting: string;
  /** The message without the setting. */
  readonly problem: string;
  constructor(code: PlacesErrorCode, setting: string, problem: string, options: ErrorOptions = {}) {
    super(`${setting}: ${problem}`, options);
    this.name = 'PlacesError';
    this.code = code;
    this.setting = setting;
    this.problem = problem;
  }
}

/** What keeps a source of places from being brought up to date. What was read before serves on. */
export interface PlacesTrouble {
  readonly setting: string;
  readonly code: PlacesErrorCode;
  /** When it began, in milliseconds since the epoch. */
  readonly since: number;
}

/** A source of places, as those see it who look after the gateway. */
export interface PlacesSource {
  /** The setting that names it: `country.database`, `tor.list_file`, `tor.list_url`. */
  readonly setting: string;
  /**
   * What serves; null: nothing was read yet. `at`, in milliseconds since the epoch, is when a database was built, a list
   * was last fetched, or their file was written. `addresses` is how many a list has; 0 for a database.
   */
  readonly loaded: { readonly at: number; readonly ageSeconds: number; readonly addresses: number } | null;
  readonly troubles: readonly PlacesTrouble[];
  /** What came of reading it again. */
  readonly updates: PlacesUpdates;
}

export interface PlacesUpdates {
  readonly success: number;
  /** It was read, and says what was known. */
  readonly unchanged: number;
  readonly failure: number;
}

/** Each source that is configured; null: it is not. */
export interface PlacesStatus {
  readonly country: PlacesSource | null;
  readonly tor: PlacesSource | null;
}
