import { BlockList, isIP } from 'node:net';
import * as fc from 'fast-check';
import t from 'tap';
import { type AddressBlock, canonicalAddress, parseAddress, parseBlock } from '../../src/core/address.ts';
import { AddressSet } from '../../src/core/address-set.ts';
import { readIpv6 } from '../../src/core/ipv6-text.ts';
import { holds } from '../support/random.ts';
import { groupsOf, isIn, type Meant, meantBy, type Range, rangeOf, textOf } from './address-oracle.ts';

const MAX = { 4: 2n ** 32n - 1n, 6: 2n ** 128n - 1n };

// Many zeros, so that there is much to compress, and the neighbours of the forms that wrap an IPv4 address.
const group = fc.oneof(
  fc.constantFrom(0, 0, 0, 0, 1, 0x64, 0xff, 0x2001, 0x2002, 0xff9b, 0xffff),
  fc.nat({ max: 0xffff }),
);
const sixteen = fc.array(group, { minLength: 8, maxLength: 8 });
const anyIpv6 = sixteen.map((groups) => groups.reduce((value, each) => value * 0x10000n + BigInt(each), 0n));
const anyIpv4 = fc.oneof(fc.bigInt({ min: 0n, max: MAX[4] }), fc.constantFrom(0n, 1n, 0xffn, 0x100n, MAX[4]));
const wrapped = fc
  .tuple(
    anyIpv4,
    fc.constantFrom(0xffffn, 0xffff0000n, 0x64ff9bn << 64n, 0n, 0xfffen, 0xffff0001n, 0x64ff9b0001n << 56n),
  )
  .map(([address, before]) => (before << 32n) | address);
const sixToFour = fc
  .tuple(anyIpv4, anyIpv6)
  .map(([address, rest]) => (0x2002n << 112n) | (address << 80n) | (rest >> 48n));
const teredo = anyIpv6.map((value) => (0x20010000n << 96n) | (value >> 32n));
const ipv6 = fc.oneof(anyIpv6, wrapped, sixToFour, teredo);

/** An IPv6 address in one of its many texts. */
const ipv6Text = (value: bigint): fc.Arbitrary<string> =>
  fc
    .record({
      isDotted: fc.boolean(),
      widths: fc.array(fc.nat({ max: 4 }), { minLength: 8, maxLength: 8 }),
      isUpper: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      gap: fc.tuple(fc.nat({ max: 7 }), fc.nat({ max: 8 })),
      zone: fc.constantFrom('', '', '', '%eth0', '%1', '%a%b'),
    })
    .map(({ isDotted, widths, isUpper, gap: [start, length], zone }) => {
      const groups = groupsOf(value);
      const parts = groups.map((each, i) => {
        const hex = each.toString(16).padStart(widths[i] ?? 0, '0');
        return isUpper[i] === true ? hex.toUpperCase() : hex;
      });
      if (isDotted) parts.splice(6, 2, textOf({ family: 4, value: value % 2n ** 32n }));
      let end = start;
      const most = Math.min(isDotted ? 6 : 8, start + length);
      while (end < most && groups[end] === 0) end++;
      const isGap = end > start;
      return `${isGap ? `${parts.slice(0, start).join(':')}::${parts.slice(end).join(':')}` : parts.join(':')}${zone}`;
    });

const text = fc.oneof(
  anyIpv4.map((value) => textOf({ family: 4, value })),
  ipv6.chain(ipv6Text),
);

/** Near an address: a character more, less or another, which may be one still. */
const nearAddress = fc
  .tuple(text, fc.nat(), fc.nat({ max: 2 }), fc.constantFrom(...'0123456789aAfFgG::::....%/[] x-+\0١'.split('')))
  .map(([written, at, taken, put]) => {
    const place = at % (written.length + 1);
    return written.slice(0, place) + put + written.slice(place + taken);
  });
const noise = fc
  .array(fc.constantFrom('0', '1', '00', '255', '256', 'ffff', 'FFFFF', ':', ':', '::', '.', '.', '%', '/'), {
    maxLength: 17,
  })
  .map((parts) => parts.join(''));

function valueOf(written: string): Meant | null {
  const address = parseAddress(written);
  if (address === null) return null;
  const value = address.words.reduce((sum, word) => sum * 2n ** 32n + BigInt(word), 0n);
  return { family: address.family, value };
}

t.test('a text means the address that the standard says, and has its one canonical form', async (t) => {
  let addresses = 0;
  holds(
    fc.property(fc.oneof(text, nearAddress, noise), (written) => {
      const expected = meantBy(written);
      if (expected !== null) addresses++;
      const meant = valueOf(written);
      // Node's own parser knows which texts are addresses, but has another opinion of zones.
      if (!written.includes('%') && (isIP(written) === 0) !== (expected === null)) return false;
      if (meant?.family !== expected?.family || meant?.value !== expected?.value) return false;
      return canonicalAddress(written) === (expected === null ? null : textOf(expected));
    }),
    8_000,
  );
  t.ok(addresses > 2_000, `${addresses} of the texts were addresses`);
});

