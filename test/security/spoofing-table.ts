/**
 * What a client may try, and proxies may write, in the headers that say who the client is; and what must come of it.
 * The rule: from the right, the first address that is no trusted proxy's; what cannot be read ends the reading.
 *
 * Each row is tried with either header, from a peer that is a trusted proxy and from one that is not, with the header
 * believed and not: the row says what counts when a trusted peer sends it and it is believed. In every other case the
 * peer is the client, and nothing of the header goes on.
 */

/** A trusted proxy, as the peer of a connection. */
export const PROXY_PEER = '127.0.0.1';
/** A peer that is no proxy. */
export const CLIENT_PEER = '127.0.0.2';
export const TRUSTED_PROXIES = [PROXY_PEER, '10.0.0.0/8', '2001:db8:ffff::/48'];

export interface Row {
  readonly name: string;
  /** The header's lines, in order; null: there is no such case in this header. */
  readonly xForwardedFor: readonly string[] | null;
  readonly forwarded: readonly string[] | null;
  /**
   * What the upstream is told in X-Forwarded-For before the peer's address. The first of them is the client's address;
   * when there is none, the peer is the client.
   */
  readonly said: readonly string[];
}

const CLIENT = '203.0.113.7';

function row(
  name: string,
  xForwardedFor: readonly string[] | null,
  forwarded: readonly string[] | null,
  ...said: readonly string[]
): Row {
  return { name, xForwardedFor, forwarded, said };
}

const CHAINS: readonly Row[] = [
  row('absent', [], []),
  row('without a value', [''], ['']),
  row('one client', ['203.0.113.7'], ['for=203.0.113.7'], CLIENT),
  row('one IPv6 client', ['2001:DB8::7'], ['for="[2001:DB8::7]"'], '2001:db8::7'),
  row('blanks around it', ['\t203.0.113.7 \t'], [' \tfor=203.0.113.7\t '], CLIENT),
  row('behind a proxy', ['203.0.113.7, 10.1.2.3'], ['for=203.0.113.7, for=10.1.2.3'], CLIENT, '10.1.2.3'),
  row(
    'behind an IPv6 proxy',
    ['203.0.113.7,2001:db8:ffff::1'],
    ['for=203.0.113.7,for="[2001:db8:ffff::1]"'],
    CLIENT,
    '2001:db8:ffff::1',
  ),
  row(
    'behind two proxies',
    ['203.0.113.7,10.1.2.3, 10.4.5.6'],
    ['for=203.0.113.7,for=10.1.2.3, for=10.4.5.6'],
    CLIENT,
    '10.1.2.3',
    '10.4.5.6',
  ),
  row('only proxies', ['10.1.2.3, 10.4.5.6'], ['for=10.1.2.3, for=10.4.5.6'], '10.1.2.3', '10.4.5.6'),
  row('a proxy in front of a client', ['10.1.2.3, 203.0.113.7'], ['for=10.1.2.3, for=203.0.113.7'], CLIENT),
  row('two lines', ['203.0.113.7', '10.1.2.3'], ['for=203.0.113.7', 'for=10.1.2.3'], CLIENT, '10.1.2.3'),
  row(
    'two lines, one of them a list',
    ['6.6.6.6, 203.0.113.7', '10.1.2.3'],
    ['for=6.6.6.6, for=203.0.113.7', 'for=10.1.2.3'],
    CLIENT,
    '10.1.2.3',
  ),
];

