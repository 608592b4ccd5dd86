import fc from 'fast-check';
import t from 'tap';
import { AddressSet } from '../../src/core/address-set.ts';
import { forwardedClient } from '../../src/core/client-address.ts';
import { type ForwardedElement, ForwardedReader, parseElement } from '../../src/core/forwarded.ts';
import { holds } from '../support/random.ts';

const PROXIES = AddressSet.of(['10.0.0.0/8', 'fd00::/8']);
const PEER = '10.0.0.1';

function whoIs(forwarded: string | undefined, peer = PEER): string {
  return forwardedClient(peer, forwarded, PROXIES).address;
}

t.test('an element is read as RFC 7239 writes it', async (t) => {
  const nobody: ForwardedElement = { address: null, proto: '', host: '' };
  const elements: readonly (readonly [written: string, read: Partial<ForwardedElement>])[] = [
    ['for=192.0.2.43', { address: '192.0.2.43' }],
    ['For="192.0.2.43"', { address: '192.0.2.43' }],
    ['FOR="192.0.2.43:4711"', { address: '192.0.2.43' }],
    ['for="192.0.2.43:_port"', { address: '192.0.2.43' }],
    ['for="[2001:db8:cafe::17]"', { address: '2001:db8:cafe::17' }],
    ['for="[2001:DB8:CAFE::17]:47011"', { address: '2001:db8:cafe::17' }],
    ['for="[fe80::1%eth0]"', { address: 'fe80::1' }],
    ['for="[::ffff:192.0.2.43]:80"', { address: '192.0.2.43' }],
    ['for="\\1\\92.0.2.43"', { address: '192.0.2.43' }],
    ['for=unknown', {}],
    ['for=Unknown', {}],
    ['for="unknown:80"', {}],
    ['for=_gazonk', {}],
    ['for="_SEVKISEK:_x"', {}],
    ['for=_hidden;proto=https', { proto: 'https' }],
    ['for=192.0.2.60;proto=http;by=203.0.113.43', { address: '192.0.2.60', proto: 'http' }],
    [
      '  \tproto=https;HOST="shop.test:8443";for=192.0.2.60 ',
      { address: '192.0.2.60', proto: 'https', host: 'shop.test:8443' },
    ],
    ['host="a\\"b\\\\c,;="', { host: 'a"b\\c,;=' }],
    ['secret=x;x-y="";proto=https', { proto: 'https' }],
    [';;for=192.0.2.43;', { address: '192.0.2.43' }],
  ];
  for (const [written, read] of elements) t.strictSame(parseElement(written), { ...nobody, ...read }, written);
});

const MALFORMED = [
  '',
  ' ',
  ';',
  'for',
  'for=',
  '=192.0.2.43',
  'for=192.0.2.43:80',
  'for=[2001:db8::1]',
  'for=2001:db8::1',
  'for="2001:db8::1"',
  'for="[2001:db8::1"',
  'for="[192.0.2.43]"',
  'for="192.0.2.43:65536"',
  'for="192.0.2.43:"',
  'for="192.0.2.43:_"',
  'for="192.0.2.043"',
  'for=""',
  'for=_',
  'for="_a b"',
  'for="unknown:"',
  'for=unknowns',
  'for=localhost',
  'for=192.0.2.43;for=192.0.2.44',
  'for=192.0.2.43;FOR=unknown',
  'for=192.0.2.43;x=1;X=2',
  'for=192.0.2.43; proto=https',
  'for=192.0.2.43 ;proto=https',
  'for = 192.0.2.43',
  'for= 192.0.2.43',
  'for=192.0.2.43 x',
  'for="192.0.2.43',
  'for=192.0.2.43"',
  'for="192.0.2.43"x',
  'for="192.0.2.43\\"',
  'for="192.0.2.43\x01"',
  'for=192.0.2.43;host=shop.test:80',
  'for=192.0.2.43;host=a/b',
  "for='192.0.2.43:80'",
];

t.test('what is malformed is not read at all', async (t) => {
  for (const written of MALFORMED) t.equal(parseElement(written), null, JSON.stringify(written));
});

