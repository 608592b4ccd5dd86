/** What upstreams answer: as nearly all do, in odd but legal ways, and in ways that no client may take for an answer. */
import fc from 'fast-check';
import type { UpstreamAnswer } from './case.ts';
import { cutAt } from './case.ts';
import { LIMITS } from './policy.ts';
import { bodyOf, bodySize } from './requests.ts';

/** An answer in its parts, of which a HEAD request gets only the first two. */
export interface AnswerDraft {
  readonly kind: UpstreamAnswer['kind'];
  readonly early: boolean;
  /** Informational answers. */
  readonly before: string;
  readonly head: string;
  readonly body: string;
  /** In ten-thousandths of its length. */
  readonly cuts: readonly number[];
  readonly after: UpstreamAnswer['after'];
}

/** @param method of the request that it answers */
export function answerOf(draft: AnswerDraft, method: string): UpstreamAnswer {
  const { kind, early, before, head, after } = draft;
  if (kind !== 'broken') {
    const text = before + head + (method === 'HEAD' ? '' : draft.body);
    const places = draft.cuts.map((cut) => Math.floor((cut * text.length) / 10_000));
    return { kind, early, pieces: cutAt(text, places), waits: false, after };
  }
  // The head is one piece, so that what is wrong behind it is met when the client has it.
  const pieces = [before + head, draft.body].filter((piece) => piece !== '');
  return { kind, early, pieces, waits: true, after };
}

const status = fc.constantFrom('200 OK', '200 OK', '201 Created', '404 Not Found', '500 Oh', '299 Odd', '302 Found');

const line = fc.constantFrom(
  'Content-Type: application/json',
  'content-type: text/plain',
  'Set-Cookie: a=1',
  'Set-Cookie: b=2',
  'ETag: "x"',
  'Date: Sun, 06 Nov 1994 08:49:37 GMT',
  'Server: demo',
  'X-Bytes: \xe4\xff',
  'X-Empty:',
  'Cache-Control:  no-store ',
  'Connection: keep-alive',
  'Keep-Alive: timeout=5',
);

const oddLine = fc.oneof(
  line,
  fc.constantFrom(
    'Connection: X-Custom',
    'Connection: Content-Length, Date, X-Request-Id',
    'X-Custom: 1',
    'X-Request-Id: upstream',
    'X-RateLimit-Limit: 7',
    'RateLimit: x',
    'Proxy-Authenticate: Basic',
    'Upgrade: h2c',
    'Trailer: X-T',
    'TE: trailers',
    'WWW-Authenticate: Bearer',
    'X.y_z: odd',
    'Location: /elsewhere',
  ),
);

const cuts = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 9999 }), { maxLength: 4 }) },
);

function text(start: string, lines: readonly string[]): string {
  return `${start}\r\n${lines.map((each) => `${each}\r\n`).join('')}\r\n`;
}

/** With a length. */
export const plainAnswer: fc.Arbitrary<AnswerDraft> = fc
  .tuple(status, fc.array(line, { maxLength: 5 }), bodySize, cuts, fc.integer({ min: 0, max: 7 }))
  .map(([answered, lines, size, places, n]) => ({
    kind: 'plain',
    early: false,
    before: '',
    head: text(`HTTP/1.1 ${answered}`, [
      ...lines,
      `Content-Length: ${size}`,
      ...(n === 0 ? ['Connection: close'] : []),
    ]),
    body: bodyOf(size),
    cuts: places,
    after: n === 0 ? 'end' : 'keep',
  }));

function inChunks(sizes: readonly number[], prefix: string, extension: string, trailers: string): string {
  let from = 0;
  let made = '';
  for (const size of sizes) {
    made += `${prefix}${size.toString(16).toUpperCase()}${extension}\r\n${bodyOf(from + size).slice(from)}\r\n`;
    from += size;
  }
  return `${made}0${extension}\r\n${trailers}\r\n`;
}

const chunks = fc
  .tuple(
    fc.array(
      fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 300 }) }, fc.constantFrom(4096, 16_384, 40_000)),
      {
        maxLength: 4,
      },
    ),
    fc.constantFrom('', '', '0', '000'),
    fc.constantFrom('', '', ';a', ';a=b', ';a="x;\\"y"'),
    fc.constantFrom('', '', 'X-T: 1\r\n', 'X-Length: 7\r\nX-Request-Id: trailer\r\n'),
  )
  .map((parts) => inChunks(...parts));

type Form = Pick<AnswerDraft, 'body' | 'after'> & { readonly start: string; readonly lines: readonly string[] };