const FORGED: readonly Row[] = [
  row('another client to the left', ['6.6.6.6, 203.0.113.7'], ['for=6.6.6.6, for=203.0.113.7'], CLIENT),
  row('the gateway’s own address to the left', ['127.0.0.1, 203.0.113.7'], ['for=127.0.0.1, for=203.0.113.7'], CLIENT),
  row(
    'proxies to the left',
    ['6.6.6.6,10.1.2.3,203.0.113.7, 10.4.5.6'],
    ['for=6.6.6.6,for=10.1.2.3,for=203.0.113.7, for=10.4.5.6'],
    CLIENT,
    '10.4.5.6',
  ),
  row('a line of its own before', ['6.6.6.6', '203.0.113.7'], ['for=6.6.6.6', 'for=203.0.113.7'], CLIENT),
  row(
    'a line of its own before a proxy',
    ['6.6.6.6', '203.0.113.7, 10.1.2.3'],
    ['for=6.6.6.6', 'for=203.0.113.7, for=10.1.2.3'],
    CLIENT,
    '10.1.2.3',
  ),
  row('an open quote to the left', ['"6.6.6.6, 203.0.113.7'], ['for="6.6.6.6, for=203.0.113.7'], CLIENT),
  row('an open quote in a line before', ['6.6.6.6"', '203.0.113.7'], ['for=6.6.6.6;x="', 'for="203.0.113.7"'], CLIENT),
  row('an open quote, and an escape', ['6.6.6.6\\', '203.0.113.7'], ['for=6.6.6.6;x="\\', 'for="203.0.113.7"'], CLIENT),
  row('a parameter of the other’s element', null, ['for=6.6.6.6;', 'for=203.0.113.7'], CLIENT),
  row('an open quote that an odd one would end', null, ['for=6.6.6.6;x=", for=203.0.113.7;host=a"']),
  row('an open quote that an odd one would end, in a line before', null, [
    'for=6.6.6.6;x="',
    'for=203.0.113.7;host=a"',
  ]),
  row(
    'an open quote before an odd one and a proxy',
    null,
    ['.="', 'for=203.0.113.7', 'for=192.0.2.43"', ' for="[2001:db8:ffff::1]:80";proto=http '],
    '2001:db8:ffff::1',
  ),
  row('an element within what a proxy quotes', null, ['for=203.0.113.7;host="a,for=6.6.6.6"']),
  row('a whole element within what a proxy quotes', null, ['for=203.0.113.7;host="a,for=6.6.6.6;x=";by="10.1.2.3:80"']),
  row('an element within what a proxy quotes, escaped', null, ['for=203.0.113.7;host="a,for=6.6.6.6;x=\\"\\""']),
];

const MALFORMED: readonly Row[] = [
  row('malformed on the left', ['x, 203.0.113.7'], ['for=x, for=203.0.113.7'], CLIENT),
  row('malformed in the middle', ['203.0.113.7, x, 10.1.2.3'], ['for=203.0.113.7, for=x, for=10.1.2.3'], '10.1.2.3'),
  row('malformed on the right', ['203.0.113.7, x'], ['for=203.0.113.7, for=x']),
  row('malformed alone', ['x'], ['x']),
  row('unknown on the left', ['unknown, 203.0.113.7'], ['for=unknown, for=203.0.113.7'], CLIENT),
  row(
    'unknown in the middle',
    ['203.0.113.7, unknown, 10.1.2.3'],
    ['for=203.0.113.7, for=unknown, for=10.1.2.3'],
    '10.1.2.3',
  ),
  row('unknown on the right', ['203.0.113.7, unknown'], ['for=203.0.113.7, for=unknown']),
  row('obfuscated in the middle', ['203.0.113.7, _x, 10.1.2.3'], ['for=203.0.113.7, for=_x, for=10.1.2.3'], '10.1.2.3'),
  row('obfuscated on the right', ['203.0.113.7, _x'], ['for=203.0.113.7, for="_x:80"']),
  row('empty on the left', [', 203.0.113.7'], [', for=203.0.113.7'], CLIENT),
  row('empty in the middle', ['203.0.113.7,, 10.1.2.3'], ['for=203.0.113.7,, for=10.1.2.3'], '10.1.2.3'),
  row('empty on the right', ['203.0.113.7,'], ['for=203.0.113.7,']),
  row('nothing but commas', [',,,'], [',,,']),
  row('an empty line behind', ['203.0.113.7', ''], ['for=203.0.113.7', '']),
  row('a leading zero', ['203.0.113.7, 010.1.2.3'], ['for=203.0.113.7, for=010.1.2.3']),
  row('hexadecimal', ['203.0.113.7, 0x0a.1.2.3'], ['for=203.0.113.7, for=0x0a.1.2.3']),
  row('one number', ['203.0.113.7, 167838211'], ['for=203.0.113.7, for=167838211']),
  row('three numbers', ['203.0.113.7, 10.1.2'], ['for=203.0.113.7, for=10.1.2']),
  row('a network', ['203.0.113.7, 10.1.2.3/8'], ['for=203.0.113.7, for="10.1.2.3/8"']),
  row('a name', ['203.0.113.7, localhost'], ['for=203.0.113.7, for=localhost']),
  row('two addresses in one entry', ['203.0.113.7, 10.1.2.3 10.1.2.3'], ['for=203.0.113.7, for="10.1.2.3 10.1.2.3"']),
  row('quoted', ['203.0.113.7, "10.1.2.3"'], ['for=203.0.113.7, for="\\"10.1.2.3\\""']),
  row('in the words of the other header', ['203.0.113.7, for=10.1.2.3'], ['for=203.0.113.7, 10.1.2.3']),
  row('semicolons', ['203.0.113.7;10.1.2.3'], ['for=203.0.113.7;10.1.2.3']),
  row('an odd blank', ['203.0.113.7, \xa010.1.2.3'], ['for=203.0.113.7, \xa0for=10.1.2.3']),
  row('an element that names nobody', null, ['for=203.0.113.7, proto=https;by=10.1.2.3']),
  row('a parameter twice', null, ['for=203.0.113.7, for=10.1.2.3;For=10.1.2.3']),
  row('blanks where none belong', null, ['for=203.0.113.7, for=10.1.2.3; proto=https']),
  row('a port without quotes', null, ['for=203.0.113.7, for=10.1.2.3:80']),
  row('IPv6 without quotes', null, ['for=203.0.113.7, for=[2001:db8:ffff::1]']),
  row('IPv6 without brackets', null, ['for=203.0.113.7, for="2001:db8:ffff::1"']),
  row('a quote that does not end', null, ['for=203.0.113.7, for="10.1.2.3']),
];

