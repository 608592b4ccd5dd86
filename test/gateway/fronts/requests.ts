/** Requests that a client may send: those that nearly all are like, and those that are odd but legal. */
import fc from 'fast-check';
import { LIMITS, SECRETS } from './policy.ts';

/** A request of which the case still gives the place among others: `X-N: ?`. */
export interface RequestDraft {
  readonly kind: 'plain' | 'odd' | 'hostile';
  readonly text: string;
  /** Length of the body as sent, at the end of the text. */
  readonly bodyLength: number;
  /** The client waits for a 100 before it sends the body. */
  readonly waitsForContinue: boolean;
  readonly leaves: boolean;
}

/** Every byte there is, in an order in which a shift by one shows. */
const PATTERN = Array.from({ length: 130_000 }, (_, i) => String.fromCharCode((i * 7 + (i >> 8) * 3) & 0xff)).join('');

export function bodyOf(length: number): string {
  return PATTERN.slice(0, length);
}

export const bodySize: fc.Arbitrary<number> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 2, 1023, 1024, 4095, 4096, 4097, 16_383, 16_384, 16_385) },
  { weight: 1, arbitrary: fc.integer({ min: 300, max: 20_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536, 65_537, 99_999) },
);

const key = fc.oneof(
  { weight: 12, arbitrary: fc.constant('Authorization: Bearer lk_test') },
  {
    weight: 6,
    arbitrary: fc.constantFrom(...SECRETS, 'lk_reader', 'lk_writer').map((secret) => `Authorization: Bearer ${secret}`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'authorization: bearer lk_test',
      'AUTHORIZATION:BEARER lk_test',
      'Authorization: Bearer  lk_test ',
      'Authorization: Basic bGs6dGVzdA==',
      'Authorization: Bearer',
      'Authorization:',
      '',
    ),
  },
);

const plainTarget = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      '/any/x',
      '/any/x?y=z',
      '/things/1',
      '/things/1',
      '/things',
      '/things/new?x',
      '/public/page',
      '/nowhere',
      '/',
      '/any/a.b/c-d_e~f',
      "/any/!$&'()*+,=:@",
      '/any/x?',
      '/any/x?a=%2F../..//;&b=%zz',
    ),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: LIMITS.targetBytes - 5 }).map((n) => `/any/${'a'.repeat(n)}`) },
);

const plainLine = fc.oneof(
  fc.constantFrom(
    'Accept: */*',
    'accept-encoding: gzip, br',
    'User-Agent: curl/8.5',
    'USER-AGENT: other',
    'Cookie: a=b; c=d',
    'Cookie: e=f',
    'X-Custom: one',
    'x-custom:two',
    'X-Custom: \t three \t',
    'X-Empty:',
    'X-Bytes: \xe4\xff\x80',
    'Content-Type: application/json',
    'Connection: keep-alive',
    'connection: Keep-Alive',
    'X-Request-Id: given-1',
    'x-request-id: given.2_x',
    'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'X-Forwarded-For: 203.0.113.9',
    'X-Forwarded-For: 198.51.100.1, 127.0.0.2',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: public.test',
    'X-Real-IP: 6.6.6.6',
    'X-Latchkey-Owner: forged',
    'If-None-Match: "x"',
    'Range: bytes=0-1',
  ),
  fc.tuple(fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,12}$/), fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/)).map(
    // A name with a meaning of its own would make of it something other than a plain line.
    ([name, value]) => `Y-${name}: ${value}`,
  ),
);

const oddLine = fc.constantFrom(
  'Connection: X-Custom, close',
  'Connection: x-custom',
  'Connection: Content-Length, Host, X-Latchkey-Key-Id, Authorization, X-Request-Id',
  'Connection: close, keep-alive',
  'Connection: Upgrade',
  'Connection: TE',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Keep-Alive: timeout=1',
  'Proxy-Connection: keep-alive',
  'TE: trailers',
  'Trailer: X-T',
  'x_latchkey_owner: forged',
  'X_Forwarded_For: 6.6.6.6',
  'X.Custom_name: odd',
  'X-Request-Id: not one',
  'X-Request-Id:',
  'X-Request-Id: \xe9',
  'X-Forwarded-For: garbage, 127.0.0.2',
  'X-Forwarded-For:',
  'Forwarded: for=6.6.6.6;proto=https',
  'X-HTTP-Method-Override: DELETE',
  'X-Original-URL: /admin',
  'Expect: 200-ok',
  'Proxy: evil',
  "X-!#$%&'*+.^_`|~: odd name",
);

const oddTarget = fc.constantFrom(
  'http://api.test/any/x',
  'http://other.test/any/x',
  'HTTP://api.test',
  '*',
  'api.test:443',
  'any/x',
  '/any/%41%3a%7e',
  '/any/%c3%a9',
  '/any/%20%22',
  '/any/%25',
  '/any/.',
  '/any/.hidden',
  '/any/...',
  '/%61ny/x',
  '/any/x?%00',
);