const form: fc.Arbitrary<Form> = fc.oneof(
  fc.tuple(fc.constantFrom('chunked', 'Chunked'), chunks).map(
    ([coding, body]): Form => ({
      start: 'HTTP/1.1 200 OK',
      lines: [`Transfer-Encoding: ${coding}`],
      body,
      after: 'keep',
    }),
  ),
  bodySize.map(
    (size): Form => ({ start: 'HTTP/1.1 200 OK', lines: ['Connection: close'], body: bodyOf(size), after: 'end' }),
  ),
  bodySize.map((size): Form => ({ start: 'HTTP/1.1 200 OK', lines: [], body: bodyOf(size), after: 'end' })),
  bodySize.map(
    (size): Form => ({ start: 'HTTP/1.0 200 OK', lines: [`content-length:${size}`], body: bodyOf(size), after: 'end' }),
  ),
  bodySize.map(
    (size): Form => ({ start: 'HTTP/1.1 200', lines: [`Content-Length: ${size}`], body: bodyOf(size), after: 'keep' }),
  ),
  bodySize.map(
    (size): Form => ({
      start: 'HTTP/1.1 200 ',
      lines: [`Content-Length: 00${size}`],
      body: bodyOf(size),
      after: 'keep',
    }),
  ),
  fc.constantFrom<Form>(
    { start: 'HTTP/1.1 204 No Content', lines: [], body: '', after: 'keep' },
    { start: 'HTTP/1.1 204 No Content', lines: ['Content-Length: 0'], body: '', after: 'keep' },
    { start: 'HTTP/1.1 304 Not Modified', lines: [], body: '', after: 'keep' },
    { start: 'HTTP/1.1 304 Not Modified', lines: ['Content-Length: 70'], body: '', after: 'keep' },
    { start: 'HTTP/1.1 205 Reset Content', lines: ['Content-Length: 0'], body: '', after: 'keep' },
    { start: 'HTTP/1.1 200 \xe9t\xe9', lines: ['Content-Length: 0'], body: '', after: 'keep' },
    { start: 'HTTP/1.1 999 Odd', lines: ['Content-Length: 2'], body: 'ok', after: 'keep' },
    { start: 'HTTP/1.1 200 OK', lines: ['Transfer-Encoding: identity', 'Connection: close'], body: 'ok', after: 'end' },
  ),
);

const informational = fc.constantFrom(
  '',
  '',
  '',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Request-Id: x\r\nConnection: X-Y\r\nX-Y: 1\r\n\r\n',
  'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <\xe9>\r\n\r\n',
);

/** Legal, and to be relayed. */
export const oddAnswer: fc.Arbitrary<AnswerDraft> = fc
  .tuple(form, fc.array(oddLine, { maxLength: 4 }), informational, cuts, fc.integer({ min: 0, max: 3 }))
  .map(([{ start, lines, body, after }, more, before, places, n]) => ({
    kind: 'odd',
    early: n === 0,
    before,
    head: text(start, [...more, ...lines]),
    body,
    cuts: places,
    after,
  }));

const OK = 'HTTP/1.1 200 OK\r\n';

