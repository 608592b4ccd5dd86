import t from 'tap';
import { HEAD, ResponseReader } from '../../../src/gateway/fast/response-reader.ts';
import { linesOf } from '../../../src/gateway/header-lines.ts';
import { relayedHead } from '../../../src/gateway/headers-client.ts';

const MAX = 16 * 1024;

/** The reader behind the head of an answer that comes in these pieces. */
function readHead(pieces: readonly string[], reader = new ResponseReader(MAX)): ResponseReader {
  reader.begin(false);
  for (const piece of pieces) {
    const memory = Buffer.from(`${piece}old: bytes\r\n`, 'latin1');
    reader.feed(memory, piece.length);
    if (reader.next() === HEAD) return reader;
    memory.fill('x');
  }
  throw new Error('no head');
}

function answer(lines: readonly string[]): string {
  return `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

const LENGTH = 'Content-Length: 0';

/** What goes to the client as it stands, and what of it does. */
const PLAIN: Readonly<Record<string, readonly [lines: readonly string[], relayed: readonly string[]]>> = {
  'no header': [[], []],
  'all of it': [
    ['Server: x', LENGTH, 'ETag: "a"'],
    ['Server: x', LENGTH, 'ETag: "a"'],
  ],
  'nothing of it': [['Connection: keep-alive', 'X-Request-Id: theirs', 'RateLimit: a'], []],
  'one in the middle that is dropped': [
    ['A: 1', 'X-RateLimit-Limit: 7', 'B: 2'],
    ['A: 1', 'B: 2'],
  ],
  'dropped ones at both ends, and two in a row': [
    ['Keep-Alive: timeout=5', 'A: 1', 'TE: x', 'Trailer: x', 'B: 2', 'B: 3', 'Connection: close'],
    ['A: 1', 'B: 2', 'B: 3'],
  ],
  'headers that are repeated': [
    ['Set-Cookie: a=1', 'set-cookie: b=2', 'Set-Cookie: a=1'],
    ['Set-Cookie: a=1', 'set-cookie: b=2', 'Set-Cookie: a=1'],
  ],
  'values that are not ASCII': [['X-A: \xe4\xff', 'Upgrade: h2c', 'X-\xe4: no'].slice(0, 2), ['X-A: \xe4\xff']],
  'a value with blanks in it, and one that is empty': [
    ['X-A: a  b\tc', 'X-E: '],
    ['X-A: a  b\tc', 'X-E: '],
  ],
  'a chunked body': [['Transfer-Encoding: Chunked', 'A: 1'], ['A: 1']],
  'names of which others are the beginning': [
    ['Connections: 1', 'X-RateLimitless: 1', 'Dates: 1', 'Connection: Close'],
    ['Connections: 1', 'X-RateLimitless: 1', 'Dates: 1'],
  ],
};

/** What must be looked at as a whole, or written otherwise than it came. */
const OTHER: Readonly<Record<string, readonly string[]>> = {
  'a header that Connection names': ['A: 1', 'X-Hop: 1', 'B: 2', 'Connection: X-Hop', LENGTH],
  'one named before it comes': ['Connection: close, x-hop', 'A: 1', 'X-Hop: 1', 'B: 2'],
  'two Connection headers': ['Connection: close', 'A: 1', 'Close: 1', 'Connection: keep-alive'],
  'a length that Connection names': ['Connection: Content-Length', LENGTH],
  'zeros in front of the length': ['A: 1', 'Content-Length: 007'],
  'no blank behind the colon': ['A: 1', 'B:2', 'C: 3'],
  'two blanks behind it': ['A: 1', 'B:  2'],
  'a tab behind it': ['B:\t2'],
  'a blank behind the value': ['B: 2 '],
  'a tab behind it, at the end': ['A: 1', 'B: 2\t'],
  'nothing behind the colon': ['B:'],
  'another coding': ['A: 1', 'Transfer-Encoding: gzip'],
  'two codings': ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
};

t.test('the lines of a plain head go on as they stand, but for those that do not', async (t) => {
  for (const [name, [lines, relayed]] of Object.entries(PLAIN)) {
    const text = answer(lines);
    for (const pieces of [[text], text.split('')]) {
      const { fields } = readHead(pieces);
      t.ok(fields.isPlain, name);
      t.equal(fields.lines(false), relayed.map((line) => `${line}\r\n`).join(''), name);
      t.equal(
        fields.lines(false),
        linesOf(relayedHead(fields.raw, false).headers),
        `${name}: as the other front has it`,
      );
      t.equal(fields.lines(true), linesOf(relayedHead(fields.raw, true).headers), `${name}: without a length`);
    }
  }
});

t.test('a head of which something must be changed is none that goes on as it stands', async (t) => {
  for (const [name, lines] of Object.entries(OTHER)) t.notOk(readHead([answer(lines)]).fields.isPlain, name);
});

t.test('whether there is a date, and the length', async (t) => {
  t.ok(readHead([answer(['DATE: x'])]).fields.hasDate);
  t.notOk(readHead([answer(['Dates: x', 'Dat: e'])]).fields.hasDate);
  t.equal(readHead([answer(['Content-Length: 12'])]).fields.length, 12);
  t.equal(readHead([answer([])]).fields.length, -1);
});

t.test('nothing of one head is left in the next', async (t) => {
  const reader = new ResponseReader(MAX);
  readHead([answer([...(OTHER['two codings'] as string[]), 'Date: x', 'A: 1', 'B: 2', 'C: 3'])], reader);
  const { fields } = readHead([answer(['X: 1'])], reader);
  t.strictSame(fields.raw, ['X', '1']);
  t.match(fields, { isPlain: true, hasDate: false, length: -1 });
  t.equal(fields.lines(false), 'X: 1\r\n');
  readHead([answer([LENGTH])], reader);
  t.equal(readHead([answer([])], reader).fields.length, -1);
  readHead([answer(['Transfer-Encoding: chunked'])], reader);
  t.ok(readHead([answer([])], reader).endsWithConnection, 'nor that the one before came in chunks');
});

t.test('an informational head can be read until the next is asked for', async (t) => {
  const reader = readHead([`HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${answer([LENGTH])}`]);
  t.strictSame(reader.fields.raw, ['Link', 'a']);
  t.equal(reader.next(), HEAD);
  t.strictSame(reader.fields.raw, ['Content-Length', '0']);
});
