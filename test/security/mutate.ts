import * as fc from 'fast-check';

/** What turns a good request into one that parsers disagree about. */
const TOKENS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  '\t',
  ' ',
  ':',
  ',',
  ';',
  '#',
  '?',
  '%',
  '%00',
  '%2e%2e/',
  '../',
  '/./',
  '//',
  '\\',
  '%2f',
  '%5c',
  '%0d%0a',
  '\x0b',
  '\x7f',
  '\x80',
  '\xff',
  '\xc0\xae',
  'http://other.test',
  ' HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  '0\r\n\r\n',
  '\r\n\r\n',
  'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 5, 5\r\n',
  'Content_Length: 7\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  'TE: trailers\r\nTrailer: X\r\n',
  'Connection: close\r\n',
  'Connection: X-Latchkey-Key-Id, Host, Content-Length, Transfer-Encoding\r\n',
  'Connection: Upgrade\r\nUpgrade: h2c\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Host: other.test\r\n',
  'Host:\r\n',
  'Authorization: Bearer x\r\n',
  'X-Latchkey-Key-Id: forged\r\n',
  'x_latchkey_owner: forged\r\n',
  'X-Forwarded-For: 6.6.6.6\r\n',
  'X-Request-Id: forged\r\n',
  'X-HTTP-Method-Override: DELETE\r\n',
  'Expect: 100-continue\r\n',
  'Forwarded: for=6.6.6.6\r\n',
  'ffffffffffffffff\r\n',
  '5;a=b\r\n',
] as const;

/** One change to a text of bytes. Places are fractions of its length. */
type Mutation = (text: string) => string;

const place = fc.nat({ max: 9999 }).map((n) => n / 10_000);
const octet = fc.nat({ max: 255 }).map((code) => String.fromCharCode(code));
const at = (text: string, fraction: number): number => Math.floor(text.length * fraction);

function inserted(text: string, index: number, piece: string, cut = 0): string {
  return text.slice(0, index) + piece + text.slice(index + cut);
}

/** The beginning of the line that a place is in. */
function lineAt(text: string, fraction: number): number {
  return text.lastIndexOf('\n', at(text, fraction)) + 1;
}

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(place, fc.constantFrom(...TOKENS)).map(([where, token]) => insertAnywhere(where, token)),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(place, fc.constantFrom(...TOKENS)).map(([where, token]) => insertLine(where, token)),
  },
  { weight: 3, arbitrary: fc.tuple(place, octet).map(([where, byte]) => replaceByte(where, byte)) },
  { weight: 2, arbitrary: fc.tuple(place, fc.nat({ max: 12 })).map(([where, length]) => deleteRange(where, length)) },
  { weight: 2, arbitrary: fc.tuple(place, place).map(([from, to]) => copyLine(from, to)) },
  { weight: 1, arbitrary: fc.tuple(place, place).map(([from, to]) => copyRange(from, to)) },
  { weight: 1, arbitrary: place.map((where) => turnCase(where)) },
  { weight: 1, arbitrary: place.map((where) => (text: string) => text.slice(0, at(text, where))) },
);

function insertAnywhere(where: number, token: string): Mutation {
  return (text) => inserted(text, at(text, where), token);
}

function insertLine(where: number, token: string): Mutation {
  return (text) => inserted(text, lineAt(text, where), token);
}

function replaceByte(where: number, byte: string): Mutation {
  return (text) => inserted(text, at(text, where), byte, 1);
}

function deleteRange(where: number, length: number): Mutation {
  return (text) => inserted(text, at(text, where), '', length);
}

function copyLine(from: number, to: number): Mutation {
  return (text) => {
    const start = lineAt(text, from);
    const end = text.indexOf('\n', start) + 1;
    return inserted(text, lineAt(text, to), text.slice(start, end === 0 ? text.length : end));
  };
}

function copyRange(from: number, to: number): Mutation {
  return (text) => inserted(text, at(text, to), text.slice(at(text, from), at(text, from) + 40));
}

function turnCase(where: number): Mutation {
  return (text) => {
    const start = lineAt(text, where);
    const line = text.slice(start, start + 30);
    return inserted(text, start, line === line.toUpperCase() ? line.toLowerCase() : line.toUpperCase(), line.length);
  };
}

/** One attack on a connection of its own. */
export interface Attack {
  /** Which of the good requests it begins with. */
  readonly base: number;
  readonly mutations: readonly Mutation[];
  /** Where the bytes are sent in two pieces; 0: in one. */
  readonly split: number;
  /** Whether the client ends its side behind them. */
  readonly ends: boolean;
}

/** The same attacks for the same seed. @param bases good requests that there are */
export function attacks(count: number, bases: number, seed: number): Attack[] {
  const attack = fc.record({
    base: fc.nat({ max: bases - 1 }),
    mutations: fc.array(mutation, { minLength: 1, maxLength: 4 }),
    split: fc.oneof(fc.constant(0), place),
    ends: fc.boolean(),
  });
  return fc.sample(attack, { numRuns: count, seed });
}