/** Head and body of answers that lie. */
const LIES: readonly (readonly [head: string, body: string])[] = [
  ['', ''],
  ['SSH-2.0-OpenSSH_9.6\r\n', ''],
  [`${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 'ab'],
  [`${OK}Content-Length: 2\r\nContent-Length: 2\r\n\r\n`, 'ab'],
  [`${OK}Content-Length: 2, 2\r\n\r\n`, 'ab'],
  [`${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n`, '2\r\nab\r\n0\r\n\r\n'],
  [`${OK}Transfer-Encoding: gzip\r\n\r\n`, 'ab'],
  [`${OK}Transfer-Encoding: gzip, chunked\r\n\r\n`, '2\r\nab\r\n0\r\n\r\n'],
  [`${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`, '2\r\nab\r\n0\r\n\r\n'],
  [`${OK}Content-Length: -1\r\n\r\n`, ''],
  [`${OK}Content-Length: +2\r\n\r\n`, 'ab'],
  [`${OK}Content-Length: 99999999999999999999\r\n\r\n`, 'ab'],
  [`${OK}Content-Length: \r\n\r\n`, ''],
  [`${OK}Content-Length: 5\r\n\r\n`, 'abc'],
  [`${OK}Content-Length: 100000\r\n\r\n`, bodyOf(90_000)],
  [`${OK}Content-Length: 2\r\n\r\n`, 'ok and more'],
  [`${OK}Content-Length: 0\r\n\r\n`, `${OK}Content-Length: 6\r\n\r\nforged`],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, '3\r\nabc\r\n'],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, '3\r\nabc\r\n0\r\n'],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, '3\r\nabc\r\nzz\r\n'],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, '3\r\nabcd\r\n0\r\n\r\n'],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, '-3\r\nabc\r\n0\r\n\r\n'],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, '3\nabc\n0\n\n'],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, '3 \r\nabc\r\n0\r\n\r\n'],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, '3\r\nabc\r\n0\r\n\r\njunk'],
  [`${OK}X-A: a\r\n b\r\nContent-Length: 0\r\n\r\n`, ''],
  [`${OK}X-A : a\r\nContent-Length: 0\r\n\r\n`, ''],
  [`${OK}X A: a\r\nContent-Length: 0\r\n\r\n`, ''],
  [`${OK}X-A: a\x01b\r\nContent-Length: 0\r\n\r\n`, ''],
  [`${OK}X-A: a\0b\r\nContent-Length: 0\r\n\r\n`, ''],
  [`${OK}X-A: a\nContent-Length: 0\r\n\r\n`, ''],
  ['HTTP/1.1 200 OK\nContent-Length: 0\n\n', ''],
  [`${OK}X-A: ${'a'.repeat(LIMITS.headBytes + 1000)}\r\n\r\n`, ''],
  [`${OK}${'X-A: b\r\n'.repeat(2000)}\r\n`, ''],
  ['HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n', ''],
  ['HTTP/1.1 101 Switching Protocols\r\n\r\n', ''],
  ['HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n', ''],
  ['HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n', ''],
  ['HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n', ''],
  ['HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
  ['HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
  [' HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
  ['HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', 'abcde'],
  ['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 'abcde'],
  ['HTTP/1.1 103 Early Hints\r\n\r\n', ''],
];

const ending = fc.constantFrom<'end' | 'reset'>('end', 'end', 'reset');

function lie(head: string, body: string, early: boolean, after: UpstreamAnswer['after']): AnswerDraft {
  return { kind: 'broken', early, before: '', head, body, cuts: [], after };
}

/** A good answer that ends too soon. */
const brokenOff = fc
  .tuple(fc.oneof(plainAnswer, oddAnswer), fc.integer({ min: 0, max: 9999 }), fc.boolean(), ending)
  .map(([{ head, body }, where, inHead, after]) => {
    const at = (text: string): string => text.slice(0, Math.floor((text.length * where) / 10_000));
    return inHead ? lie(at(head), '', false, after) : lie(head, at(body), false, after);
  });

/**
 * What the two readers of answers read differently, and both without harm. undici refuses a length with a blank behind it,
 * and a trailer of the name Content-Length; it leaves out empty lines before an answer, and lets control characters stand in
 * a reason phrase, which it drops: both of these the fast front refuses.
 * test/gateway/fast/response-reader.test.ts says what the latter does.
 */
function isReadTwoWays(text: string): boolean {
  const head = text.slice(0, text.indexOf('\r\n\r\n'));
  const isChunked = /transfer-encoding/i.test(head);
  return (
    /content-length:.*\d.*[\t ]\r\n/i.test(head) ||
    (isChunked && /content-length/i.test(text.slice(head.length))) ||
    /^[\r\n]/.test(text) ||
    /\p{Cc}/u.test(text.slice(0, text.indexOf('\r\n')))
  );
}

/** A good answer with one byte that is another. */
const garbled = fc
  .tuple(fc.oneof(plainAnswer, oddAnswer), fc.integer({ min: 0, max: 9999 }), fc.integer({ min: 0, max: 255 }))
  .map(([{ head, body }, where, code]) => {
    const text = head + body.slice(0, 2000);
    const at = Math.floor((text.length * where) / 10_000);
    const made = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
    if (isReadTwoWays(made)) return lie('', '', false, 'end');
    const end = made.indexOf('\r\n\r\n') + 4;
    return end < 4 ? lie(made, '', false, 'end') : lie(made.slice(0, end), made.slice(end), false, 'end');
  });

/** What must never reach a client as a whole answer, unless a part of it is one. */
export const brokenAnswer: fc.Arbitrary<AnswerDraft> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constantFrom(...LIES), ending).map(([[head, body], after]) => lie(head, body, false, after)),
  },
  { weight: 2, arbitrary: brokenOff },
  { weight: 1, arbitrary: garbled },
);