t.test('an element begins at the nearest comma, whatever stands left of it', async (t) => {
  const last = 'for="[2001:db8::1]:80";x="a\\"c\\\\"';
  for (const left of ['', 'for=1.2.3.4', 'x="', 'x="\\', '\\', '"', '"""', 'for="a,b"', 'x="a\\"', '\\\\"']) {
    const reader = new ForwardedReader(`${left},${last}`);
    t.equal(reader.previous()?.address, '2001:db8::1', JSON.stringify(left));
  }
  const reader = new ForwardedReader(`for=1.1.1.1;x="a", for=2.2.2.2,for="_a"`);
  t.strictSame(
    [reader.previous()?.address, reader.previous()?.address, reader.previous()?.address],
    [null, '2.2.2.2', '1.1.1.1'],
  );
  t.equal(reader.previous(), null);
});

t.test('an element is not read whose quotes hold a comma, nor what they hold', async (t) => {
  for (const quoting of [
    'for=2.2.2.2;x="a,for=6.6.6.6"',
    'for=2.2.2.2;x="a,for=6.6.6.6;y="',
    'for=2.2.2.2;x="a,for=6.6.6.6;y=";by="10.0.0.3:80"',
    'for=2.2.2.2;x="a,for=6.6.6.6;y=";by=";z="',
    'for=2.2.2.2;x="a,for=6.6.6.6;y=\\"\\""',
    'for=2.2.2.2;x="a,for=6.6.6.6;y=\\"",for=10.0.0.3;x="b',
  ]) {
    t.equal(new ForwardedReader(quoting).previous(), null, quoting);
    t.equal(whoIs(`${quoting}, for=10.0.0.2`), '10.0.0.2', quoting);
  }
});

t.test('nobody but a trusted proxy has a say', async (t) => {
  const nothing = { address: '203.0.113.9', forwardedFor: '', proto: '', host: '' };
  t.strictSame(forwardedClient('203.0.113.9', 'for=10.0.0.1;proto=https;host=a', PROXIES), nothing);
  t.strictSame(forwardedClient('203.0.113.9', 'for=10.0.0.1', new AddressSet([])), nothing);
  t.strictSame(forwardedClient(PEER, undefined, PROXIES), { ...nothing, address: PEER });
});

t.test('the walk goes on through trusted proxies and stops at all else', async (t) => {
  const chains: readonly (readonly [forwarded: string, client: string])[] = [
    ['for=203.0.113.7', '203.0.113.7'],
    ['for=6.6.6.6, for=203.0.113.7', '203.0.113.7'],
    ['for=203.0.113.7, for="10.0.0.2:80", for="[fd00::1]"', '203.0.113.7'],
    ['for=10.0.0.3,for=10.0.0.2', '10.0.0.3'],
    ['for=203.0.113.7, for=unknown', PEER],
    ['for=203.0.113.7, for=_x, for=10.0.0.2', '10.0.0.2'],
    ['for=203.0.113.7, proto=https', PEER],
    ['for=203.0.113.7,', PEER],
    ['for=203.0.113.7,,for=10.0.0.2', '10.0.0.2'],
    ['for="203.0.113.7, for=10.0.0.2', '10.0.0.2'],
  ];
  for (const [forwarded, client] of chains) t.equal(whoIs(forwarded), client, forwarded);
  for (const written of MALFORMED) t.equal(whoIs(`for=203.0.113.7, ${written}, for=10.0.0.2`), '10.0.0.2', written);
  t.equal(
    forwardedClient(PEER, 'for=6.6.6.6,for="203.0.113.7:1", for="[fd00::1]:2"', PROXIES).forwardedFor,
    '203.0.113.7, fd00::1',
  );
});

