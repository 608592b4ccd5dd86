/** Requests that parsers disagree about, or that are none. */
import fc from 'fast-check';
import { LIMITS } from './policy.ts';
import { oddRequest, plainRequest, type RequestDraft } from './requests.ts';

/** Lines that are put among the headers. */
const LINES = [
  'Content-Length: 5\r\nContent-Length: 6\r\n',
  'Content-Length: 5\r\nContent-Length: 5\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: -1\r\n',
  'Content-Length: 0x5\r\n',
  'Content-Length: 05\r\n',
  'Content-Length: 5, 5\r\n',
  'Content-Length: 5 5\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Content-Length: 100001\r\n',
  'Content-Length:\r\n',
  'Content_Length: 5\r\n',
  'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: chunked, chunked\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  'X-A : b\r\n',
  'X A: b\r\n',
  ' X-A: b\r\n',
  ': b\r\n',
  'X-A\r\n',
  'X-A: a\0b\r\n',
  'X-A: a\x01b\r\n',
  'X-A: a\x7fb\r\n',
  'X-A: a\rb\r\n',
  'X-A: a\n',
  'X-A: a\n b\r\n',
  'X-A: a\r\n b\r\n',
  'X-\xe9: a\r\n',
  'X-A(: a\r\n',
  '\r\n',
  '\n',
  'Host: other.test\r\n',
  'Host: a b\r\n',
  'Host: a@b\r\n',
  'Host:\r\n',
  'Authorization: Bearer lk_reader\r\n',
  'Connection: close\r\nConnection: keep-alive\r\n',
] as const;

const TARGETS = [
  '/any\\x',
  '//any/x',
  '/any//x',
  '/any/../things/1',
  '/any/./x',
  '/any/..',
  '/any/%2e%2e/things/1',
  '/any/%2E/x',
  '/any/%2fx',
  '/any/%5cx',
  '/any/%00',
  '/any/%0d%0a',
  '/any/%zz',
  '/any/%4',
  '/any/%c0%ae',
  '/any/;x',
  '/any/x%3by',
  '/any/x#y',
  '/any/\xe9',
  '/any/x?\xe9',
  '/any/x?a#b',
  '/any/x?a\\b',
  '/any/\x7f',
  '/any/\tx',
  '/any/x y',
  '',
] as const;

const STARTS = [
  'GET /any/x HTTP/1.2',
  'GET /any/x HTTP/2.0',
  'GET /any/x HTTP/0.9',
  'GET /any/x HTTP/1.1 ',
  'GET  /any/x HTTP/1.1',
  'GET /any/x  HTTP/1.1',
  'GET\t/any/x HTTP/1.1',
  ' GET /any/x HTTP/1.1',
  'GET /any/x http/1.1',
  'GET /any/x',
  'GE T /any/x HTTP/1.1',
  'G\0T /any/x HTTP/1.1',
  'PRI * HTTP/2.0',
] as const;

const TOKENS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  '%',
  '\\',
  '/',
  '..',
  '\xff',
  '0\r\n\r\n',
  '\r\n\r\n',
] as const;

type Change = (text: string) => string;

const place = fc.integer({ min: 0, max: 9999 });
const at = (text: string, fraction: number): number => Math.floor((text.length * fraction) / 10_000);

function spliced(text: string, index: number, piece: string, cut = 0): string {
  return text.slice(0, index) + piece + text.slice(index + cut);
}

/** Where a line of the head begins, behind the first. */
function lineIn(text: string, fraction: number): number {
  const end = text.indexOf('\r\n\r\n') + 2;
  const line = text.indexOf('\r\n', at(text.slice(0, Math.max(0, end - 2)), fraction));
  return line < 0 ? text.length : line + 2;
}

function startLine(text: string, line: string): string {
  return line + text.slice(text.indexOf('\r\n'));
}

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(place, fc.constantFrom(...LINES)).map(([where, line]) => insertLine(where, line)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('GET', 'POST'), fc.constantFrom(...TARGETS))
      .map(([method, target]) => replaceStart(`${method} ${target} HTTP/1.1`)),
  },
  { weight: 1, arbitrary: fc.constantFrom(...STARTS).map(replaceStart) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: LIMITS.targetBytes - 12, max: LIMITS.targetBytes + 12 }).map(longTarget),
  },
  { weight: 1, arbitrary: fc.integer({ min: LIMITS.headBytes - 400, max: LIMITS.headBytes + 100 }).map(largeHead) },
  { weight: 1, arbitrary: fc.integer({ min: LIMITS.headers - 8, max: LIMITS.headers + 4 }).map(manyHeaders) },
  {
    weight: 2,
    arbitrary: fc.tuple(place, fc.integer({ min: 0, max: 255 })).map(([where, code]) => setByte(where, code)),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(place, fc.constantFrom(...TOKENS)).map(([where, token]) => insertToken(where, token)),
  },
  { weight: 1, arbitrary: fc.tuple(place, fc.integer({ min: 1, max: 12 })).map(([where, n]) => removeBytes(where, n)) },
  { weight: 1, arbitrary: fc.constantFrom('\r\n', '\n\n', '\0', 'junk', '\r\n\r\nGET', ' ').map(behind) },
  { weight: 1, arbitrary: fc.constantFrom('\r\n', '\r\n\r\n', '\n', ' ', '\0').map(before) },
);

function insertLine(where: number, line: string): Change {
  return (text) => spliced(text, lineIn(text, where), line);
}

function replaceStart(line: string): Change {
  return (text) => startLine(text, line);
}

function longTarget(length: number): Change {
  return (text) => startLine(text, `GET ${'/any/'.padEnd(length, 'a')} HTTP/1.1`);
}

function largeHead(length: number): Change {
  return (text) => {
    const missing = length - text.indexOf('\r\n\r\n') - 4 - 'X-Large: \r\n'.length;
    return spliced(text, lineIn(text, 0), `X-Large: ${'a'.repeat(Math.max(1, missing))}\r\n`);
  };
}

function manyHeaders(count: number): Change {
  return (text) => spliced(text, lineIn(text, 0), 'X-M: 1\r\n'.repeat(count));
}

function setByte(where: number, code: number): Change {
  return (text) => spliced(text, at(text, where), String.fromCharCode(code), 1);
}

function insertToken(where: number, token: string): Change {
  return (text) => spliced(text, at(text, where), token);
}

function removeBytes(where: number, count: number): Change {
  return (text) => spliced(text, at(text, where), '', count);
}

function behind(bytes: string): Change {
  return (text) => text + bytes;
}

function before(bytes: string): Change {
  return (text) => bytes + text;
}

/** A request with one or two things wrong. */
const changed = fc
  .tuple(fc.oneof({ weight: 3, arbitrary: plainRequest }, oddRequest), fc.array(change, { minLength: 1, maxLength: 2 }))
  .map(([request, changes]): RequestDraft => {
    const text = changes.reduce((made, each) => each(made), request.text);
    return { ...request, kind: 'hostile', text, bodyLength: 0, waitsForContinue: false };
  });

/** A request whose client leaves before it has sent all of it. */
const broken = fc.tuple(fc.oneof(plainRequest, oddRequest), place).map(([request, where]): RequestDraft => {
  const text = request.text.slice(0, Math.max(1, at(request.text, where)));
  return { kind: 'hostile', text, bodyLength: 0, waitsForContinue: false, leaves: true };
});

export const hostileRequest: fc.Arbitrary<RequestDraft> = fc.oneof(
  { weight: 6, arbitrary: changed },
  { weight: 1, arbitrary: broken },
);