const FORMS: readonly Row[] = [
  row('a port', ['203.0.113.7:4711'], ['for="203.0.113.7:4711"'], CLIENT),
  row('a port on IPv6', ['[2001:db8::7]:4711'], ['for="[2001:db8::7]:4711"'], '2001:db8::7'),
  row('brackets without a port', ['[2001:db8::7]'], ['for="[2001:db8::7]"'], '2001:db8::7'),
  row(
    'ports on proxies',
    ['203.0.113.7:1, 10.1.2.3:2, [2001:db8:ffff::1]:3'],
    ['for="203.0.113.7:1", for="10.1.2.3:2", for="[2001:db8:ffff::1]:3"'],
    CLIENT,
    '10.1.2.3',
    '2001:db8:ffff::1',
  ),
  row('a port that is none', ['203.0.113.7, 10.1.2.3:http'], ['for=203.0.113.7, for="10.1.2.3:http"']),
  row('a port beyond all', ['203.0.113.7, 10.1.2.3:65536'], ['for=203.0.113.7, for="10.1.2.3:65536"']),
  row('IPv4 in brackets', ['203.0.113.7, [10.1.2.3]'], ['for=203.0.113.7, for="[10.1.2.3]"']),
  row('IPv6 whose last group is no port', ['2001:db8::7:443'], null, '2001:db8::7:443'),
  row(
    'IPv6 with a group too many',
    ['203.0.113.7, 2001:db8:ffff:0:0:0:0:1:443'],
    ['for=203.0.113.7, for="[2001:db8:ffff:0:0:0:0:1:443]"'],
  ),
  row('a hidden port', ['203.0.113.7, 10.1.2.3:_x'], null),
  row('a hidden port of a node', null, ['for="203.0.113.7:_x"'], CLIENT),
  row('a zone', ['fe80::7%eth0'], ['for="[fe80::7%eth0]"'], 'fe80::7'),
  row('a zone and a port', ['[fe80::7%eth0]:80'], ['for="[fe80::7%eth0]:80"'], 'fe80::7'),
  row(
    'a zone on a proxy',
    ['203.0.113.7, 2001:db8:ffff::1%1'],
    ['for=203.0.113.7, for="[2001:db8:ffff::1%1]"'],
    CLIENT,
    '2001:db8:ffff::1',
  ),
  row('an empty zone', ['203.0.113.7, 2001:db8:ffff::1%'], ['for=203.0.113.7, for="[2001:db8:ffff::1%]"']),
  row('a zone on IPv4', ['203.0.113.7, 10.1.2.3%eth0'], ['for=203.0.113.7, for="10.1.2.3%eth0"']),
  row('IPv4 mapped', ['::ffff:203.0.113.7'], ['for="[::ffff:203.0.113.7]"'], CLIENT),
  row('IPv4 mapped, in hexadecimal', ['::ffff:cb00:7107'], ['for="[::ffff:cb00:7107]"'], CLIENT),
  row('IPv4 mapped, with a port', ['[::ffff:203.0.113.7]:80'], ['for="[::ffff:203.0.113.7]:80"'], CLIENT),
  row('IPv4 through NAT64', ['64:ff9b::203.0.113.7'], ['for="[64:ff9b::cb00:7107]"'], CLIENT),
  row('IPv4 in 6to4', ['2002:cb00:7107::1'], ['for="[2002:cb00:7107::1]"'], CLIENT),
  row('IPv4 translated', ['::ffff:0:203.0.113.7'], ['for="[::ffff:0:cb00:7107]"'], CLIENT),
  row('IPv4 over Teredo', ['2001:0:c000:221::34ff:8ef8'], ['for="[2001:0:c000:221::34ff:8ef8]"'], CLIENT),
  row(
    'a proxy’s address within one that anybody can have',
    ['203.0.113.7, 2001:db8::5efe:10.1.2.3'],
    ['for=203.0.113.7, for="[2001:db8::5efe:10.1.2.3]"'],
    '2001:db8::5efe:a01:203',
  ),
  row(
    'a proxy as mapped IPv4',
    ['203.0.113.7, ::ffff:10.1.2.3'],
    ['for=203.0.113.7, for="[::ffff:a01:203]"'],
    CLIENT,
    '10.1.2.3',
  ),
  row('names of parameters in capitals', null, ['FOR=203.0.113.7;PROTO=http;By=_x'], CLIENT),
  row(
    'other parameters, with quotes in quotes',
    null,
    ['x="\\";for=6.6.6.6;\\"";for=203.0.113.7, for=10.1.2.3;y="\\\\"'],
    CLIENT,
    '10.1.2.3',
  ),
  row(
    'other parameters, with commas in quotes',
    null,
    ['for=6.6.6.6, for=203.0.113.7;x="a, for=6.6.6.6", for=10.1.2.3'],
    '10.1.2.3',
  ),
];

