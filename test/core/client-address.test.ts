import fc from 'fast-check';
import t from 'tap';
import { AddressSet } from '../../src/core/address-set.ts';
import { clientAddress } from '../../src/core/client-address.ts';
import { holds } from '../support/random.ts';

function trust(...blocks: string[]): AddressSet {
  return AddressSet.of(blocks);
}

const NOBODY = trust();
const PROXIES = trust('10.0.0.0/8', 'fd00::/8');
const CLIENT = '203.0.113.9';

function whoIs(peer: string, forwardedFor?: string, trusted = PROXIES): string {
  return clientAddress(peer, forwardedFor, trusted).address;
}

t.test('by default nobody is believed: the peer is the client', async (t) => {
  for (const claim of [undefined, '', '10.0.0.1', '127.0.0.1', 'x', '1.2.3.4, 5.6.7.8']) {
    t.strictSame(clientAddress(CLIENT, claim, NOBODY), { address: CLIENT, forwardedFor: '' }, String(claim));
  }
});

t.test('a client that is no trusted proxy cannot say who it is', async (t) => {
  for (const claim of ['10.0.0.1', '127.0.0.1', '::1', '198.51.100.1, 10.0.0.1']) {
    t.strictSame(clientAddress(CLIENT, claim, PROXIES), { address: CLIENT, forwardedFor: '' }, claim);
  }
});

t.test('the client is the rightmost address that no trusted proxy stands behind', async (t) => {
  const cases: [string, string][] = [
    [CLIENT, CLIENT],
    [`${CLIENT}, 10.0.0.2`, CLIENT],
    [`${CLIENT}, 10.0.0.3, 10.0.0.2`, CLIENT],
    [`10.0.0.9, ${CLIENT}`, CLIENT],
    [`198.51.100.1, ${CLIENT}, 10.0.0.2`, CLIENT],
    [`127.0.0.1, ${CLIENT}`, CLIENT],
    ['10.0.0.3, 10.0.0.2', '10.0.0.3'],
    [`,,, ${CLIENT}`, CLIENT],
    [`\t${CLIENT}  ,\t10.0.0.2 `, CLIENT],
    [`::ffff:${CLIENT}`, CLIENT],
    ['2001:DB8::9, fd00::1', '2001:db8::9'],
  ];
  for (const [forwardedFor, client] of cases) t.equal(whoIs('10.0.0.1', forwardedFor), client, forwardedFor);
});

t.test('an entry has any of the forms that proxies write', async (t) => {
  const forms: readonly (readonly [written: string, address: string])[] = [
    [`${CLIENT}:4711`, CLIENT],
    [`${CLIENT}:0`, CLIENT],
    ['[2001:db8::9]', '2001:db8::9'],
    ['[2001:db8::9]:443', '2001:db8::9'],
    ['2001:db8::9', '2001:db8::9'],
    ['2001:DB8:0:0::0009', '2001:db8::9'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%eth0.12]', 'fe80::1'],
    ['[fe80::1%25]:80', 'fe80::1'],
    [`::ffff:${CLIENT}`, CLIENT],
    [`[::ffff:${CLIENT}]:80`, CLIENT],
    ['::ffff:cb00:7109', CLIENT],
    [`64:ff9b::${CLIENT}`, CLIENT],
    ['2002:cb00:7109::1', CLIENT],
    // Without brackets nothing is a port.
    ['2001:db8::1:443', '2001:db8::1:443'],
    ['2001:db8:1:2:3:4:5:80', '2001:db8:1:2:3:4:5:80'],
  ];
  for (const [written, address] of forms) {
    t.strictSame(clientAddress('10.0.0.1', written, PROXIES), { address, forwardedFor: address }, written);
    t.equal(whoIs('10.0.0.1', `${CLIENT},${written},10.0.0.2:80`), address, `${written} in a chain`);
  }
  for (const written of [
    '10.0.0.2:4711',
    '[fd00::1]:80',
    '[fd00::1]',
    'fd00::1%eth0',
    '::ffff:10.0.0.2',
    '[::ffff:a00:2]',
  ]) {
    t.equal(whoIs('10.0.0.1', `${CLIENT}, ${written}`), CLIENT, `${written} is a trusted proxy`);
  }
});

const MALFORMED = [
  '',
  'unknown',
  '_secret',
  `${CLIENT}:`,
  `${CLIENT}:x`,
  `${CLIENT}:65536`,
  `${CLIENT}:123456`,
  `${CLIENT}:+80`,
  `${CLIENT}:80:80`,
  `${CLIENT}:_x`,
  `[${CLIENT}]`,
  `[${CLIENT}]:80`,
  '010.0.0.1',
  '1',
  '0x7f.0.0.1',
  '203.0.113',
  `${CLIENT}/32`,
  `"${CLIENT}"`,
  `for=${CLIENT}`,
  `${CLIENT} ${CLIENT}`,
  `${CLIENT};x`,
  '10.0.0.1%x',
  `\xa0${CLIENT}`,
  `${CLIENT}\v`,
  '[2001:db8::9',
  '2001:db8::9]',
  '[2001:db8::9]80',
  '[2001:db8::9]:',
  '[2001:db8::9]:x',
  '[2001:db8::9]:80]',
  '[[2001:db8::9]]',
  '[]',
  '[]:80',
  '2001:db8:1:2:3:4:5:6:443',
  '2001:db8::9::1',
  '2001:db8::g',
  'fe80::1%',
  'fe80::1%a b',
  'fe80::1%a%b',
  '[fe80::1%]:80',
  '[fe80::1%a]b]',
  '%eth0',
];

