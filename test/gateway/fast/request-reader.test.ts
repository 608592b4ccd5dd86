import t from 'tap';
import { canonicalTarget } from '../../../src/core/target.ts';
import { readPlainHead } from '../../../src/gateway/fast/request-reader.ts';
import { BOUNDS, bytesOf, PLAIN, read, readByNode } from './heads.ts';

/** A head with this request line, or these header lines. */
const line = (first: string): string => `${first}\r\nHost: a\r\n\r\n`;
const fields = (...lines: string[]): string => `GET / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
const withHost = (...lines: string[]): string => fields('Host: a', ...lines);

t.test('a plain head is read as node:http reads it', async (t) => {
  for (const text of PLAIN) {
    const head = read(text);
    if (typeof head === 'string') {
      t.fail(`${head}: ${text}`);
      continue;
    }
    t.equal(head.end, text.length);
    const { method, url, rawHeaders, bodyLength, keepsAlive } = head;
    t.strictSame(
      await readByNode(bytesOf(text), bodyLength, keepsAlive),
      { method, url, version: '1.1', rawHeaders, keepsAlive, endsRight: true },
      text,
    );
  }
});

t.test('what the connection must know is read', async (t) => {
  t.match(read(PLAIN[3] as string), { method: 'POST', url: '/v1/things:purge', bodyLength: 27, keepsAlive: true });
  t.match(read(PLAIN[4] as string), { method: 'PUT', bodyLength: 0, keepsAlive: false });
  t.match(read(withHost('Content-Length: 999999999999999')), { bodyLength: 999_999_999_999_999 });
  // Nothing of the head before it is left.
  t.match(read(PLAIN[0] as string), { bodyLength: 0, keepsAlive: true, rawHeaders: ['Host', 'a'] });
});

t.test('a name is given as it was spelt, whatever was spelt before', async (t) => {
  const long = 'x'.repeat(200);
  for (let round = 0; round < 2; round++) {
    for (const name of ['Accept', 'accept', 'ACCEPT', long, `${long}y`]) {
      t.match(read(withHost(`${name}: v`)), { rawHeaders: ['Host', 'a', name, 'v'] });
    }
    // More of them than are remembered.
    for (let i = 0; i < 3000; i++) {
      const head = read(withHost(`X-${i}: v${i}`));
      if (typeof head === 'string' || head.rawHeaders[2] !== `X-${i}`) return t.fail(`X-${i}`);
    }
  }
});

const OTHER: Readonly<Record<string, readonly string[]>> = {
  'a method that is not among the plain ones': [
    ...['TRACE / HTTP/1.1', 'CONNECT a:1 HTTP/1.1', 'get / HTTP/1.1', 'PURGE / HTTP/1.1', 'GETS / HTTP/1.1'].map(line),
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\x16\x03\x01',
  ],
  'something before the request line': [`\r\n${PLAIN[0]}`, `\n${PLAIN[0]}`, ` ${PLAIN[0]}`],
  'a target in another form': ['GET * HTTP/1.1', 'GET http://a/ HTTP/1.1', 'GET a HTTP/1.1', 'OPTIONS * HTTP/1.1'].map(
    line,
  ),
  'a path that is not canonical': [
    '//',
    '/a//b',
    '/.',
    '/..',
    '/./a',
    '/a/../b',
    '/a/.?x',
    '/a/..?x',
    '/a;b',
    '/a\\b',
    '/a#b',
    '/%41',
    '/%2F',

    '/%2e%2e',
    '/%c3%a9',
    '/%C0%AE',
    '/%',
    '/%zz',
    '/%3B',
    '/é',
    '/a\0',
    '/a\x7f',
    '/"',
    '/<',
    '/[',
    '/a^',
    '/{a}',
    '/a|',
  ].map((target) => line(`GET ${target} HTTP/1.1`)),
  'a query with what canonical ones do not have': ['/?a#b', '/?\\', '/?é', '/?\x7f', '/?\0', '/?a\tb'].map((target) =>
    line(`GET ${target} HTTP/1.1`),
  ),
  'another version, or more spaces than two': [
    ...['GET / HTTP/1.0', 'GET / HTTP/2.0', 'GET / http/1.1', 'GET /', 'GET  / HTTP/1.1', 'GET /  HTTP/1.1'].map(line),
    ...['GET / HTTP/1.1 ', 'GET\t/ HTTP/1.1', 'GET /\tHTTP/1.1', 'GET / HTTP/1.1\r', 'GET / a HTTP/1.1'].map(line),
  ],
  'a line that does not end in CR LF': [
    'GET / HTTP/1.1\nHost: a\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\rx',
    withHost('X: a\rb'),
    'GET / HTTP/1.1\r\nHost: a\r\nX: v\0\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nX: v\x7f\n\r\n',
    withHost('X: a\nb'),
  ],
  'an odd name': [': v', 'X : v', ' X: v', '\tX: v', 'X\t: v', 'X', 'X Y: v', 'X(: v', 'Xé: v', 'X\0: v', '@: v'].map(
    (each) => withHost(each),
  ),
  'an odd value': [
    'X:',
    'X: ',
    'X:  v',
    'X:\tv',
    'X: v ',
    'X: v\t',
    'X: a\tb',
    'X: é',
    'X: \0',
    'X: \x7f',
    'X: \x1f',
  ].map((each) => withHost(each)),
  'a folded line': [withHost('X: a', ' b'), withHost('X: a', '\tb'), 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
  'no host, two, or an odd one': [
    'GET / HTTP/1.1\r\n\r\n',
    fields('X: v'),
    withHost('Host: a'),
    withHost('hOST: b'),
    // As long as the one that was plain before.
    fields('Host: /'),
    fields('Host: ,'),
    ...['a,b', 'a b', 'u@a', 'a:', 'a:b', 'a:123456', '[::1', '[g]', '[]', 'a/b', '%61', 'a:1:2'].map((host) =>
      fields(`Host: ${host}`),
    ),
  ],
  'two Authorization headers': [withHost('Authorization: a', 'authorization: a')],
  'a Content-Length that is there twice or no plain number': [
    withHost('Content-Length: 1', 'content-length: 1'),
    ...['01', '00', '+1', '-1', '1,1', '1 1', '0x1', '1.0', '1e3', 'a', '1000000000000000'].map((length) =>
      withHost(`Content-Length: ${length}`),
    ),
  ],
  'a header that asks for more': [
    'Transfer-Encoding: chunked',
    'transfer-encoding: identity',
    'Upgrade: websocket',
    'Expect: 100-continue',
    'TE: trailers',

    'Trailer: x',
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'HTTP2-Settings: AAMAAABk',
    'TRANSFER-ENCODING: x',
  ].map((each) => withHost(each)),
  'a Connection that is there twice or says something else': [
    withHost('Connection: close', 'Connection: close'),
    withHost('Connection: keep-alive', 'connection: close'),
    ...['Upgrade', 'keep-alive, TE', 'close, X', 'keep-alive,', 'clos', 'closed', 'x', 'keep-alive close'].map(
      (option) => withHost(`Connection: ${option}`),
    ),
  ],
};

t.test('what is not in the form is not recognised', async (t) => {
  for (const [why, heads] of Object.entries(OTHER)) {
    for (const text of heads) t.equal(read(text), 'other', `${why}: ${JSON.stringify(text)}`);
  }
});

t.test('of a plain head every part is more to come, and every byte behind it another matter', async (t) => {
  for (const text of PLAIN) {
    const bytes = bytesOf(`junk${text}GET \0`);
    for (let to = 4; to < 4 + text.length; to++) {
      const found = readPlainHead(bytes, 4, to, BOUNDS);
      if (found !== 'more') t.fail(`${JSON.stringify(text.slice(0, to - 4))}: ${JSON.stringify(found)}`);
    }
    for (let to = 4 + text.length; to <= bytes.length; to++) {
      const head = readPlainHead(bytes, 4, to, BOUNDS);
      t.strictSame(head, { ...(read(text) as object), end: 4 + text.length });
    }
  }
});

t.test('a head is read up to each bound, and one byte or header further it is not', async (t) => {
  const sized = (length: number): string => withHost(`X: ${'v'.repeat(length - withHost('X: ').length)}`);
  const bounds = { maxHeaderBytes: 1000, maxHeaders: 10, maxTargetBytes: 300 };
  t.match(read(sized(1000), bounds), { end: 1000 });
  t.equal(read(sized(1001), bounds), 'other');
  t.equal(read(sized(1001).slice(0, 999), bounds), 'more');
  t.equal(read(sized(2000).slice(0, 1000), bounds), 'other', 'a head that is not whole where it must end by now');

  const many = (count: number): string => withHost(...Array.from({ length: count - 1 }, (_, i) => `X-${i}: v`));
  t.match(read(many(10), bounds), { method: 'GET' });
  t.equal(read(many(11), bounds), 'other');
  t.equal(read(many(10).slice(0, -2), bounds), 'more');
  t.equal(read(`${many(10).slice(0, -2)}X`, bounds), 'other', 'at the first byte of one too many');
  t.match(read(many(256), { ...bounds, maxHeaderBytes: 16_384, maxHeaders: 2000 }), { method: 'GET' });
  t.equal(read(many(257), { ...bounds, maxHeaderBytes: 16_384, maxHeaders: 2000 }), 'other', 'whatever is allowed');

  for (const mark of ['', '?']) {
    const target = (length: number): string => line(`GET /${mark.padEnd(length - 1, 'a')} HTTP/1.1`);
    t.match(read(target(300), bounds), { method: 'GET' });
    t.equal(read(target(301), bounds), 'other');
    t.equal(read(target(301).slice(0, 304), bounds), 'more');
    t.equal(read(target(301).slice(0, 305), bounds), 'other');
  }
});

t.test('the target that is read is its own canonical form', async (t) => {
  for (const text of PLAIN) {
    const { url } = read(text) as { url: string };
    for (const allowPathParameters of [true, false]) {
      const target = canonicalTarget(url, { allowPathParameters });
      t.equal('fault' in target ? target.fault : target.path + target.query, url);
    }
  }
});
