import { canonicalAddress } from './address.ts';
import type { AddressSet } from './address-set.ts';

/** Entries of X-Forwarded-For that are looked at; what stands before them was long since untrusted. */
const MAX_HOPS = 64;

/** Who the client is, and which hops vouch for it. */
export interface ClientAddress {
  /** The address that restrictions, the throttle and the logs use. */
  readonly address: string;
  /** The part of X-Forwarded-For that trusted proxies wrote, from the client on; '' when the peer is the client. */
  readonly forwardedFor: string;
}

/**
 * The client is the rightmost address that no trusted proxy stands behind: the walk starts at the peer, goes left
 * through X-Forwarded-For while each entry is a trusted proxy, and stops at the first that is not. A malformed entry
 * stops it too: what stands left of it is not believed, and the client is then the last proxy that was.
 *
 * @param peer         the socket's remote address
 * @param forwardedFor all X-Forwarded-For values joined with commas; undefined when there are none
 * @param trusted      proxies whose word is taken; nobody by default
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: AddressSet): ClientAddress {
  const from = canonicalAddress(peer) ?? peer;
  if (forwardedFor === undefined || trusted.isEmpty || !trusted.hasText(from))
    return { address: from, forwardedFor: '' };
  const entries = forwardedFor.split(',').slice(-MAX_HOPS);
  const believed: string[] = [];
  let address = from;
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = canonicalAddress((entries[i] as string).trim());
    if (entry === null) break;
    believed.unshift(entry);
    address = entry;
    if (!trusted.hasText(entry)) break;
  }
  return { address, forwardedFor: believed.join(', ') };
}
