import { isIP } from 'node:net';
import { z } from 'zod';
import { canonicalAddress, isWholeEmbedding, parseBlock, WHOLE_EMBEDDING } from '../core/address.ts';
import { AddressSet } from '../core/address-set.ts';
import { type Denial, deny } from '../core/denial.ts';
import { restriction } from './restriction.ts';

/** CIDRs on one key. Membership stays one binary search; the bound keeps a key's record small. */
const MAX_BLOCKS = 10_000;

const BLOCKED = deny('ip_blocked', 'This key may be used only from the addresses that it was restricted to.');

/** An allow-list of addresses and blocks, IPv4 and IPv6. */
export const ip = restriction({
  name: 'ip',
  field: 'ip_restrictions',
  code: 'ip_blocked',
  none: [] as readonly string[],
  label: 'Addresses',
  option: { name: 'ip', value: 'CIDR', summary: 'An address or CIDR that the key may be used from.' },
  stored: z.array(z.string()),
  input: z
    .array(z.string())
    .max(MAX_BLOCKS)
    .meta({ description: 'Addresses and CIDRs; none: any.', examples: [['192.168.1.0/24']] }),
  normal: (list) => list,
  text: (list) => (list.length === 0 ? 'any' : list.join(', ')),
  faults(list) {
    if (list.length > MAX_BLOCKS) return [`ip_restrictions: ${list.length} entries; expected at most ${MAX_BLOCKS}`];
    return list.flatMap((text, i) => faultOf(text, `ip_restrictions[${i}]`) ?? []);
  },
  compile(list) {
    const allowed = AddressSet.of(list);
    // One key comes from the same address again and again; those that share a list may come from many.
    let last: string | null = null;
    let verdict: Denial | null = null;
    return ({ address }) => {
      if (address !== last) {
        verdict = allowed.hasText(address) ? null : BLOCKED;
        last = address;
      }
      return verdict;
    };
  },
  seen: (_list, { address }) => `address ${address}`,
  loosened(list, { address }) {
    const canonical = canonicalAddress(address);
    return canonical === null ? null : [...list, canonical];
  },
});

/** @returns null when there is nothing wrong with the entry */
function faultOf(text: string, field: string): string | null {
  const block = parseBlock(text);
  if (block !== null) return isWholeEmbedding(block) ? `${field}: "${text}" ${WHOLE_EMBEDDING}` : null;
  const expected = 'expected an address or a CIDR, like 203.0.113.5, 192.168.1.0/24 or 2001:db8::/32';
  const slash = text.indexOf('/');
  const base = text.slice(0, slash);
  if (slash >= 0 && isIP(base) !== 0 && !base.includes('%')) {
    const most = isIP(base) === 4 ? 32 : 128;
    return `${field}: "${text}" has the prefix length "${text.slice(slash + 1)}"; expected 0 to ${most}`;
  }
  return `${field}: "${text}" is not an address; ${expected}`;
}