const oddMethod = fc.constantFrom('TRACE', 'PURGE', 'M-SEARCH', 'QUERY', 'FOO', 'get', 'PROPFIND', 'CONNECT', 'PRI');

interface Parts {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly host: string;
  readonly key: string;
  readonly lines: readonly string[];
}

function headText(parts: Parts, more: readonly string[]): string {
  const { method, target, version, host } = parts;
  const lines = [host, 'X-N: ?', parts.key, ...parts.lines, ...more].filter((line) => line !== '');
  return `${method} ${target} ${version}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

function draft(kind: RequestDraft['kind'], parts: Parts, framing: readonly string[], body: string): RequestDraft {
  const text = headText(parts, framing) + body;
  return { kind, text, bodyLength: body.length, waitsForContinue: false, leaves: false };
}

const plainParts: fc.Arbitrary<Parts> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
  target: plainTarget,
  version: fc.constant('HTTP/1.1'),
  host: fc.constantFrom('Host: api.test', 'Host: api.test:8080', 'host:127.0.0.1', 'HOST: [::1]:80'),
  key,
  lines: fc.oneof(
    { weight: 8, arbitrary: fc.array(plainLine, { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.array(plainLine, { minLength: 10, maxLength: 20 }) },
  ),
});

const bodyMethods = new Set(['POST', 'PUT', 'PATCH']);

/** With a body by its length, or none. */
function plainDraft(parts: Parts, size: number | null, closes: boolean): RequestDraft {
  const framing = closes ? ['Connection: close'] : [];
  if (size !== null || bodyMethods.has(parts.method)) framing.push(`Content-Length: ${size ?? 0}`);
  return draft('plain', parts, framing, bodyOf(size ?? 0));
}

/** What a strict reader of common requests is there for. */
export const plainRequest: fc.Arbitrary<RequestDraft> = fc
  .tuple(plainParts, fc.option(bodySize, { freq: 2 }), fc.integer({ min: 0, max: 15 }))
  .map(([parts, size, n]) => plainDraft(parts, bodyMethods.has(parts.method) || n === 1 ? size : null, n === 0));

/** A body in chunks of these sizes. */
function chunked(sizes: readonly number[], extension: string, trailers: string): string {
  let text = '';
  let from = 0;
  for (const size of sizes) {
    text += `${size.toString(16)}${extension}\r\n${PATTERN.slice(from, from + size)}\r\n`;
    from += size;
  }
  return `${text}0${extension}\r\n${trailers}\r\n`;
}

/** Now and then one that node:http refuses: it lingers over what it does not read, so that many would take long. */
const chunkedBody = fc
  .tuple(
    fc.array(fc.integer({ min: 1, max: 40_000 }), { maxLength: 4 }),
    fc.oneof({ weight: 40, arbitrary: fc.constantFrom('', '', ';a=b', ';a="q;\\"x"') }, fc.constant(' ')),
    fc.oneof(
      { weight: 40, arbitrary: fc.constantFrom('', '', 'X-T: 1\r\n', 'X-Latchkey-Owner: forged\r\nHost: other\r\n') },
      fc.constant('Content-Length: 5\r\n'),
    ),
  )
  .map(([sizes, extension, trailers]) => chunked(sizes, extension, trailers));

const oddParts: fc.Arbitrary<Parts> = fc.record({
  method: fc.oneof(
    { weight: 4, arbitrary: plainParts.map(({ method }) => method) },
    { weight: 1, arbitrary: oddMethod },
  ),
  target: fc.oneof({ weight: 3, arbitrary: plainTarget }, { weight: 1, arbitrary: oddTarget }),
  version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'),
  host: fc.constantFrom('Host: api.test', 'Host: api.test', 'Host: a_b.test.', ''),
  key,
  lines: fc.array(fc.oneof(plainLine, oddLine), { maxLength: 5 }),
});

/** Legal, more or less, and not what a strict reader is there for. */
export const oddRequest: fc.Arbitrary<RequestDraft> = fc
  .oneof(
    fc.tuple(oddParts, bodySize).map(([parts, size]) => plainDraft(parts, size, false)),
    oddParts.map((parts) => draft('odd', parts, [], '')),
    fc.tuple(oddParts, chunkedBody).map(([parts, body]) => draft('odd', parts, ['Transfer-Encoding: chunked'], body)),
    fc.tuple(plainParts, bodySize, fc.boolean()).map(([parts, size, waitsForContinue]) => {
      const made = draft('odd', parts, ['Expect: 100-continue', `Content-Length: ${size}`], bodyOf(size));
      return { ...made, waitsForContinue };
    }),
  )
  .map((made) => ({ ...made, kind: 'odd' }));
