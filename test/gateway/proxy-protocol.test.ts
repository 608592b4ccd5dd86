import fc from 'fast-check';
import t from 'tap';
import { MAX_PROXY_HEADER, type ProxyReading, readProxyHeader } from '../../src/gateway/proxy-protocol.ts';
import { holds } from '../support/random.ts';
import { addresses, IPV4, IPV6, SIGNATURE, tlv, version2 } from './proxy-protocol-bytes.ts';

const LOCAL = 0x20;
const PROXY = 0x21;

function read(header: string | Buffer): ProxyReading {
  return readProxyHeader(typeof header === 'string' ? Buffer.from(header, 'latin1') : header);
}

const LONG = '2001:0db8:0000:0000:0000:0000:0000:0007';

/** Headers and the source that each names. */
const WHOLE: readonly (readonly [name: string, header: string | Buffer, source: string | null])[] = [
  ['TCP4', 'PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n', '203.0.113.7'],
  ['TCP4, the longest', 'PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', '255.255.255.255'],
  ['TCP4, port 0', 'PROXY TCP4 203.0.113.7 192.0.2.1 0 0\r\n', '203.0.113.7'],
  ['TCP6', 'PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n', '2001:db8::7'],
  ['TCP6, in capitals and whole', `PROXY TCP6 ${LONG.toUpperCase()} ${LONG} 65535 65535\r\n`, '2001:db8::7'],
  ['TCP6 with IPv4 in it', 'PROXY TCP6 ::ffff:203.0.113.7 ::ffff:c000:201 1 2\r\n', '203.0.113.7'],
  ['UNKNOWN', 'PROXY UNKNOWN\r\n', null],
  ['UNKNOWN with addresses', `PROXY UNKNOWN ${LONG} ${LONG} 65535 65535\r\n`, null],
  ['UNKNOWN with anything', 'PROXY UNKNOWN 203.0.113.7, and so on\r\n', null],
  ['UNKNOWN, the longest', `PROXY UNKNOWN ${'f'.repeat(91)}\r\n`, null],
  ['version 2, IPv4', version2(PROXY, 0x11, IPV4), '203.0.113.7'],
  ['version 2, IPv6', version2(PROXY, 0x21, IPV6), '2001:db8::7'],
  [
    'version 2, IPv4 in IPv6',
    version2(PROXY, 0x21, addresses(`${'0'.repeat(20)}ffffcb007107`, '0'.repeat(32))),
    '203.0.113.7',
  ],
  [
    'version 2, with TLVs',
    version2(PROXY, 0x11, Buffer.concat([IPV4, tlv(2, Buffer.from('a.test')), tlv(4, Buffer.alloc(9))])),
    '203.0.113.7',
  ],
  [
    'version 2, the longest',
    version2(PROXY, 0x21, Buffer.concat([IPV6, tlv(4, Buffer.alloc(MAX_PROXY_HEADER - 16 - 36 - 3))])),
    '2001:db8::7',
  ],
  ['version 2, LOCAL', version2(LOCAL, 0, Buffer.alloc(0)), null],
  ['version 2, LOCAL with an address', version2(LOCAL, 0x11, IPV4), null],
  ['version 2, LOCAL of a family that nobody knows', version2(LOCAL, 0xff, Buffer.alloc(5)), null],
  ['version 2, unspecified', version2(PROXY, 0, Buffer.alloc(0)), null],
  ['version 2, UDP', version2(PROXY, 0x12, IPV4), null],
  ['version 2, UNIX', version2(PROXY, 0x31, Buffer.alloc(216, 'x')), null],
];

t.test('a header is read whole, and what comes behind it is left', async (t) => {
  for (const [name, header, source] of WHOLE) {
    const bytes = Buffer.from(header as string, 'latin1');
    t.strictSame(read(bytes), { length: bytes.length, source }, name);
    const followed = Buffer.concat([bytes, Buffer.from('GET / HTTP/1.1\r\n\r\n'), bytes]);
    t.strictSame(read(followed), { length: bytes.length, source }, `${name}, followed`);
  }
});

t.test('as long as it is not whole, more is awaited', async (t) => {
  for (const [name, header] of WHOLE) {
    const bytes = Buffer.from(header as string, 'latin1');
    for (let length = 0; length < bytes.length; length++) {
      if (read(bytes.subarray(0, length)) !== 'more') t.fail(`${name}: ${length} of ${bytes.length} bytes`);
    }
  }
});

