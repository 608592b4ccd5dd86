import { setImmediate } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { type CountryResponse, Reader } from 'maxmind';
import { canonicalAddress, parseAddress } from '../core/address.ts';
import { isCountryCode } from '../core/country.ts';
import type { PlacesError } from '../core/places.ts';
import { invalidFile, type ReadFile } from './file.ts';
import { type Mmdb, openMmdb } from './mmdb.ts';
import { recalling } from './recall.ts';

export const COUNTRY_SETTING = 'country.database';
/** A database of cities has some 150MiB; of countries, a tenth of that. It is kept in memory. */
export const MAX_COUNTRY_BYTES = 1024 * 1024 * 1024;
/** Entries whose country is kept; a database of countries has hundreds. */
const MAX_ENTRIES = 1_000;
/** Networks that are looked at for one whose country is known. */
const MAX_SAMPLE = 10_000;
/** Some milliseconds of work, whatever the entries are; requests get their turn between two of them. */
const SAMPLES_PER_TURN = 20;
/** What stands for no known country among those that are kept. */
const UNKNOWN = '';

const EXPECTED = 'expected a database of countries in the MMDB format, like GeoLite2-Country.mmdb';

/** A database of countries, whole and in memory. */
export interface Countries {
  /** The country of an address, as its code; null when it is not known. */
  readonly countryOf: (address: string) => string | null;
  /** When it was built, in milliseconds since the epoch; null when it does not say so. */
  readonly builtAt: number | null;
}

/**
 * Understands a database of countries, in any of the shapes in which they are published.
 *
 * @throws PlacesError when the file is no such database
 */
export async function parseCountries(path: string, { bytes }: ReadFile): Promise<Countries> {
  const invalid = (problem: string): PlacesError => invalidFile(COUNTRY_SETTING, path, problem);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) throw invalid('is compressed; unpack it with gunzip');
  const database = await openMmdb(bytes);
  if (database === null) throw invalid(`cannot be understood; ${EXPECTED}`);
  const codes = entryCodes(database, bytes);
  if (!(await knowsSome(database, codes))) throw invalid(`knows no country; ${EXPECTED}`);
  const builtAt = new Date(database.buildEpoch * 1000).getTime();
  return {
    countryOf: recalling((address) => {
      const canonical = canonicalAddress(address);
      return canonical === null ? null : codes(canonical).code;
    }),
    builtAt: builtAt > 0 ? builtAt : null,
  };
}

interface FoundCode {
  /** null when it is not known, or its entry is damaged: of the others it is. */
  readonly code: string | null;
  /** How many leading bits the network has. */
  readonly prefix: number;
}

/** @param address in canonical form, so that an embedded IPv4 address is asked for as such */
type Codes = (address: string) => FoundCode;

/**
 * The countries of addresses. The library decodes an entry whatever it takes, and a few KiB can hold one of any size: it is
 * asked for those that a bounded look has found to be within bounds. Codes are kept, never entries.
 */
function entryCodes(database: Mmdb, bytes: Buffer): Codes {
  const reader = new Reader<CountryResponse>(bytes, { cache: { get: () => undefined, set: () => undefined } });
  const known = new LRUCache<number, string>({ max: MAX_ENTRIES });
  const decoded = (entry: number, address: string): string => {
    if (!database.isReadable(entry)) return UNKNOWN;
    try {
      return countryIn(reader.get(address)) ?? UNKNOWN;
    } catch {
      return UNKNOWN; // Damaged in a way that only the library minds.
    }
  };
  return (address) => {
    const words = parseAddress(address)?.words ?? [];
    // A tree of IPv4 addresses would answer for the first 32 bits.
    if (words.length === 0 || (database.ipVersion === 4 && words.length > 1)) return { code: null, prefix: 0 };
    const { entry, prefix } = database.find(words);
    if (entry === null) return { code: null, prefix };
    let code = known.get(entry);
    if (code === undefined) {
      code = decoded(entry, address);
      known.set(entry, code);
    }
    return { code: code === UNKNOWN ? null : code, prefix };
  };
}

/** The first code that an entry has is its country, also when ISO 3166-1 does not list it: the others mean other things. */
function countryIn(entry: unknown): string | null {
  const country = member(entry, 'country');
  const registered = member(member(entry, 'registered_country'), 'iso_code');
  const written = [member(country, 'iso_code'), country, member(entry, 'country_code'), registered];
  const found = written.find((value) => typeof value === 'string' && /^[A-Za-z]{2}$/.test(value));
  const code = String(found).toUpperCase();
  return isCountryCode(code) ? code : null;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** Whether it knows any country: with a database of something else, every restricted key would be refused in silence. */
async function knowsSome(database: Mmdb, codes: Codes): Promise<boolean> {
  const width = database.ipVersion === 4 ? 32 : 128;
  let at = 0n;
  for (let i = 1; i <= MAX_SAMPLE && at < 1n << BigInt(width); i++) {
    const { entry, prefix } = database.find(wordsOf(at, width));
    if (entry !== null && codes(textOf(at, width)).code !== null) return true;
    at += 1n << BigInt(width - prefix);
    if (i % SAMPLES_PER_TURN === 0) await setImmediate();
  }
  return false;
}

/** The address as words of 32 bits. */
function wordsOf(address: bigint, width: 32 | 128): number[] {
  const words = [];
  for (let shift = width - 32; shift >= 0; shift -= 32) words.push(Number((address >> BigInt(shift)) & 0xffff_ffffn));
  return words;
}

function textOf(address: bigint, width: 32 | 128): string {
  const words = wordsOf(address, width);
  if (width === 32) return [24, 16, 8, 0].map((shift) => ((words[0] ?? 0) >>> shift) & 255).join('.');
  return words.map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(':');
}
