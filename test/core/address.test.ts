import t from 'tap';
import {
  type AddressBlock,
  canonicalAddress,
  isWholeEmbedding,
  parseAddress,
  parseBlock,
  throttleScope,
} from '../../src/core/address.ts';

t.test('an address has one form, however it is written', async (t) => {
  const forms: Record<string, string> = {
    '203.0.113.5': '203.0.113.5',
    '::ffff:203.0.113.5': '203.0.113.5',
    '::FFFF:CB00:7105': '203.0.113.5',
    '0:0:0:0:0:ffff:203.0.113.5': '203.0.113.5',
    '64:ff9b::203.0.113.5': '203.0.113.5',
    '64:ff9b::cb00:7105': '203.0.113.5',
    '2002:cb00:7105::': '203.0.113.5',
    '2002:cb00:7105:1:2:3:4:5': '203.0.113.5',
    '::203.0.113.5': '203.0.113.5',
    '::ffff:0:203.0.113.5': '203.0.113.5',
    '::ffff:0:cb00:7105': '203.0.113.5',
    '2001::34ff:8efa': '203.0.113.5',
    // The example in RFC 4380 is its server’s 65.54.227.120 before the client’s own address.
    '2001:0:4136:e378:8000:63bf:3fff:fdd2': '192.0.2.45',
    '2001:DB8:0:0:0:0:0:1': '2001:db8::1',
    '2001:0db8::0001': '2001:db8::1',
    'fe80::1%eth0': 'fe80::1',
    'fe80::1%wg_home': 'fe80::1',
    '::ffff:203.0.113.5%eth0': '203.0.113.5',
    '::': '::',
    '::1': '::1',
    '::0.0.0.1': '::1',
    '::0.0.0.0': '::',
    '::1:ffff:0:203.0.113.5': '::1:ffff:0:cb00:7105',
    '::ffff:1:203.0.113.5': '::ffff:1:cb00:7105',
    '2001:1::34ff:8efa': '2001:1::34ff:8efa',
    // Where these hold an IPv4 address nobody but their own network knows, or anybody chooses.
    '64:ff9b:1::203.0.113.5': '64:ff9b:1::cb00:7105',
    '64:ff9b::1:203.0.113.5': '64:ff9b::1:cb00:7105',
    '2001:db8::5efe:203.0.113.5': '2001:db8::5efe:cb00:7105',
    '2001:db8::200:5efe:203.0.113.5': '2001:db8::200:5efe:cb00:7105',
    'fe80::5efe:203.0.113.5': 'fe80::5efe:cb00:7105',
    '2001:db8::ffff:203.0.113.5': '2001:db8::ffff:cb00:7105',
    '::fffe:203.0.113.5': '::fffe:cb00:7105',
  };
  for (const [written, canonical] of Object.entries(forms)) t.equal(canonicalAddress(written), canonical, written);
});

t.test('what is no address is none, however generous a parser may be', async (t) => {
  const texts = [
    '',
    ' ',
    '1',
    '1.2.3',
    '0x7f.1',
    '0x7f000001',
    '010.0.0.1',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4.',
    '1.2.3.256',
    '1.2.3.4:80',
    '[::1]',
    '[::1]:80',
    '1::2::3',
    '::ffff:01.2.3.4',
    '1.2.3.4%eth0',
    '1.2.3.4%eth0:1',
    '1.2.3.4%',
    '::1%',
    '%',
    '%eth0',
    'unknown',
    '_hidden',
    'localhost',
    '1.2.3.4/32',
    '1.2.3.4,5.6.7.8',
    '١.2.3.4',
  ];
  for (const text of texts) {
    t.equal(parseAddress(text), null, JSON.stringify(text));
    t.equal(canonicalAddress(text), null, JSON.stringify(text));
  }
});

