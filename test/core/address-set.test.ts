import * as fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import t from 'tap';
import { parseAddress } from '../../src/core/address.ts';
import { AddressSet } from '../../src/core/address-set.ts';
import { holds } from '../support/random.ts';

function setOf(...blocks: string[]): AddressSet {
  return AddressSet.of(blocks);
}

t.test('an empty set has nobody', async (t) => {
  t.equal(setOf().isEmpty, true);
  t.equal(setOf().hasText('10.0.0.1'), false);
  t.equal(setOf().hasText('::1'), false);
  t.equal(setOf('::1').isEmpty, false);
});

t.test('of texts, those that are no blocks have nobody', async (t) => {
  const set = AddressSet.of(['10.0.0.0/33', '', '10.1.2.3', 'x']);
  t.equal(set.hasText('10.1.2.3'), true);
  t.equal(set.hasText('10.1.2.4'), false);
  t.equal(AddressSet.of(['x']).isEmpty, true);
});

t.test('a block has its first and its last address, and not their neighbours', async (t) => {
  const cases: Record<string, { inside: string[]; outside: string[] }> = {
    '10.1.2.0/24': { inside: ['10.1.2.0', '10.1.2.255'], outside: ['10.1.1.255', '10.1.3.0'] },
    '10.1.2.3/24': { inside: ['10.1.2.0', '10.1.2.255'], outside: ['10.1.1.255', '10.1.3.0'] },
    '10.1.2.3/32': { inside: ['10.1.2.3'], outside: ['10.1.2.2', '10.1.2.4'] },
    '10.1.2.3': { inside: ['10.1.2.3'], outside: ['10.1.2.2', '10.1.2.4'] },
    '128.0.0.0/1': { inside: ['128.0.0.0', '255.255.255.255'], outside: ['127.255.255.255', '0.0.0.0'] },
    '0.0.0.0/0': { inside: ['0.0.0.0', '255.255.255.255', '127.0.0.1'], outside: ['::', '2001:db8::1'] },
    '::/0': { inside: ['::', '::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'], outside: ['0.0.0.0', '10.0.0.1'] },
    '2001:db8::/32': {
      inside: ['2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
      outside: ['2001:db7:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db9::'],
    },
    '2001:db8::1/128': { inside: ['2001:db8::1'], outside: ['2001:db8::', '2001:db8::2'] },
  };
  for (const [block, { inside, outside }] of Object.entries(cases)) {
    const set = setOf(block);
    for (const address of inside) t.equal(set.hasText(address), true, `${block} has ${address}`);
    for (const address of outside) t.equal(set.hasText(address), false, `${block} has not ${address}`);
  }
});

t.test('an IPv4 address is met in every form that wraps it', async (t) => {
  const set = setOf('10.1.0.0/16');
  for (const text of [
    '10.1.2.3',
    '::ffff:10.1.2.3',
    '::ffff:a01:203',
    '::ffff:0:10.1.2.3',
    '::ffff:0:a01:203',
    '64:ff9b::10.1.2.3',
    '2002:a01:203::1',
    '2001::f5fe:fdfc',
    '::10.1.2.3',
  ]) {
    t.equal(set.hasText(text), true, text);
  }
  for (const text of ['::ffff:10.2.2.3', '64:ff9b::10.2.2.3', '2002:a02:203::1', 'a01::', '', 'x']) {
    t.equal(set.hasText(text), false, text);
  }
});

t.test('an IPv4 rule in a wrapped form means the IPv4 block', async (t) => {
  for (const block of [
    '::ffff:10.1.0.0/112',
    '::ffff:0:10.1.0.0/112',
    '64:ff9b::10.1.0.0/112',
    '2002:a01::/32',
    '2001::f5fe:0/112',
  ]) {
    const set = setOf(block);
    t.equal(set.hasText('10.1.255.255'), true, block);
    t.equal(set.hasText('10.2.0.0'), false, block);
  }
});

t.test('a rule on a whole wrapping form opens nothing to IPv4 clients', async (t) => {
  for (const block of ['64:ff9b::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '2002::/16', '2001::/32']) {
    for (const text of ['10.1.2.3', '::ffff:10.1.2.3', '64:ff9b::10.1.2.3', '2002:a01:203::', '2001::f5fe:fdfc']) {
      t.equal(setOf(block).hasText(text), false, `${block} ${text}`);
    }
  }
});

t.test('blocks that overlap, nest, touch or repeat are one', async (t) => {
  const set = setOf('10.0.0.0/9', '10.128.0.0/9', '10.1.0.0/16', '10.0.0.0/9', '11.0.0.0/32', '9.255.255.255');
  for (const text of ['9.255.255.255', '10.0.0.0', '10.127.255.255', '10.128.0.0', '10.255.255.255', '11.0.0.0']) {
    t.equal(set.hasText(text), true, text);
  }
  t.equal(set.hasText('9.255.255.254'), false);
  t.equal(set.hasText('11.0.0.1'), false);
});

t.test('ten thousand blocks are searched like three', async (t) => {
  const blocks: string[] = [];
  for (let i = 0; i < 10_000; i++) blocks.push(`${i >> 7}.${(i & 127) * 2}.0.0/16`);
  const set = setOf(...blocks.toReversed());
  for (let i = 0; i < 10_000; i++) {
    const base = `${i >> 7}.${(i & 127) * 2}`;
    if (!set.hasText(`${base}.255.255`)) t.fail(`${base}.255.255 is missing`);
    if (set.hasText(`${i >> 7}.${(i & 127) * 2 + 1}.0.0`)) t.fail(`the gap after ${base} is in`);
  }
  t.pass('every block and no gap');
});

const v4Bytes = fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 0, max: 255 })));
// Few different leading bytes, so that blocks and addresses meet often; none that wraps an IPv4 address.
const v6Bytes = fc
  .tuple(fc.constantFrom(0x2a, 0x3f), fc.constantFrom(0x01, 0xff), fc.uint8Array({ minLength: 14, maxLength: 14 }))
  .map(([first, second, rest]) => [first, second, ...rest]);
const address = fc.oneof(v4Bytes, v6Bytes);
const block = address.chain((bytes) =>
  fc
    .tuple(fc.constant(bytes), fc.integer({ min: 0, max: bytes.length * 8 }))
    .map(([base, prefix]) => ({ base, prefix })),
);

t.test('the set agrees with comparing every block bit by bit', async () => {
  holds(
    fc.property(
      fc.array(block, { maxLength: 12 }),
      fc.array(address, { minLength: 1, maxLength: 20 }),
      (blocks, addresses) => {
        const parsed = blocks.map(({ base, prefix }) => ({ ip: ipaddr.fromByteArray([...base]), prefix }));
        const set = setOf(...parsed.map(({ ip, prefix }) => `${ip.toString()}/${prefix}`));
        // The blocks' own addresses too, or hardly any long prefix would ever be met.
        for (const bytes of [...addresses, ...blocks.map(({ base }) => base)]) {
          const ip = ipaddr.fromByteArray([...bytes]);
          const naive = parsed.some((each) => each.ip.kind() === ip.kind() && ip.match(each.ip, each.prefix));
          if (set.hasText(ip.toString()) !== naive) return false;
        }
        return true;
      },
    ),
    400,
  );
});

t.test('a parsed address and its text are the same to the set', async (t) => {
  const parsed = parseAddress('::ffff:10.1.2.3');
  t.equal(parsed !== null && setOf('10.1.2.3').has(parsed), true);
});