t.test('what is malformed stops the walk: nothing left of it is believed', async (t) => {
  for (const entry of MALFORMED) {
    t.equal(whoIs('10.0.0.1', `${CLIENT}, ${entry}`), '10.0.0.1', JSON.stringify(entry));
    t.equal(whoIs('10.0.0.1', `${CLIENT}, ${entry}, 10.0.0.2`), '10.0.0.2', JSON.stringify(entry));
  }
});

t.test('only what trusted proxies wrote is passed on, from the client on', async (t) => {
  const passedOn = (forwardedFor: string) => clientAddress('10.0.0.1', forwardedFor, PROXIES).forwardedFor;
  t.equal(passedOn(CLIENT), CLIENT);
  t.equal(passedOn(`1.1.1.1, ${CLIENT}, ::ffff:10.0.0.2`), `${CLIENT}, 10.0.0.2`);
  t.equal(passedOn('x'), '');
  t.equal(passedOn(`${CLIENT}, x, 10.0.0.2`), '10.0.0.2');
});

t.test('a proxy is known in whatever form the socket names it', async (t) => {
  t.equal(whoIs('::ffff:10.0.0.1', CLIENT), CLIENT);
  t.equal(whoIs('fd00::1', CLIENT), CLIENT);
  t.equal(whoIs('::ffff:11.0.0.1', '1.2.3.4'), '11.0.0.1');
});

t.test('a link-local proxy is known with its zone', async (t) => {
  t.equal(clientAddress('fe80::1%eth0', CLIENT, trust('fe80::/10')).address, CLIENT);
  t.equal(clientAddress('fe80::1%eth0', undefined, NOBODY).address, 'fe80::1');
});

t.test('a peer without an address is taken as it is, and believed by nobody', async (t) => {
  t.strictSame(clientAddress('', CLIENT, trust('0.0.0.0/0', '::/0')), { address: '', forwardedFor: '' });
});

t.test('a chain without end costs a bounded walk', async (t) => {
  const forged = Array.from({ length: 5_000 }, () => '10.0.0.7').join(',');
  const { address, forwardedFor } = clientAddress('10.0.0.1', `${CLIENT},${forged}`, PROXIES);
  t.equal(address, '10.0.0.7', 'the client beyond the bound is not believed');
  t.equal(forwardedFor.split(', ').length, 64);
});

/** An entry, what a proxy means by it (null: nothing), and whether that is a trusted proxy. */
interface Hop {
  readonly written: string;
  readonly address: string | null;
  readonly isTrusted: boolean;
}

const byte = fc.integer({ min: 0, max: 255 });
const port = fc.constantFrom('', ':80', ':65535');
const blank = fc.constantFrom('', ' ', '\t ');

function hop(address: string, forms: readonly string[], isTrusted: boolean): fc.Arbitrary<Hop> {
  const written = fc.tuple(blank, fc.constantFrom(...forms), blank).map((parts) => parts.join(''));
  return written.map((text) => ({ written: text, address, isTrusted }));
}

const hops: fc.Arbitrary<Hop> = fc.oneof(
  // Proxies.
  fc
    .tuple(byte, port)
    .chain(([last, p]) => hop(`10.0.0.${last}`, [`10.0.0.${last}${p}`, `::ffff:10.0.0.${last}`], true)),
  byte.chain((last) => hop(`fd00::1:${(last + 1).toString(16)}`, [`fd00::1:${(last + 1).toString(16)}`], true)),
  // Clients.
  fc.tuple(byte, port).chain(([last, p]) => hop(`203.0.113.${last}`, [`203.0.113.${last}${p}`], false)),
  fc.tuple(byte, port).chain(([last, p]) => {
    const address = `2001:db8::1:${(last + 1).toString(16)}`;
    return hop(address, [p === '' ? address : `[${address}]${p}`, `[${address}]`, `${address}%eth0`], false);
  }),
  fc.constantFrom(...MALFORMED).map((written) => ({ written, address: null, isTrusted: false })),
);

t.test('the client is the one that plain reasoning finds, whatever the chain', async () => {
  const property = fc.property(fc.array(hops, { maxLength: 12 }), (chain) => {
    // Behind the last malformed entry, the last that is no proxy; else the first proxy; else the peer.
    const readable = chain.slice(chain.findLastIndex(({ address }) => address === null) + 1);
    const first = Math.max(
      0,
      readable.findLastIndex(({ isTrusted }) => !isTrusted),
    );
    const said = readable.slice(first).map(({ address }) => address);
    const expected = { address: said[0] ?? '10.9.9.9', forwardedFor: said.join(', ') };
    const found = clientAddress('10.9.9.9', chain.map(({ written }) => written).join(','), PROXIES);
    return found.address === expected.address && found.forwardedFor === expected.forwardedFor;
  });
  holds(property, 2_000);
});

t.test('nothing that stands left of an untrusted entry changes who the client is', async () => {
  const forged = fc.oneof(
    fc.string(),
    fc.array(hops).map((chain) => chain.map(({ written }) => written).join(',')),
  );
  const property = fc.property(forged, fc.array(hops, { maxLength: 6 }), (left, chain) => {
    const right = [CLIENT, ...chain.map(({ written }) => written)].join(',');
    const found = clientAddress('10.9.9.9', `${left},${right}`, PROXIES);
    const expected = clientAddress('10.9.9.9', right, PROXIES);
    return found.address === expected.address && found.forwardedFor === expected.forwardedFor;
  });
  holds(property, 2_000);
});
