/** Framing is strict: what two readers could cut into requests at different places is refused. */
import t from 'tap';
import { answersIn, stage, within } from './fixture.ts';
import { faultsOf } from './inspect.ts';
import { breaks, forwards, refuses, targets } from './table.ts';

const gateway = await stage(t);

/** A POST with these header lines; LF stands for CRLF. */
function post(lines: string, body = ''): string {
  const text = lines === '' ? '' : `${lines.replaceAll('\n', '\r\n')}\r\n`;
  return gateway.request('/x', text, 'POST', body);
}

const CHUNKS = '3\r\nabc\r\n0\r\n\r\n';

/** Heads whose framing has no single reading. */
const HEADS: Readonly<Record<string, string>> = {
  'length, then chunks': post('Content-Length: 3\nTransfer-Encoding: chunked', CHUNKS),
  'chunks, then length': post('Transfer-Encoding: chunked\nContent-Length: 3', CHUNKS),
  'chunks and a length of 0': post('Transfer-Encoding: chunked\nContent-Length: 0', CHUNKS),
  'a coding that is not known, and a length': post('Transfer-Encoding: x\nContent-Length: 3', 'abc'),
  'identity and a length': post('Transfer-Encoding: identity\nContent-Length: 3', 'abc'),
  'an empty coding and a length': post('Transfer-Encoding:\nContent-Length: 3', 'abc'),
  'the same length twice': post('Content-Length: 3\nContent-Length: 3', 'abc'),
  'two lengths': post('Content-Length: 3\nContent-Length: 4', 'abc'),
  'two lengths in two cases': post('Content-Length: 3\ncontent-length: 0', 'abc'),
  'a list of the same length': post('Content-Length: 3, 3', 'abc'),
  'a list of lengths': post('Content-Length: 3,4', 'abc'),
  'a length and a comma': post('Content-Length: 3,', 'abc'),
  'a length with a plus': post('Content-Length: +3', 'abc'),
  'a negative length': post('Content-Length: -1'),
  'a negative length of 0': post('Content-Length: -0'),
  'a length in hex': post('Content-Length: 0x3', 'abc'),
  'a length with a leading zero': post('Content-Length: 03', 'abc'),
  'a length of two zeros': post('Content-Length: 00'),
  'a length with a fraction': post('Content-Length: 3.0', 'abc'),
  'a length with an exponent': post('Content-Length: 1e1', 'abc'),
  'a length with a space inside': post('Content-Length: 3 0', 'abc'),
  'a length with words': post('Content-Length: 3abc', 'abc'),
  'an empty length': post('Content-Length:'),
  'a length of spaces': post('Content-Length:   '),
  'a length in quotes': post('Content-Length: "3"', 'abc'),
  'a length in wide digits': post('Content-Length: \xef\xbc\x93', 'abc'),
  'a length with a NUL': post('Content-Length: 3\0', 'abc'),
  'a length with a vertical tab': post('Content-Length: \x0b3', 'abc'),
  'a length beyond 2^53': post('Content-Length: 9007199254740993'),
  'a length beyond 2^64': post('Content-Length: 18446744073709551619', 'abc'),
  'a length of 400 digits': post(`Content-Length: ${'9'.repeat(400)}`),
  'a length after a folded line': post('Content-Length:\n 3', 'abc'),
  'chunked twice': post('Transfer-Encoding: chunked\nTransfer-Encoding: chunked', CHUNKS),
  'chunked twice in one line': post('Transfer-Encoding: chunked, chunked', CHUNKS),
  'chunked, then identity': post('Transfer-Encoding: chunked, identity', CHUNKS),
  'chunked, then another': post('Transfer-Encoding: chunked\nTransfer-Encoding: x', CHUNKS),
  'another, then chunked': post('Transfer-Encoding: x\nTransfer-Encoding: chunked', CHUNKS),
  'gzip, then chunked': post('Transfer-Encoding: gzip, chunked', CHUNKS),
  identity: post('Transfer-Encoding: identity'),
  gzip: post('Transfer-Encoding: gzip'),
  xchunked: post('Transfer-Encoding: xchunked', CHUNKS),
  chunkedx: post('Transfer-Encoding: chunkedx', CHUNKS),
  'chunked with a parameter': post('Transfer-Encoding: chunked;q=1', CHUNKS),
  'chunked with a comma before': post('Transfer-Encoding: ,chunked', CHUNKS),
  'chunked with a comma behind': post('Transfer-Encoding: chunked,', CHUNKS),
  'chunked in quotes': post('Transfer-Encoding: "chunked"', CHUNKS),
  'chunked after a vertical tab': post('Transfer-Encoding: \x0bchunked', CHUNKS),
  'chunked after a form feed': post('Transfer-Encoding: \x0cchunked', CHUNKS),
  'chunked and a NUL': post('Transfer-Encoding: chunked\0', CHUNKS),
  'chunked and a DEL': post('Transfer-Encoding: chunked\x7f', CHUNKS),
  'chunked after a non-breaking space': post('Transfer-Encoding: \xa0chunked', CHUNKS),
  'chunked with a long s': post('Transfer-Encoding: chun\xe2\x84\xaaed', CHUNKS),
  'chunked on a folded line': post('Transfer-Encoding:\n chunked', CHUNKS),
  'an empty coding': post('Transfer-Encoding:'),
  'a coding with a space before its colon': post('Transfer-Encoding : chunked', CHUNKS),
  'a coding with a tab before its colon': post('Transfer-Encoding\t: chunked', CHUNKS),
  'a length with a space before its colon': post('Content-Length : 3', 'abc'),
  'a coding behind a space': post(' Transfer-Encoding: chunked', CHUNKS),
  'a length behind a space': post(' Content-Length: 3', 'abc'),
  'a coding behind a NUL': post('\0Transfer-Encoding: chunked', CHUNKS),
  'a coding with a NUL inside': post('Transfer\0-Encoding: chunked', CHUNKS),
  'a coding behind a vertical tab': post('\x0bTransfer-Encoding: chunked', CHUNKS),
  'a coding behind a carriage return': post('X: 1\n\rTransfer-Encoding: chunked', CHUNKS),
  'a folded header': post('X-A: b\n c'),
  'a header folded with a tab': post('X-A: b\n\tc'),
  'a folded empty line': post('X-A: b\n \n'),
  'an empty name': post(': x'),
  'a name of a space': post(' : x'),
  'a line without a colon': post('X-A'),
  'a name with a space': post('X A: b'),
  'a name with a quote': post('X"A: b'),
  'a name with parentheses': post('X(A): b'),
  'a name with a slash': post('X/A: b'),
  'a name with non-ASCII': post('X-\xc3\xa4: b'),
  'a name in brackets': post('[X]: b'),
  'a NUL in a value': post('X-A: a\0b'),
  'a control character in a value': post('X-A: a\x01b'),
  'a DEL in a value': post('X-A: a\x7fb'),
  'a carriage return in a value': post('X-A: a\rContent-Length: 3', 'abc'),
  'a carriage return at the end of a value': post('X-A: a\r'),
  'a line feed in a value': post('X-A: 1').replace('X-A: 1', 'X-A: 1\nX-B: 2'),
};

