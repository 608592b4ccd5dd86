import { setImmediate } from 'node:timers/promises';
import { canonicalAddress } from '../core/address.ts';
import { recalling } from './recall.ts';

/** There are some thousands of exits. */
export const MAX_TOR_BYTES = 8 * 1024 * 1024;
const MAX_ADDRESSES = 100_000;
/** The list of the Tor Project has four for each exit. */
const MAX_LINES = 4 * MAX_ADDRESSES;
/** Some milliseconds of work; requests get their turn between two of them. */
const LINES_PER_TURN = 5_000;
const LINE_FEED = 0x0a;
const BYTE_ORDER_MARK = Buffer.from('\ufeff');
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
 * Understands a list of the addresses of Tor's exits: one on each line, or as the Tor Project publishes them. Requests are
 * served meanwhile.
 *
 * @param before the list that is in use: to shrink to half of it is no way for a list to change; null: any may come
 * @returns what is wrong with the list, as a fragment, when it has a line that is no address, has none, or too many
 */
export async function parseTorList(bytes: Buffer, before: TorExits | null): Promise<TorExits | string> {
  const addresses = new Set<string>();
  let number = 0;
  for (const line of linesOf(bytes)) {
    number++;
    if (number > MAX_LINES) return `has too many lines; expected at most ${MAX_LINES}`;
    if (number % LINES_PER_TURN === 0) await setImmediate();
    const written = addressIn(line);
    if (written === null) continue;
    const address = canonicalAddress(written);
    if (address === null) return notAnAddress(line, number);
    addresses.add(address);
    if (addresses.size > MAX_ADDRESSES) return `has too many addresses; expected at most ${MAX_ADDRESSES}`;
  }
  if (addresses.size === 0) return 'has no address; expected one on each line';
  const known = before?.addresses.size ?? 0;
  if (known >= MIN_STEADY && addresses.size * 2 <= known) {
    return `has ${addresses.size} addresses, of ${known} before; expected more than half of them`;
  }
  const isTorExit = recalling((address) => {
    const canonical = canonicalAddress(address);
    return canonical === null ? null : addresses.has(canonical);
  });
  return { isTorExit, addresses };
}

/** One line after the other: all of them at a time would take many times the memory of the list. */
function* linesOf(bytes: Buffer): Generator<string> {
  let start = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
  while (start < bytes.length) {
    const feed = bytes.indexOf(LINE_FEED, start);
    const end = feed < 0 ? bytes.length : feed;
    yield bytes.toString('utf8', start, end);
    start = end + 1;
  }
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
