/** Heads by chance, most of them nearly plain. LATCHKEY_FUZZ_CASES asks for more of them. */
import fc from 'fast-check';
import t from 'tap';
import { canonicalTarget } from '../../../src/core/target.ts';
import { type PlainHead, readPlainHead } from '../../../src/gateway/fast/request-reader.ts';
import { bodyLengthOf, framingFault } from '../../../src/gateway/framing.ts';
import { readHead } from '../../../src/gateway/head.ts';
import { SEED } from '../../support/random.ts';
import { BOUNDS, bytesOf, PLAIN, read, readByNode } from './heads.ts';

const CASES = Number(process.env['LATCHKEY_FUZZ_CASES'] ?? 5000);

const text = (characters: string, maxLength: number, minLength = 0): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...characters.split('')), minLength, maxLength });

const VISIBLE = Array.from({ length: 0x7f - 0x21 }, (_, i) => String.fromCharCode(0x21 + i)).join('');
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_';

const segment = text(`${LETTERS}.~!$&'()*+,=:@`, 8, 1).filter((each) => each !== '.' && each !== '..');
const target = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.option(text(VISIBLE.replaceAll(/[#\\]/g, ''), 20), { nil: null }))
  .map(([segments, query]) => `/${segments.join('/')}${query === null ? '' : `?${query}`}`);

const field = fc
  .tuple(text(`${LETTERS}!#$%&'*+.^\`|~`, 12, 1), fc.constantFrom('', ' '), text(`${VISIBLE} `, 30, 1))
  .map(([name, space, value]) => `X-${name}:${space}${value.trim() === '' ? 'v' : value.trim()}`);

const shuffled = (lines: string[]): fc.Arbitrary<string[]> =>
  fc.shuffledSubarray(lines, { minLength: lines.length, maxLength: lines.length });

/** Heads that are plain, by how they are made. */
const plainHead = fc
  .tuple(
    fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
    target,
    fc.constantFrom('Host: a', 'host:example.com:8080', 'HOST: [2001:db8::1]', 'Host: 192.0.2.1:1'),
    fc.array(field, { maxLength: 8 }),
    fc.subarray(['Content-Length: 12', 'Connection: close', 'authorization: Bearer lk_x', 'User-Agent: x/1 (y)']),
  )
  .chain(([method, url, host, others, known]) =>
    shuffled([host, ...others, ...known]).map((lines) => `${method} ${url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`),
  );

const LINES = [
  'Transfer-Encoding: chunked',
  'transfer-encoding:chunked',
  'Upgrade: websocket',
  'Expect: 100-continue',

  'Content-Length: 0',
  'content-length:5',
  'Content-Length: 05',
  'Content-Length: +1',
  'Content-Length: 99999999999999999',

  'Connection: close',
  'Connection: upgrade',
  'connection: keep-alive',
  'Connection: keep-alive, x',
  'Keep-Alive: 5',

  'Host: b',
  'Host:',
  'TE: trailers',
  'Trailer: x',
  'Proxy-Connection: close',
  'HTTP2-Settings: A',
  'Authorization: Basic a',

  'X:',
  'X: ',
  'X:  v',
  'X : v',
  ' folded',
  '\tfolded',
  'X\t: v',
  'X_A: v',
  'Content_Length: 3',
  ': v',
  'X',
  'Content-Length : 3',
];
const PIECES = [
  '\r',
  '\n',
  '\0',
  ' ',
  '\t',
  ':',
  '\r\n',
  '\r\n\r\n',
  '\x7f',
  '\x80',
  '\xff',
  '%',
  '%41',
  '%C3%A9',
  '//',
  '/../',
].concat([';', '\\', '#', '?', '.', '/', '0', '_', '"', ',', '[', ']', '@', 'HTTP/1.0', 'http://b/', 'TRACE', '*']);

/** A change of a head: what it does to the text, at a place from 0 to below 1. */
type Change = (head: string, at: number) => string;

const splice = (head: string, at: number, gone: number, piece: string): string => {
  const place = Math.floor(at * head.length);
  return head.slice(0, place) + piece + head.slice(place + gone);
};
const atLine = (head: string, at: number, change: (line: string) => string[]): string => {
  const lines = head.split('\r\n');
  const place = Math.floor(at * Math.max(1, lines.length - 2));
  return [...lines.slice(0, place), ...change(lines[place] ?? ''), ...lines.slice(place + 1)].join('\r\n');
};
const swapCase = (letters: string): string =>
  letters === letters.toLowerCase() ? letters.toUpperCase() : letters.toLowerCase();

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.constantFrom(...PIECES).map(
    (piece): Change =>
      (head, at) =>
        splice(head, at, 0, piece),
  ),
  fc.constantFrom(...PIECES).map(
    (piece): Change =>
      (head, at) =>
        splice(head, at, 1, piece),
  ),
  fc.nat(255).map(
    (byte): Change =>
      (head, at) =>
        splice(head, at, 1, String.fromCharCode(byte)),
  ),
  fc.nat(3).map(
    (gone): Change =>
      (head, at) =>
        splice(head, at, gone, ''),
  ),
  fc.constant<Change>((head, at) => splice(head, at, 1, swapCase(head.charAt(Math.floor(at * head.length))))),
  fc.constant<Change>((head, at) => atLine(head, at, (line) => [line, line])),
  fc.constant<Change>((head, at) => atLine(head, at, (line) => [swapCase(line)])),
  fc.constantFrom(...LINES).map(
    (added): Change =>
      (head, at) =>
        atLine(head, at, (line) => [line, added]),
  ),
);
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const anyHead = fc
  .tuple(fc.oneof(fc.constantFrom(...PLAIN), plainHead), fc.array(fc.tuple(change, place), { maxLength: 3 }))
  .map(([head, changes]) => changes.reduce((changed, [each, at]) => each(changed, at), head));

/** What the general path would make of a head that was recognised. */
function assertClear({ url, path, query, rawHeaders, bodyLength }: PlainHead): void {
  const head = readHead(rawHeaders, new Set());
  const fault = framingFault(head, 1);
  if (fault !== null) throw new Error(`the general path refuses it: ${JSON.stringify(fault)}`);
  if (bodyLengthOf(head) !== bodyLength) throw new Error(`the general path sees a body of ${bodyLengthOf(head)} bytes`);
  const target = canonicalTarget(url ?? '', { allowPathParameters: true });
  if ('fault' in target || target.path !== path || target.query !== query || path + query !== url)
    throw new Error(`not canonical: ${JSON.stringify(target)}`);
}

t.test('what is recognised, node:http reads in the same way, and the general path refuses none of it', async (t) => {
  let recognised = 0;
  const sameAsNode = fc.asyncProperty(anyHead, fc.nat(9), async (head, junk) => {
    const bytes = bytesOf(`${'x'.repeat(junk)}${head}`);
    const found = readPlainHead(bytes, junk, bytes.length, BOUNDS);
    if (typeof found === 'string') return;
    recognised++;
    assertClear(found);
    const { method, url, rawHeaders, bodyLength, keepsAlive, end } = found;
    const node = await readByNode(bytes.subarray(junk, end), bodyLength, keepsAlive);
    const expected = { method, url, version: '1.1', rawHeaders, keepsAlive, endsRight: true };
    if (JSON.stringify(node) !== JSON.stringify(expected)) throw new Error(`node: ${JSON.stringify(node)}`);
  });
  await fc.assert(sameAsNode, { seed: SEED, numRuns: CASES });
  t.ok(recognised > CASES / 5, `${recognised} of ${CASES} were recognised`);
  t.ok(recognised < CASES * 0.8, 'and many were not');
});

t.test('a head that is made plain is recognised', async () => {
  const isRecognised = fc.property(plainHead, (head) => typeof read(head) === 'object');
  fc.assert(isRecognised, { seed: SEED, numRuns: CASES });
});

/** What could follow a part of a plain head: one of these makes it whole. */
const REST = 'T / HTTP/1.1\r\nHost: a\r\nX-Y: keep-alive\r\n\r\n';
const ENDINGS = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map(
    (method) => `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`,
  ),
  'x',
  ' HTTP/1.1\r\nHost: a\r\n\r\n',
  'x HTTP/1.1\r\nHost: a\r\n\r\n',
  '0',
  '0]',
  'keep-alive',
  'close',
  'x: y',
].flatMap((ending) => [REST, ending, `${ending}\r\n\r\n`, `${ending}\r\nHost: a\r\n\r\n`]);
const SUFFIXES = [...new Set(ENDINGS.flatMap((ending) => Array.from(ending, (_, i) => ending.slice(i))))];

function couldBecomePlain(part: string): boolean {
  return SUFFIXES.some((suffix) => typeof read(part + suffix) === 'object');
}

t.test('"more" is said as long as a plain head can come of it, and what is said after that stays', async () => {
  const isPrompt = fc.property(anyHead, (head) => {
    let to = 0;
    let said = read('');
    while (to < head.length && said === 'more') said = read(head.slice(0, ++to));
    const part = head.slice(0, said === 'more' ? to : to - 1);
    // Which octets may be encoded is seen once the target is whole.
    if (!part.includes('%') && !couldBecomePlain(part)) throw new Error(`"more" of ${JSON.stringify(part)}`);
    if (said === 'more') return;
    for (; to <= head.length; to++) {
      const now = read(head.slice(0, to));
      if (JSON.stringify(now) !== JSON.stringify(said)) throw new Error(`${JSON.stringify(now)} at ${to}`);
    }
  });
  fc.assert(isPrompt, { seed: SEED, numRuns: Math.ceil(CASES / 5) });
});