t.test('a head that can be cut in two ways is refused before anything of it arrives', async (t) => {
  for (const [name, bytes] of Object.entries(HEADS)) await refuses(t, gateway, name, bytes);
});

t.test('every line of a head ends in CRLF', async (t) => {
  const good = gateway.request('/x', 'X-A: 1\r\nX-B: 2\r\n');
  const ends = [...good.matchAll(/\r\n/g)].map(({ index }) => index);
  t.ok(ends.length > 5);
  for (const [line, at] of ends.entries()) {
    const replaced = (by: string): string => good.slice(0, at) + by + good.slice(at + 2);
    await refuses(t, gateway, `a bare line feed at the end of line ${line}`, replaced('\n'));
    await refuses(t, gateway, `a bare carriage return at the end of line ${line}`, replaced('\r'));
    await refuses(t, gateway, `both, swapped, at the end of line ${line}`, replaced('\n\r'));
    await refuses(t, gateway, `two carriage returns at the end of line ${line}`, replaced('\r\r\n'));
  }
  await refuses(t, gateway, 'bare line feeds throughout', good.replaceAll('\r\n', '\n'));
});

t.test('HTTP/1.0 knows no Transfer-Encoding', async (t) => {
  for (const lines of ['chunked', 'identity', 'gzip, chunked', '']) {
    const bytes = post(`Transfer-Encoding: ${lines}`, CHUNKS).replace('HTTP/1.1', 'HTTP/1.0');
    await refuses(t, gateway, `HTTP/1.0 and ${lines}`, bytes);
    await refuses(
      t,
      gateway,
      `HTTP/1.0, keep-alive and ${lines}`,
      bytes.replace('\r\n', '\r\nConnection: keep-alive\r\n'),
    );
  }
});