const INVALID: Readonly<Record<string, string | Buffer>> = {
  'a request': 'GET / HTTP/1.1\r\n',
  'a byte of one': 'G',
  'an empty line': '\r\n\r\nGET',
  TLS: Buffer.of(0x16, 3, 1),
  'lower case': 'proxy',
  'a space in front': ' PROXY TCP4',
  'a name that goes on': 'PROXYX',
  'no family': 'PROXY \r\n',
  'a family in lower case': 'PROXY tcp4 203.0.113.7 192.0.2.1 4711 443\r\n',
  'another family': 'PROXY UDP4 203.0.113.7 192.0.2.1 4711 443\r\n',
  'a family that goes on': 'PROXY UNKNOWNX\r\n',
  'IPv6 as TCP4': 'PROXY TCP4 2001:db8::7 192.0.2.1 4711 443\r\n',
  'IPv4 as TCP6': 'PROXY TCP6 203.0.113.7 2001:db8::1 4711 443\r\n',
  'a destination of the other family': 'PROXY TCP4 203.0.113.7 2001:db8::1 4711 443\r\n',
  'a leading zero': 'PROXY TCP4 203.0.113.07 192.0.2.1 4711 443\r\n',
  'a short address': 'PROXY TCP4 203.0.113 192.0.2.1 4711 443\r\n',
  'a zone': 'PROXY TCP6 fe80::1%eth0 2001:db8::1 4711 443\r\n',
  brackets: 'PROXY TCP6 [2001:db8::7] [2001:db8::1] 4711 443\r\n',
  'a host name': 'PROXY TCP4 localhost 192.0.2.1 4711 443\r\n',
  'no source': 'PROXY TCP4  192.0.2.1 4711 443\r\n',
  'two spaces': 'PROXY TCP4 203.0.113.7  192.0.2.1 4711 443\r\n',
  'a tab': 'PROXY TCP4\t203.0.113.7 192.0.2.1 4711 443\r\n',
  'a space at the end': 'PROXY TCP4 203.0.113.7 192.0.2.1 4711 443 \r\n',
  'one port': 'PROXY TCP4 203.0.113.7 192.0.2.1 4711\r\n',
  'three ports': 'PROXY TCP4 203.0.113.7 192.0.2.1 4711 443 80\r\n',
  'a port with a leading zero': 'PROXY TCP4 203.0.113.7 192.0.2.1 04711 443\r\n',
  'a port beyond all': 'PROXY TCP4 203.0.113.7 192.0.2.1 65536 443\r\n',
  'a port with a sign': 'PROXY TCP4 203.0.113.7 192.0.2.1 +80 443\r\n',
  'a bare line feed': 'PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\n',
  'a bare carriage return': 'PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\rG',
  'a bare line feed in what is unknown': 'PROXY UNKNOWN x\ny\r\n',
  'a NUL': 'PROXY UNKNOWN \0\r\n',
  'a line without end': `PROXY UNKNOWN ${'f'.repeat(93)}`,
  'a line that is one byte too long': `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`,
  'a signature with a wrong byte': Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.of(0x0b)]),
  'version 1 in the binary form': version2(0x11, 0x11, IPV4),
  'version 3': version2(0x31, 0x11, IPV4),
  'another command': version2(0x22, 0x11, IPV4),
  'another family in the binary form': version2(PROXY, 0x41, IPV4),
  'another protocol in the binary form': version2(PROXY, 0x13, IPV4),
  'too short for IPv4': version2(PROXY, 0x11, IPV4.subarray(0, 11)),
  'too short for IPv6': version2(PROXY, 0x21, IPV4),
  'longer than is read': version2(PROXY, 0x11, IPV4, MAX_PROXY_HEADER - 15),
  'the longest there is': version2(LOCAL, 0, IPV4, 0xffff),
};

t.test('what is no header is known as such, and stays it', async (t) => {
  for (const [name, bytes] of Object.entries(INVALID)) {
    t.equal(read(bytes), 'invalid', name);
    t.equal(read(Buffer.concat([Buffer.from(bytes as string, 'latin1'), Buffer.alloc(200, 'x')])), 'invalid', name);
  }
});

t.test('a command or length that is wrong is not waited on', async (t) => {
  t.equal(read(Buffer.concat([SIGNATURE, Buffer.of(0x22)])), 'invalid');
  t.equal(read(Buffer.concat([SIGNATURE, Buffer.of(PROXY, 0x11, 0xff, 0xff)])), 'invalid');
});

t.test('whatever comes, it is read within bounds, and more bytes never make another header of it', async () => {
  const seeds = WHOLE.map(([, header]) => Buffer.from(header as string, 'latin1'));
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), fc.nat(60), fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }))
    .map(([seed, at, byte, tail]) => {
      const bytes = Buffer.concat([seed, tail]);
      if (at < bytes.length) bytes[at] = byte;
      return bytes;
    });
  const property = fc.property(mutated, fc.nat(200), (bytes, cut) => {
    const whole = readProxyHeader(bytes);
    const part = readProxyHeader(bytes.subarray(0, cut));
    if (typeof whole === 'object' && whole.length > Math.min(bytes.length, MAX_PROXY_HEADER)) return false;
    return part === 'more' || JSON.stringify(part) === JSON.stringify(whole);
  });
  holds(property, 5_000);
});