const HOPS = 64;
const thousand = (entry: string): string => Array.from({ length: 1000 }, () => entry).join(',');

const LONG: readonly Row[] = [
  row(
    'a thousand clients to the left',
    [`${thousand('6.6.6.6')}, 203.0.113.7`],
    [`${thousand('for=6.6.6.6')}, for=203.0.113.7`],
    CLIENT,
  ),
  row(
    'a thousand proxies to the left',
    [`${thousand('10.0.0.7')}, 203.0.113.7`],
    [`${thousand('for=10.0.0.7')}, for=203.0.113.7`],
    CLIENT,
  ),
  row(
    'a thousand proxies, more than are followed',
    [`203.0.113.7,${thousand('10.0.0.7')}`],
    [`for=203.0.113.7,${thousand('for=10.0.0.7')}`],
    ...Array.from({ length: HOPS }, () => '10.0.0.7'),
  ),
  row('a thousand commas to the left', [`${thousand('')}203.0.113.7`], [`${thousand('')}for=203.0.113.7`], CLIENT),
  row(
    'as many proxies as are followed',
    [['203.0.113.7', ...Array.from({ length: HOPS - 1 }, () => '10.0.0.7')].join()],
    [['for=203.0.113.7', ...Array.from({ length: HOPS - 1 }, () => 'for=10.0.0.7')].join()],
    CLIENT,
    ...Array.from({ length: HOPS - 1 }, () => '10.0.0.7'),
  ),
];

export const ROWS: readonly Row[] = [...CHAINS, ...FORGED, ...MALFORMED, ...FORMS, ...LONG];