/** Bodies that break off the rules when their head has been read. */
const CHUNKED_BODIES: Readonly<Record<string, string>> = {
  'a size in hex notation': '0x3\r\nabc\r\n0\r\n\r\n',
  'a size behind a space': ' 3\r\nabc\r\n0\r\n\r\n',
  'a size before a space': '3 \r\nabc\r\n0\r\n\r\n',
  'a size before a tab': '3\t\r\nabc\r\n0\r\n\r\n',
  'a size with a plus': '+3\r\nabc\r\n0\r\n\r\n',
  'a negative size': '-3\r\nabc\r\n0\r\n\r\n',
  'a size with an underscore': '0_3\r\nabc\r\n0\r\n\r\n',
  'no size': '\r\nabc\r\n0\r\n\r\n',
  'a size that is no number': 'zz\r\nabc\r\n0\r\n\r\n',
  'a size with a point': '3.0\r\nabc\r\n0\r\n\r\n',
  'a size with a comma': '3,3\r\nabc\r\n0\r\n\r\n',
  'a size with a NUL': '3\0\r\nabc\r\n0\r\n\r\n',
  'a size beyond 2^64': '10000000000000003\r\nabc\r\n0\r\n\r\n',
  'a size of many digits': `${'f'.repeat(64)}\r\nabc\r\n0\r\n\r\n`,
  'a size ended by a line feed': '3\nabc\r\n0\r\n\r\n',
  'a size ended by a carriage return': '3\rabc\r\n0\r\n\r\n',
  'a size ended by two carriage returns': '3\r\r\nabc\r\n0\r\n\r\n',
  'data ended by a line feed': '3\r\nabc\n0\r\n\r\n',
  'data ended by a carriage return': '3\r\nabc\r0\r\n\r\n',
  'data that is not ended': '3\r\nabc0\r\n\r\n',
  'data that is longer than its size': '3\r\nabcd\r\n0\r\n\r\n',
  'data that is shorter than its size': '4\r\nabc\r\n0\r\n\r\n',
  'a last chunk ended by a line feed': '3\r\nabc\r\n0\n\r\n',
  'a body ended by a line feed': '3\r\nabc\r\n0\r\n\n',
  'line feeds throughout': '3\nabc\n0\n\n',
  'an extension ended by a line feed': '3;a\nabc\r\n0\r\n\r\n',
  'an extension with a carriage return': '3;a\rb\r\nabc\r\n0\r\n\r\n',
  'an extension with a NUL': '3;a\0\r\nabc\r\n0\r\n\r\n',
  'an extension without end': `3;${'a'.repeat(100_000)}\r\nabc\r\n0\r\n\r\n`,
  'a trailer without a colon': '3\r\nabc\r\n0\r\nX\r\n\r\n',
  'a trailer with a space before its colon': '3\r\nabc\r\n0\r\nX-A : b\r\n\r\n',
  'a trailer with a NUL': '3\r\nabc\r\n0\r\nX-A: \0\r\n\r\n',
  'a trailer ended by a line feed': '3\r\nabc\r\n0\r\nX-A: b\n\r\n',
  'a folded trailer': '3\r\nabc\r\n0\r\nX-A: b\r\n c\r\n\r\n',
  'a trailer that gives a length': '3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n',
  'a trailer that gives a coding': '3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n',
  'trailers without end': `3\r\nabc\r\n0\r\n${'X-A: b\r\n'.repeat(10_000)}\r\n`,
};

t.test('a body whose chunks break the rules never arrives whole', async (t) => {
  const rows = Object.entries(CHUNKED_BODIES).map(([name, body]) => [name, post('Transfer-Encoding: chunked', body)]);
  await breaks(t, gateway, Object.fromEntries(rows));
});

t.test('a body that ends too early never arrives whole', async (t) => {
  const rows: Record<string, string> = {
    'a length of 3 and no body': post('Content-Length: 3'),
    'a length of 3 and 2 bytes': post('Content-Length: 3', 'ab'),
    'a head without its end': gateway.request().slice(0, -2),
    'half a request line': 'GET /x HT',
  };
  for (const body of [
    '',
    '3\r\nab',
    '3\r\nabc',
    '3\r\nabc\r\n',
    '3\r\nabc\r\n0\r\n',
    '3\r\nabc\r\n0\r\n\r',
    'ffff\r\na',
  ]) {
    rows[`chunks ${JSON.stringify(body)}`] = post('Transfer-Encoding: chunked', body);
  }
  await breaks(t, gateway, rows, true);
});

