import t from 'tap';
import { DATA, HEAD, INCOMPLETE, ResponseReader } from '../../../src/gateway/fast/response-reader.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const MAX = 16 * 1024;

interface Read {
  readonly heads: { status: number; raw: readonly string[] }[];
  body: string;
  isWhole: boolean;
  keepsAlive: boolean;
  surplus: boolean;
  untilClose: boolean;
  keepAliveMs: number;
  error: string | null;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Reads an answer that comes in these pieces. */
function read(pieces: readonly string[], isHead = false, max = MAX): Read {
  const reader = new ResponseReader(max);
  const heads: Read['heads'] = [];
  let body = '';
  let error: string | null = null;
  let surplus = false;
  reader.begin(isHead);
  try {
    for (const piece of pieces) {
      if (reader.isWhole) {
        surplus = true;
        break;
      }
      const bytes = Buffer.from(piece, 'latin1');
      // As a connection has it: more memory than bytes.
      const memory = Buffer.concat([bytes, Buffer.from('\r\n\r\nold bytes')]);
      reader.feed(memory, bytes.length);
      for (let found = reader.next(); found !== INCOMPLETE; found = reader.next()) {
        if (found === HEAD) heads.push({ status: reader.status, raw: reader.fields.raw });
        if (found === DATA) body += reader.data.toString('latin1');
        if (reader.isWhole) break;
      }
      memory.fill('x');
      surplus = reader.isWhole && reader.hasSurplus;
    }
  } catch (thrown) {
    error = codeOf(thrown);
  }
  const { isWhole, keepsAlive, keepAliveMs, endsWithConnection: untilClose } = reader;
  return { heads, body, isWhole, keepsAlive, keepAliveMs, surplus, untilClose, error };
}

function everySplit(text: string): string[][] {
  const splits = [[text], text.split('')];
  for (let i = 1; i < text.length; i++) splits.push([text.slice(0, i), text.slice(i)]);
  return splits;
}

const WHOLE: Readonly<Record<string, readonly [bytes: string, body: string, heads?: number]>> = {
  'a length': [`${OK}Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello`, 'hello'],
  'a length of 0': [`${OK}Content-Length: 0\r\n\r\n`, ''],
  'a length with zeros in front and spaces': [`${OK}content-length: \t 0005 \r\n\r\nhello`, 'hello'],
  chunks: [`${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n`, 'hello'],
  'chunks with extensions and trailers': [
    `${OK}Transfer-Encoding:CHUNKED\r\n\r\n000A;a=b;c="d\\""\r\nhelloworld\r\n0;x\r\nX-T: 1\r\nY-T:\r\n\r\n`,
    'helloworld',
  ],
  'no reason phrase': ['HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', 'ok'],
  'an odd reason phrase': ['HTTP/1.1 200 \xe4\t!\r\nContent-Length: 2\r\n\r\nok', 'ok'],
  'a 204': ['HTTP/1.1 204 No Content\r\nX-A: \r\n\r\n', ''],
  'a 304 with a length': ['HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', ''],
  'informational answers before': [
    `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 102 \r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
    'ok',
    3,
  ],
};

t.test('an answer is the same however its bytes come', async (t) => {
  for (const [name, [bytes, body, heads = 1]] of Object.entries(WHOLE)) {
    for (const pieces of everySplit(bytes)) {
      const seen = read(pieces);
      const expected = { error: null, isWhole: true, body, keepsAlive: true, surplus: false };
      if (t.match(seen, expected, name) && seen.heads.length === heads) continue;
      t.equal(seen.heads.length, heads, `${name}: ${JSON.stringify(pieces)}`);
      return;
    }
  }
});

t.test('the head is handed on as it was sent', async (t) => {
  const seen = read([`${OK}X-A: \xe4\xff  b \t\r\nx-a:\r\nX-A:c\r\nContent-Length: 0\r\n\r\n`]);
  t.strictSame(seen.heads, [
    { status: 200, raw: ['X-A', '\xe4\xff  b', 'x-a', '', 'X-A', 'c', 'Content-Length', '0'] },
  ]);
});

const UNTIL_CLOSE: Readonly<Record<string, string>> = {
  'no framing': OK,
  identity: `${OK}Transfer-Encoding: identity\r\n`,
  'another coding': `${OK}Transfer-Encoding: gzip\r\n`,
  'two codings': `${OK}Transfer-Encoding: gzip, chunked\r\n`,
  'chunked twice': `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n`,
  'HTTP/1.0': 'HTTP/1.0 200 OK\r\n',
};

t.test('a body without an end of its own lasts until the connection ends', async (t) => {
  for (const [name, head] of Object.entries(UNTIL_CLOSE)) {
    const seen = read([`${head}\r\n0\r\n`, '\r\n']);
    t.match(seen, { isWhole: false, untilClose: true, keepsAlive: false, body: '0\r\n\r\n', error: null }, name);
  }
});

t.test('to HEAD, and with 204 and 304, there is no body', async (t) => {
  const length = `${OK}Content-Length: 5\r\n\r\n`;
  t.match(read([length], true), { isWhole: true, surplus: false, body: '', error: null });
  t.match(read([`${length}hello`], true), { isWhole: true, surplus: true, body: '' });
  t.match(read([`${OK}Transfer-Encoding: chunked\r\n\r\n`], true), { isWhole: true, surplus: false });
  for (const status of ['204 No Content', '304 Not Modified']) {
    const bodiless = read([`HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\nhello`]);
    t.match(bodiless, { isWhole: true, surplus: true, body: '', keepsAlive: false }, 'a body may follow all the same');
    t.match(read([`HTTP/1.1 ${status}\r\nTransfer-Encoding: chunked\r\n\r\n`]), { isWhole: true, keepsAlive: false });
  }
});

t.test('what comes behind an answer is seen', async (t) => {
  for (const answer of [`${OK}Content-Length: 2\r\n\r\nok`, `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`]) {
    t.match(read([`${answer}H`]), { isWhole: true, surplus: true });
    t.match(read([answer]), { isWhole: true, surplus: false });
  }
});

const NONE: Readonly<Record<string, string>> = {
  'another protocol': 'SSH-2.0-OpenSSH_9.6\r\n',
  'another version': 'HTTP/1.2 200 OK\r\n',
  'HTTP/2': 'HTTP/2.0 200 OK\r\n',
  'a small protocol name': 'http/1.1 200 OK\r\n',
  'a line before it': '\r\nHTTP/1.1 200 OK\r\n',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\n',
  'a status below 100': 'HTTP/1.1 099 OK\r\n',
  'no space behind the status': 'HTTP/1.1 200OK\r\n',
  'two spaces': 'HTTP/1.1  200 OK\r\n',
  'a bare line feed': 'HTTP/1.1 200 OK\n',
  'a bare carriage return': 'HTTP/1.1 200 O\rK\r\n',
  'NUL in the reason': 'HTTP/1.1 200 O\0K\r\n',
  'a bare line feed behind a header': `${OK}X-A: 1\n`,
  'a bare carriage return in a header': `${OK}X-A: 1\r2\r\n`,
  'NUL in a header': `${OK}X-A: \0\r\n`,
  'a control character': `${OK}X-A: a\x01b\r\n`,
  DEL: `${OK}X-A: \x7f\r\n`,
  'a folded header': `${OK}X-A: 1\r\n 2\r\n`,
  'a header that begins with a space': `${OK} X-A: 1\r\n`,
  'a space before the colon': `${OK}X-A : 1\r\n`,
  'no name': `${OK}: 1\r\n`,
  'no colon': `${OK}X-A\r\n`,
  'a name that is none': `${OK}X(A: 1\r\n`,
  'a bare line feed as the end': `${OK}X-A: 1\r\n\n`,
  'a carriage return only as the end': `${OK}X-A: 1\r\n\rX`,
  'two lengths': `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`,
  'a length twice': `${OK}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`,
  'lengths in a list': `${OK}Content-Length: 1, 1\r\n\r\n`,
  'a length below 0': `${OK}Content-Length: -1\r\n\r\n`,
  'a length with a sign': `${OK}Content-Length: +1\r\n\r\n`,
  'a length that is hexadecimal': `${OK}Content-Length: 0x1\r\n\r\n`,
  'an empty length': `${OK}Content-Length: \r\n\r\n`,
  'a length beyond all numbers': `${OK}Content-Length: 9999999999999999\r\n\r\n`,
  'a length and chunks': `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
  'chunks and a length': `${OK}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n`,
  'a length and another coding': `${OK}Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n`,
};

t.test('what is no answer is refused as soon as that can be seen', async (t) => {
  for (const [name, bytes] of Object.entries(NONE)) {
    for (const pieces of [[bytes], bytes.split('')]) t.equal(read(pieces).error, 'invalid_answer', name);
  }
});

t.test('a head has a bound', async (t) => {
  const fits = `${OK}X-A: ${'a'.repeat(100)}\r\nContent-Length: 0\r\n\r\n`;
  for (const pieces of [[fits], fits.split('')]) {
    t.match(read(pieces, false, fits.length), { error: null, isWhole: true });
    t.equal(read(pieces, false, fits.length - 1).error, 'head_too_large');
  }
  t.equal(read([`${OK}X-A: ${'a'.repeat(MAX)}`]).error, 'head_too_large', 'before its end has come');
  t.equal(read([`${OK}X-A: ${'a'.repeat(200)}`, '\r\n'.repeat(1)], false, 150).error, 'head_too_large');
  t.match(read([fits.replace(': 0', ': 9999'), 'b'.repeat(9999)], false, fits.length + 3), { isWhole: true });
});

t.test('what becomes of the connection', async (t) => {
  const cases: readonly (readonly [headers: string, keeps: boolean, ms: number, start?: string])[] = [
    ['', true, -1],
    ['Connection: keep-alive\r\n', true, -1],
    ['Connection: close\r\n', false, -1],
    ['Connection: Close\r\n', false, -1],
    ['Connection: x, CLOSE \r\n', false, -1],
    ['Connection: keep-alive\r\nConnection: close\r\n', false, -1],
    ['Connection: closed\r\n', true, -1],
    ['Keep-Alive: timeout=5, max=10\r\n', true, 5000],
    ['Keep-Alive: max=10\r\n', true, -1],
    ['', false, -1, 'HTTP/1.0 200 OK\r\n'],
    ['Connection: Keep-Alive\r\n', true, -1, 'HTTP/1.0 200 OK\r\n'],
    ['', false, -1, `HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n${OK}`],
  ];
  for (const [headers, keepsAlive, keepAliveMs, start = OK] of cases) {
    const seen = read([`${start}${headers}Content-Length: 0\r\n\r\n`]);
    t.match(seen, { isWhole: true, keepsAlive, keepAliveMs }, headers);
  }
});

t.test('a reader reads one answer after the other', async (t) => {
  const reader = new ResponseReader(MAX);
  for (const [bytes, body] of Object.values(WHOLE)) {
    reader.begin(false);
    reader.feed(Buffer.from(bytes, 'latin1'), bytes.length);
    let seen = '';
    for (let found = reader.next(); found !== INCOMPLETE; found = reader.next()) {
      if (found === DATA) seen += reader.data.toString('latin1');
    }
    t.equal(seen, body);
    t.ok(reader.isWhole);
  }
});

t.test('what undici reads otherwise', async (t) => {
  for (const blank of ['\r\n', '\n', '\r\n\r\n']) {
    t.equal(
      read([`${blank}${OK}Content-Length: 0\r\n\r\n`]).error,
      'invalid_answer',
      'an empty line before the answer',
    );
  }
  for (const byte of ['\0', '\x01', '\x7f']) {
    t.equal(
      read([`HTTP/1.1 200 O${byte}K\r\nContent-Length: 0\r\n\r\n`]).error,
      'invalid_answer',
      'a control character',
    );
  }
  for (const blank of [' ', '\t', ' \t ']) {
    const answer = read([`${OK}Content-Length: 5${blank}\r\n\r\nhello`]);
    t.match(answer, { body: 'hello', isWhole: true, surplus: false, error: null }, 'a blank behind the length');
  }
  const answer = read([`${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 7\r\n\r\n`]);
  t.match(answer, { body: 'hello', isWhole: true, surplus: false, error: null }, 'a trailer means nothing');
  t.strictSame(answer.heads, [{ status: 200, raw: ['Transfer-Encoding', 'chunked'] }]);
});

t.test('chunks in HTTP/1.0 end the connection, whatever it says', async (t) => {
  const answer = 'Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n';
  t.match(read([`HTTP/1.0 200 OK\r\n${answer}`]), { body: 'ok', isWhole: true, keepsAlive: false });
  t.match(read([`HTTP/1.1 200 OK\r\n${answer}`]), { body: 'ok', isWhole: true, keepsAlive: true });
});