t.test('protocol and host are those of the leftmost element that a trusted proxy wrote', async (t) => {
  const said = (forwarded: string): readonly string[] => {
    const { proto, host } = forwardedClient(PEER, forwarded, PROXIES);
    return [proto, host];
  };
  t.strictSame(said('for=203.0.113.7;proto=https;host=shop.test'), ['https', 'shop.test']);
  t.strictSame(said('for=6.6.6.6;proto=gopher;host=evil.test, for=203.0.113.7;proto=https;host=shop.test'), [
    'https',
    'shop.test',
  ]);
  t.strictSame(
    said('for=203.0.113.7;proto=https;host=shop.test, for=10.0.0.2;proto=http;host=inner'),
    ['https', 'shop.test'],
    'the edge',
  );
  t.strictSame(said('for=203.0.113.7, for=10.0.0.2;proto=https;host=inner'), ['', ''], 'of another connection');
  t.strictSame(said('for=unknown;proto=https;host=shop.test'), ['https', 'shop.test'], 'though the address is hidden');
  t.strictSame(said('proto=https'), ['https', ''], 'though nobody is named');
  t.strictSame(said('for=x;proto=https;host=shop.test'), ['', ''], 'not of a malformed one');
  t.strictSame(
    said('.=",for=203.0.113.7,for=192.0.2.43", for="[fd00::1]:80";proto=https;host=shop.test'),
    ['https', 'shop.test'],
    'not of one that an open quote would make of several',
  );
  t.strictSame(said('for=6.6.6.6;proto=https, for=x, for=10.0.0.2;host=inner'), ['', 'inner']);
});

t.test('a chain without end costs a bounded walk', async (t) => {
  const forged = Array.from({ length: 5000 }, () => 'for=10.0.0.7;x="a;b"').join(',');
  const { address, forwardedFor } = forwardedClient(PEER, `for=203.0.113.7,${forged}`, PROXIES);
  t.equal(address, '10.0.0.7', 'the client beyond the bound is not believed');
  t.equal(forwardedFor.split(', ').length, 64);
});

t.test('the longest head that can be set is read in no time', async (t) => {
  const length = 1024 * 1024;
  const worst = [
    `a="${'\\'.repeat(length)}`,
    '"'.repeat(length),
    `x="${' '.repeat(length)}x`,
    'a'.repeat(length),
    '\\"'.repeat(length / 2),
    `a${' '.repeat(length)}b`,
  ];
  const started = performance.now();
  for (const text of worst) t.equal(whoIs(text), PEER);
  t.ok(performance.now() - started < 5000);
});

/** What may stand in a header, and means something here. */
const nasty = fc.string({
  unit: fc.constantFrom('"', '\\', ',', ';', '=', ' ', 'for', 'host', '_', '[', ']', ':', '.', '1', 'é'),
});

const clients = fc.constantFrom(
  'for=203.0.113.7',
  'for="203.0.113.7:80";x="a;\\"b"',
  'host="a;b";for="[::ffff:203.0.113.7]"',
);
const rest = fc.array(
  fc.constantFrom(
    'for=10.0.0.2',
    ' for="[fd00::1]:80";proto=http ',
    'for="10.0.0.3";by="_x;\\\\"',
    'for="10.0.0.3";by="_x,\\\\"',
    'for=unknown',
    ...MALFORMED,
  ),
  { maxLength: 5 },
);

t.test('nothing that stands left of an untrusted element changes what is found', async () => {
  const property = fc.property(nasty, clients, rest, (left, client, proxies) => {
    const right = [client, ...proxies].join(',');
    const alone = forwardedClient(PEER, right, PROXIES);
    const found = forwardedClient(PEER, `${left},${right}`, PROXIES);
    return JSON.stringify(found) === JSON.stringify(alone);
  });
  holds(property, 5_000);
});

t.test('the client is the one that plain reasoning finds, whatever the chain', async () => {
  const hops = fc.oneof(
    fc
      .constantFrom('203.0.113.7', '198.51.100.1')
      .map((address) => ({ written: `for=${address}`, address, isTrusted: false })),
    fc
      .constantFrom('10.0.0.2', '10.0.0.3')
      .map((address) => ({ written: ` for="${address}:80"`, address, isTrusted: true })),
    fc
      .constantFrom('for=unknown', 'for=_x', 'by=10.0.0.1', ...MALFORMED.filter((text) => !text.includes('"')))
      .map((written) => ({ written, address: null, isTrusted: false })),
  );
  const property = fc.property(fc.array(hops, { maxLength: 10 }), (chain) => {
    // Behind the last that names no address, the last that is no proxy; else the first proxy; else the peer.
    const readable = chain.slice(chain.findLastIndex(({ address }) => address === null) + 1);
    const said = readable.slice(
      Math.max(
        0,
        readable.findLastIndex(({ isTrusted }) => !isTrusted),
      ),
    );
    return whoIs(chain.map(({ written }) => written).join(',')) === (said[0]?.address ?? PEER);
  });
  holds(property, 2_000);
});