t.test('one address has one canonical form, which is its own', async () => {
  holds(
    fc.property(
      ipv6.chain((value) => fc.tuple(ipv6Text(value), ipv6Text(value))),
      ([one, other]) => {
        const canonical = canonicalAddress(one);
        if (canonical === null || canonical !== canonicalAddress(other)) return false;
        return canonicalAddress(canonical) === canonical;
      },
    ),
    2_000,
  );
});

t.test('the quick reader takes every IPv6 address of groups alone, and nothing else', async () => {
  const words = new Uint32Array(4);
  holds(
    fc.property(fc.oneof(text, nearAddress, noise), (written) => {
      const isPlain = written.includes(':') && !/[.%]/.test(written);
      words.fill(0xdead);
      if (!readIpv6(written, words)) return words.every((word) => word === 0xdead) && !(isPlain && meantBy(written));
      return isPlain && canonicalAddress(written) === textOf(meantBy(written) as Meant);
    }),
    2_000,
  );
});

t.test('a block holds the addresses that the standard says, written in whatever form', async () => {
  const prefix = fc.oneof(fc.nat({ max: 128 }), fc.nat({ max: 32 }), fc.constantFrom(0, 16, 32, 48, 96, 128));
  const block = fc.tuple(text, prefix).map(([address, length]) => `${address.replace(/%.*/, '')}/${length}`);
  const junk = fc.tuple(nearAddress, fc.constantFrom('', '/', '/8', '/08', '/129', '/-1', '/1e1', '/ 8', '/8/8'));
  const given = fc.oneof(
    { weight: 5, arbitrary: block },
    { weight: 1, arbitrary: junk.map((parts) => parts.join('')) },
  );
  holds(
    fc.property(fc.array(given, { maxLength: 10 }), fc.array(text, { maxLength: 5 }), (blocks, others) => {
      const ranges = blocks.map(rangeOf);
      const parsed = blocks.map(parseBlock);
      if (ranges.some((range, i) => (range === null) !== (parsed[i] === null))) return false;
      const known = ranges.filter((range) => range !== null);
      const set = new AddressSet(parsed.filter((each) => each !== null));
      return [...others, ...known.flatMap(edgesOf)].every((each) => agree(set, known, each));
    }),
    2_000,
  );
});

/** The first and the last address of a range and the ones beside them; IPv4 also as other forms wrap it. */
function edgesOf({ family, first, last }: Range): string[] {
  const values = [first - 1n, first, last, last + 1n].filter((value) => value >= 0n && value <= MAX[family]);
  const plain = values.map((value) => textOf({ family, value }));
  if (family === 6) return plain;
  const teredoOf = (value: bigint): string => textOf({ family: 6, value: (0x20010000n << 96n) | (MAX[4] - value) });
  const wrapping = plain.flatMap((each) => [`::ffff:${each}`, `::ffff:0:${each}`, `64:ff9b::${each}`, `::${each}`]);
  return [...plain, ...wrapping, ...values.map(teredoOf)];
}

function agree(set: AddressSet, ranges: readonly Range[], written: string): boolean {
  const expected = isIn(ranges, meantBy(written));
  const parsed = parseAddress(written);
  return set.hasText(written) === expected && (parsed !== null && set.has(parsed)) === expected;
}

t.test('a block of every length has its edges where they belong', async (t) => {
  const bases = ['255.170.85.1', '0.0.0.0', '2001:db8:ff00:aa55:8000:1:7fff:ffff', 'ffff:ffff:ffff:ffff::', '::'];
  const wrong: string[] = [];
  for (const base of bases) {
    for (let prefix = 0; prefix <= (base.includes(':') ? 128 : 32); prefix++) {
      const block = `${base}/${prefix}`;
      const set = new AddressSet([parseBlock(block) as AddressBlock]);
      const range = rangeOf(block) as Range;
      for (const edge of edgesOf(range)) if (!agree(set, [range], edge)) wrong.push(`${block} ${edge}`);
    }
  }
  t.strictSame(wrong, []);
});

t.test('Node has the same opinion of a thousand blocks, where no IPv4 address is wrapped', async () => {
  const address = fc.oneof(
    fc.record({ family: fc.constant<4>(4), value: anyIpv4 }),
    // All in 2a00::/16, or they would never meet.
    fc.record({ family: fc.constant<6>(6), value: anyIpv6.map((value) => (0x2a00n << 112n) | (value >> 16n)) }),
  );
  const block = fc.tuple(address, fc.nat({ max: 128 })).map(([base, prefix]) => {
    const length = base.family === 4 ? Math.max(6, prefix % 33) : Math.max(18, prefix);
    return { ...base, length };
  });
  const many = fc.array(block, { minLength: 200, maxLength: 1_000, size: 'max' });
  holds(
    fc.property(many, fc.array(address, { minLength: 50, maxLength: 50 }), (blocks, others) => {
      const list = new BlockList();
      for (const each of blocks) list.addSubnet(textOf(each), each.length, `ipv${each.family}`);
      const set = new AddressSet(blocks.map((each) => parseBlock(`${textOf(each)}/${each.length}`) as AddressBlock));
      const asked = [...others, ...blocks.slice(0, 50)].map((each) => ({ written: textOf(each), family: each.family }));
      return asked.every(({ written, family }) => set.hasText(written) === list.check(written, `ipv${family}`));
    }),
    10,
  );
});
