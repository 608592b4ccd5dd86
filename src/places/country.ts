import { LRUCache } from 'lru-cache';
import { type CountryResponse, Reader } from 'maxmind';
import { canonicalAddress } from '../core/address.ts';
import { isCountryCode } from '../core/country.ts';
import type { PlacesError } from '../core/places.ts';
import { invalidFile, type ReadFile } from './file.ts';
import { isWholeTree } from './mmdb-tree.ts';
import { recalling } from './recall.ts';

export const COUNTRY_SETTING = 'country.database';
/** A database of cities has some 150MiB; of countries, a tenth of that. It is kept in memory. */
export const MAX_COUNTRY_BYTES = 1024 * 1024 * 1024;
/** Decoded entries kept; a database of countries has hundreds. */
const MAX_ENTRIES = 1_000;
/** Networks that are looked at for one whose country is known. */
const MAX_SAMPLE = 10_000;
/** Between the tree and the data of an MMDB file. */
const SEPARATOR_BYTES = 16;
/** Before the description of an MMDB file, which stands within so many bytes of its end. */
const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const MAX_DESCRIPTION_BYTES = 128 * 1024;

const EXPECTED = 'expected a database of countries in the MMDB format, like GeoLite2-Country.mmdb';

type Database = Reader<CountryResponse>;

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
  const database = await parse(bytes);
  if (database === null) throw invalid(`cannot be understood; ${EXPECTED}`);
  if (!knowsSome(database)) throw invalid(`knows no country; ${EXPECTED}`);
  const builtAt = database.metadata.buildEpoch.getTime();
  return {
    countryOf: recalling((address) => {
      const canonical = canonicalAddress(address);
      return canonical === null ? null : lookUp(database, canonical);
    }),
    builtAt: builtAt > 0 ? builtAt : null,
  };
}

/** null when the bytes are not a whole database. */
async function parse(bytes: Buffer): Promise<Database | null> {
  const description = bytes.subarray(-MAX_DESCRIPTION_BYTES).lastIndexOf(MARKER);
  if (description < 0) return null;
  const dataEnd = Math.max(0, bytes.length - MAX_DESCRIPTION_BYTES) + description;
  try {
    const database: Database = new Reader(bytes, {
      cache: new LRUCache<string | number, object>({ max: MAX_ENTRIES }),
    });
    const { ipVersion, nodeCount, recordSize, searchTreeSize } = database.metadata;
    const dataSize = dataEnd - searchTreeSize - SEPARATOR_BYTES;
    if (!(nodeCount > 0 && dataSize > 0) || (ipVersion !== 4 && ipVersion !== 6)) return null;
    const layout = { nodeCount, recordSize, separatorBytes: SEPARATOR_BYTES, dataSize };
    return (await isWholeTree(bytes, layout)) ? database : null;
  } catch {
    return null; // The reader runs into whatever is wrong, with errors of many kinds.
  }
}

/** @param address in canonical form, so that an embedded IPv4 address is asked for as such */
function lookUp(database: Database, address: string): string | null {
  // Asked for an IPv6 address, a tree of IPv4 addresses answers for its first 32 bits.
  if (database.metadata.ipVersion === 4 && address.includes(':')) return null;
  try {
    return countryIn(database.get(address));
  } catch {
    return null; // A damaged entry: its country is not known, and the others are.
  }
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
function knowsSome(database: Database): boolean {
  const width = database.metadata.ipVersion === 4 ? 32 : 128;
  let at = 0n;
  for (let i = 0; i < MAX_SAMPLE && at < 1n << BigInt(width); i++) {
    const address = textOf(at, width);
    if (lookUp(database, address) !== null) return true;
    at += 1n << BigInt(width - prefixOf(database, address));
  }
  return false;
}

/** How many leading bits the network of an address has. */
function prefixOf(database: Database, address: string): number {
  try {
    return database.getWithPrefixLength(address)[1];
  } catch {
    return 0; // Damaged: the sample ends here.
  }
}

function textOf(address: bigint, width: 32 | 128): string {
  const hex = address.toString(16).padStart(width / 4, '0');
  const parts = hex.match(width === 32 ? /../g : /..../g) ?? [];
  return width === 32 ? parts.map((part) => Number.parseInt(part, 16)).join('.') : parts.join(':');
}