t.test('a body with one reading arrives as it is, in the gateway’s own framing', async (t) => {
  const line = 'POST /x HTTP/1.1';
  const inner = gateway.request('/inner');
  const hex = inner.length.toString(16);
  const chunked = { line, body: 'abc', framing: 'chunked' } as const;
  await forwards(t, gateway, 'a length', post('Content-Length: 3', 'abc'), { line, body: 'abc', framing: 'length' });
  await forwards(t, gateway, 'a length of 0', post('Content-Length: 0'), { line, body: '' });
  await forwards(t, gateway, 'no body', post(''), { line, body: '' });
  await forwards(t, gateway, 'a request as a body', post(`Content-Length: ${inner.length}`, inner), {
    line,
    body: inner,
  });
  await forwards(t, gateway, 'chunks', post('Transfer-Encoding: chunked', CHUNKS), chunked);
  await forwards(t, gateway, 'Chunked in capitals', post('transfer-encoding:CHUNKED', CHUNKS), chunked);
  await forwards(t, gateway, 'no bytes', post('Transfer-Encoding: chunked', '0\r\n\r\n'), { line, body: '' });
  await forwards(
    t,
    gateway,
    'a request in a chunk',
    post('Transfer-Encoding: chunked', `${hex}\r\n${inner}\r\n0\r\n\r\n`),
    {
      line,
      body: inner,
    },
  );
  const sizes = '000003\r\nabc\r\n00\r\n\r\n';
  await forwards(t, gateway, 'sizes with zeros', post('Transfer-Encoding: chunked', sizes), chunked);
  const extended = '3;a=b;c="d e";f\r\nabc\r\n0;x\r\n\r\n';
  await forwards(t, gateway, 'extensions, which are dropped', post('Transfer-Encoding: chunked', extended), chunked);
  await forwards(t, gateway, 'a GET with a body', gateway.request('/x', 'Content-Length: 3\r\n', 'GET', 'abc'), {
    line: 'GET /x HTTP/1.1',
    body: 'abc',
    framing: 'length',
  });
  await forwards(
    t,
    gateway,
    'HTTP/1.0 with a length',
    post('Content-Length: 3', 'abc').replace('HTTP/1.1', 'HTTP/1.0'),
    {
      line,
      body: 'abc',
    },
  );
  await forwards(t, gateway, 'empty lines before the request', `\r\n\r\n${gateway.request()}`, {
    line: 'GET /x HTTP/1.1',
  });
});

t.test('trailers are dropped, whatever they say', async (t) => {
  const trailers =
    'Authorization: Bearer x\r\nHost: evil.test\r\nX-Latchkey-Owner: root\r\nConnection: Host\r\nX-A: b\r\n';
  const bytes = post(
    'Trailer: X-A, Authorization\nTE: trailers\nTransfer-Encoding: chunked',
    `3\r\nabc\r\n0\r\n${trailers}\r\n`,
  );
  await forwards(t, gateway, 'trailers', bytes, {
    line: 'POST /x HTTP/1.1',
    headers: { trailer: undefined, te: undefined },
    body: 'abc',
  });
  t.notMatch(gateway.upstream.received, /X-A|evil|root/);
});

t.test('pipelined requests each arrive once and are answered in order', async (t) => {
  const client = await gateway.dial();
  const inner = gateway.request('/inner');
  const requests = [
    gateway.request('/1'),
    gateway.request('/2', `Content-Length: ${inner.length}\r\n`, 'POST', inner),
    gateway.request(
      '/3',
      'Transfer-Encoding: chunked\r\n',
      'PUT',
      `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`,
    ),
    gateway.request('/4', 'Content-Length: 0\r\n', 'DELETE'),
    gateway.request('/5'),
  ];
  client.send(requests.join(''));
  const bodies: string[] = [];
  while (bodies.length < requests.length) bodies.push((await within(client.answer(), 'an answer')).body);
  t.strictSame(bodies, ['GET /1 ', `POST /2 ${inner}`, `PUT /3 ${inner}`, 'DELETE /4 ', 'GET /5 ']);
  const arrived = await gateway.arrived();
  t.strictSame(targets(arrived).sort(), ['/1', '/2', '/3', '/4', '/5']);
  for (const request of arrived) t.strictSame(faultsOf(request, gateway), []);
  client.close();
});

t.test('bytes that come one by one mean the same', async (t) => {
  const client = await gateway.dial();
  for (const byte of post('Transfer-Encoding: chunked', CHUNKS)) {
    client.send(byte);
    await new Promise(setImmediate);
  }
  t.equal((await within(client.answer(), 'an answer')).body, 'POST /x abc');
  t.strictSame(targets(await gateway.arrived()), ['/x']);
  const refused = await gateway.dial();
  for (const byte of post('Content-Length: 3\nTransfer-Encoding: chunked', CHUNKS)) {
    if (refused.socket.writable) refused.send(byte);
    await new Promise(setImmediate);
  }
  t.equal((await within(refused.answer(), 'an answer')).status, 400);
  await within(refused.closed, 'the connection closes');
  t.equal(answersIn(refused), 1);
  t.strictSame(targets(await gateway.arrived()), []);
  client.close();
});
