import { type AddressBlock, canonicalAddress, parseAddress } from '../core/address.ts';
import { AddressSet } from '../core/address-set.ts';
import type { Places } from '../core/places.ts';
import { invalidFile, readPlacesFile } from './file.ts';
import { recalling } from './recall.ts';

const SETTING = 'tor.list_file';
/** There are some thousands of exits. */
const MAX_BYTES = 8 * 1024 * 1024;
/** A line is shown in an error so far. */
const MAX_SHOWN = 60;

/** The other lines of the list that the Tor Project publishes as exit-addresses, and of its archive. */
const ABOUT_AN_EXIT = /^(?:ExitNode|Published|LastStatus|Downloaded|@type)\s/;

/**
 * Reads a list of the addresses of Tor's exits.
 *
 * @throws PlacesError when the file cannot be read, has a line that is no address, or has none
 */
export async function openTorList(path: string): Promise<Places['isTorExit']> {
  const text = (await readPlacesFile(SETTING, path, MAX_BYTES)).toString('utf8').replace(/^\uFEFF/, '');
  const blocks = text.split('\n').flatMap((line, i) => blocksOf(line, i + 1, path));
  if (blocks.length === 0) throw invalidFile(SETTING, path, 'has no address; expected one on each line');
  const exits = new AddressSet(blocks);
  return recalling((address) => (canonicalAddress(address) === null ? null : exits.hasText(address)));
}

function blocksOf(line: string, number: number, path: string): AddressBlock[] {
  const content = line.replace(/#.*/s, '').trim();
  if (content === '' || ABOUT_AN_EXIT.test(content)) return [];
  // `ExitAddress 192.0.2.1 2026-11-23 12:00:00`
  const written = /^ExitAddress\s+(\S+)/.exec(content)?.[1] ?? content;
  const address = parseAddress(written);
  if (address !== null) return [{ ...address, prefix: address.family === 4 ? 32 : 128 }];
  const shown = JSON.stringify(content.slice(0, MAX_SHOWN));
  throw invalidFile(SETTING, path, `line ${number}: ${shown} is not an address; expected one like 192.0.2.1`);
}
