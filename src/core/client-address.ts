import { canonicalAddress } from './address.ts';
import type { AddressSet } from './address-set.ts';
import { EntriesFromEnd } from './entries.ts';
import { ForwardedReader } from './forwarded.ts';
import { entryAddress, withoutBlanks } from './node-address.ts';

/** Proxies in a row that are believed; what stands before them was long since untrusted. */
const MAX_HOPS = 64;

/** Who the client is, and which hops vouch for it. */
export interface ClientAddress {
  /** The address that restrictions, the throttle and the logs use. */
  readonly address: string;
  /** What trusted proxies said, from the client on, as X-Forwarded-For lists it; '' when the peer is the client. */
  readonly forwardedFor: string;
}

/** A client as Forwarded tells of it. */
export interface ForwardedClient extends ClientAddress {
  /** The protocol that it used, as written; '' when nobody who is believed says. */
  readonly proto: string;
  /** The host that it asked for, as written; '' when nobody who is believed says. */
  readonly host: string;
}

/**
 * The client is the rightmost address that no trusted proxy stands behind: the walk starts at the peer, goes left
 * through X-Forwarded-For while each entry is a trusted proxy, and stops at the first that is not. A malformed entry
 * stops it too: what stands left of it is not believed, and the client is then the last proxy that was.
 *
 * @param peer         where the connection came from
 * @param forwardedFor all X-Forwarded-For values joined with commas; undefined when there are none
 * @param trusted      proxies whose word is taken; nobody by default
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: AddressSet): ClientAddress {
  const from = canonicalAddress(peer) ?? peer;
  if (forwardedFor === undefined || !trusted.hasText(from)) return { address: from, forwardedFor: '' };
  const entries = new EntriesFromEnd(forwardedFor);
  return walk(from, trusted, () => {
    const entry = entries.previous();
    return entry === null ? null : entryAddress(withoutBlanks(entry));
  });
}

/**
 * The same walk through Forwarded (RFC 7239). `unknown`, an obfuscated name, and an element that names nobody stop it
 * like a malformed one.
 *
 * The protocol and the host are those of the leftmost element that a trusted proxy wrote. Each element tells of the one
 * connection over which its writer got the request, and that one was written by the proxy at the edge, who spoke with
 * the client itself. The elements right of it tell of connections between proxies, so when it leaves a thing out they
 * are not asked. An element that hides the client's address is as good as another for this; a malformed one is not.
 *
 * @param forwarded all values of Forwarded joined with commas; undefined when there are none
 */
export function forwardedClient(peer: string, forwarded: string | undefined, trusted: AddressSet): ForwardedClient {
  const from = canonicalAddress(peer) ?? peer;
  if (forwarded === undefined || !trusted.hasText(from))
    return { address: from, forwardedFor: '', proto: '', host: '' };
  const reader = new ForwardedReader(forwarded);
  const client = walk(from, trusted, () => reader.previous()?.address ?? null);
  return { ...client, proto: reader.leftmost?.proto ?? '', host: reader.leftmost?.host ?? '' };
}

/** @param previous the address that the next hop to the left is said to have; null: it has none, or there is none */
function walk(peer: string, trusted: AddressSet, previous: () => string | null): ClientAddress {
  const believed: string[] = [];
  let address = peer;
  while (believed.length < MAX_HOPS) {
    const said = previous();
    if (said === null) break;
    believed.push(said);
    address = said;
    if (!trusted.hasText(said)) break;
  }
  return { address, forwardedFor: believed.toReversed().join(', ') };
}
