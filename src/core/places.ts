/** What is known of where addresses are. Answers from memory, in well under a microsecond for an address seen before. */
export interface Places {
  /** Whether there is a country database. Without one no country is known. */
  readonly knowsCountries: boolean;
  /** Whether there is a list of Tor's exit addresses. */
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
  /** The file cannot be read. */
  | 'PLACES_UNREADABLE'
  /** The file was read and is not what it should be. */
  | 'PLACES_INVALID';

/** A file about places that cannot be used. Compare `code`, never the message. */
export class PlacesError extends Error {
  readonly code: PlacesErrorCode;
  /** The setting that names the file: `country.database`, `tor.list_file`. */
  readonly setting: string;
  constructor(code: PlacesErrorCode, setting: string, message: string) {
    super(`${setting}: ${message}`);
    this.name = 'PlacesError';
    this.code = code;
    this.setting = setting;
  }
}
