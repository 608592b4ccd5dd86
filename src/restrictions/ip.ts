import { isIP } from 'node:net';
import { type AddressBlock, parseBlock } from '../core/address.ts';
import { AddressSet } from '../core/address-set.ts';
import { type Denial, deny } from '../core/denial.ts';
import { denyUnreadable, type RestrictionKind } from './restriction.ts';

/** CIDRs on one key. Membership stays one binary search; the bound keeps a key's record small. */
const MAX_BLOCKS = 10_000;

const BLOCKED = deny('ip_blocked', 'This key may be used only from the addresses that it was restricted to.');

/** An allow-list of addresses and blocks, IPv4 and IPv6. */
export const ip: RestrictionKind = {
  name: 'ip_restrictions',
  faults({ ip_restrictions: list }) {
    if (list.length > MAX_BLOCKS) return [`ip_restrictions: ${list.length} entries; expected at most ${MAX_BLOCKS}`];
    return list.flatMap((text, i) => (parseBlock(text) === null ? [faultOf(text, i)] : []));
  },
  compile({ ip_restrictions: list }) {
    if (list.length === 0) return null;
    const blocks: AddressBlock[] = [];
    for (const text of list) {
      const block = parseBlock(text);
      if (block === null) return denyUnreadable('ip_blocked');
      blocks.push(block);
    }
    const allowed = new AddressSet(blocks);
    // A key comes from the same address again and again, and parsing one takes longer than all the other checks.
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
};

function faultOf(text: string, index: number): string {
  const field = `ip_restrictions[${index}]`;
  const expected = 'expected an address or a CIDR, like 203.0.113.5, 192.168.1.0/24 or 2001:db8::/32';
  const slash = text.indexOf('/');
  const base = text.slice(0, slash);
  if (slash >= 0 && isIP(base) !== 0 && !base.includes('%')) {
    const most = isIP(base) === 4 ? 32 : 128;
    return `${field}: "${text}" has the prefix length "${text.slice(slash + 1)}"; expected 0 to ${most}`;
  }
  return `${field}: "${text}" is not an address; ${expected}`;
}