t.test('a block keeps the bits that count, and an embedded one is the IPv4 block', async (t) => {
  const ten = 0x0a010203;
  const blocks: Record<string, [4 | 6, number, number]> = {
    '10.1.2.3': [4, 32, ten],
    '10.1.2.3/8': [4, 8, ten],
    '0.0.0.0/0': [4, 0, 0],
    '::ffff:10.1.2.3': [4, 32, ten],
    '::ffff:10.1.2.3/104': [4, 8, ten],
    '::ffff:10.1.2.3/128': [4, 32, ten],
    '64:ff9b::10.1.2.3/120': [4, 24, ten],
    '2002:a01:203::/24': [4, 8, ten],
    '2002:a01:203::/48': [4, 32, ten],
    '2002:a01:203:4::/64': [4, 32, ten],
    '::ffff:0:10.1.2.3/104': [4, 8, ten],
    '2001::f5fe:fdfc': [4, 32, ten],
    '2001:0:4136:e378:8000:63bf:f5fe:fdfc/104': [4, 8, ten],
  };
  for (const [written, [family, prefix, word]] of Object.entries(blocks)) {
    t.strictSame(parseBlock(written), { family, words: [word], prefix }, written);
  }
  for (const [written, prefix] of [
    ['::/0', 0],
    ['2001:db8::/32', 32],
    ['::1', 128],
  ] as const) {
    t.match(parseBlock(written), { family: 6, prefix }, written);
  }
});

t.test('a block that spans a whole embedded form is not every IPv4 address', async (t) => {
  for (const written of [
    '64:ff9b::/96',
    '::ffff:0:0/96',
    '::ffff:0:0:0/96',
    '2002::/16',
    '2001::/32',
    '2001:0:4136:e378::/64',
    '::1.2.3.4/64',
    '2002:a01::/10',
  ]) {
    t.equal(parseBlock(written)?.family, 6, written);
  }
});

t.test('of a block it is known whether all of it wraps IPv4 addresses, and none is named', async (t) => {
  const isWhole = (written: string): boolean => isWholeEmbedding(parseBlock(written) as AddressBlock);
  for (const written of [
    '64:ff9b::/96',
    '64:ff9b::10.1.2.3/96',
    '::ffff:0:0/96',
    '::ffff:0:0:0/96',
    '2002::/16',
    '2002:a01::/16',
    '2001::/32',
    '2001::/96',
    '2001:0:4136:e378::/64',
  ]) {
    t.equal(isWhole(written), true, written);
  }
  for (const written of [
    '64:ff9b::/97',
    '64:ff9b::/95',
    '2002::/17',
    '2002::/15',
    '2001::/97',
    '2001::/31',
    '2001::/16',
    '::1.2.3.4/16',
    '::1.2.3.4/32',
    '::/0',
    '::/96',
    '64:ff9b:1::/48',
    '2001:db8::/32',
    '10.0.0.0/16',
    '0.0.0.0/0',
  ]) {
    t.equal(isWhole(written), false, written);
  }
});

t.test('what is no block is none', async (t) => {
  for (const text of [
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0.0/ 8',
    '10.0.0.0/8 ',
    '10.0.0.0/0x8',
    '10.0.0.0/255.0.0.0',
    '10/8',
    '10.0.0/8',
    '010.0.0.0/8',
    '::/129',
    '::/1e1',
    'fe80::1%eth0/64',
    'fe80::1%eth0',
    '10.0.0.0-10.0.0.9',
    '*',
  ]) {
    t.equal(parseBlock(text), null, JSON.stringify(text));
  }
});

t.test('a throttle scope is what one customer holds', async (t) => {
  t.equal(throttleScope('203.0.113.5'), '203.0.113.5');
  t.equal(throttleScope('2001:db8:1:2:3:4:5:6'), throttleScope('2001:db8:1:2::ffff'));
  t.not(throttleScope('2001:db8:1:2::1'), throttleScope('2001:db8:1:3::1'));
  t.equal(throttleScope('::ffff:203.0.113.5'), '203.0.113.5');
  // All clients of a Teredo server have one /64.
  t.not(throttleScope('2001:0:4136:e378:8000:63bf:3fff:fdd2'), throttleScope('2001:0:4136:e378:8000:63bf:3fff:fdd3'));
  t.equal(throttleScope('not an address'), 'not an address');
});
