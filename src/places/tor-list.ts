import { type AddressBlock, canonicalAddress, parseAddress } from '../core/address.ts';
import { AddressSet } from '../core/address-set.ts';
import { recalling } from './recall.ts';

/** There are some thousands of exits. */
export const MAX_TOR_BYTES = 8 * 1024 * 1024;
const MAX_ADDRESSES = 100_000;
/** A line is shown in an error so far. */
const MAX_SHOWN = 60;
/** From so many addresses on, a list does not shrink to half from one hour to the next. */
const MIN_STEADY = 100;

/** The other lines of the list that the Tor Project publishes as exit-addresses, and of its archive. */
const ABOUT_AN_EXIT = /^(?:ExitNode|Published|LastStatus|Downloaded|@type)\s/;

/** The addresses of Tor's exits. */
export interface TorExits {
  /** Whether an address is one; null when the text is no address. */
  readonly isTorExit: (address: string) => boolean | null;
  /** Each once, in canonical form. */
  readonly addresses: ReadonlySet<string>;
}

/**
 * Understands a list of the addresses of Tor's exits: one on each line, or as the Tor Project publishes them.
 *
 * @param before the list that is in use: to shrink to half of it is no way for a list to change; null: any may come
 * @returns what is wrong with the list, as a fragment, when it has a line that is no address, has none, or too many
 */
export function parseTorList(bytes: Buffer, before: TorExits | null): TorExits | string {
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  const blocks = new Map<string, AddressBlock>();
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    const written = addressIn(line);
    if (written === null) continue;
    const address = parseAddress(written);
    const canonical = address === null ? null : canonicalAddress(written);
    if (address === null || canonical === null) return notAnAddress(line, number);
    blocks.set(canonical, { ...address, prefix: address.family === 4 ? 32 : 128 });
    if (blocks.size > MAX_ADDRESSES) return `has too many addresses; expected at most ${MAX_ADDRESSES}`;
  }
  if (blocks.size === 0) return 'has no address; expected one on each line';
  const known = before?.addresses.size ?? 0;
  if (known >= MIN_STEADY && blocks.size * 2 <= known) {
    return `has ${blocks.size} addresses, of ${known} before; expected more than half of them`;
  }
  const exits = new AddressSet([...blocks.values()]);
  return {
    isTorExit: recalling((address) => (canonicalAddress(address) === null ? null : exits.hasText(address))),
    addresses: new Set(blocks.keys()),
  };
}

/** null when a line is about none. */
function addressIn(line: string): string | null {
  const content = contentOf(line);
  if (content === '' || ABOUT_AN_EXIT.test(content)) return null;
  // `ExitAddress 192.0.2.1 2026-11-23 12:00:00`
  return /^ExitAddress\s+(\S+)/.exec(content)?.[1] ?? content;
}

function contentOf(line: string): string {
  return line.replace(/#.*/s, '').trim();
}

function notAnAddress(line: string, number: number): string {
  const shown = JSON.stringify(contentOf(line).slice(0, MAX_SHOWN));
  return `line ${number}: ${shown} is not an address; expected one like 192.0.2.1`;
}
