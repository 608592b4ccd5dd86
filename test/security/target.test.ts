/** One canonical path is computed once: routes are matched on it, and exactly it is forwarded. */
import t from 'tap';
import { stage } from './fixture.ts';
import { forwards, REJECTED, type Refusal, refuses } from './table.ts';

const gateway = await stage(t);

const TOO_LONG: Refusal = { status: 414, code: 'uri_too_long' };
const HEAD_TOO_LARGE: Refusal = { status: 431, code: 'headers_too_large' };

/** Targets with more than one reading, or none. */
const AMBIGUOUS = [
  // Other forms than the origin form.
  'http://api.test/x',
  'http://api.test',
  'HTTP://API.TEST/x',
  'https://api.test/x',
  'http://other.test/x',
  'http://127.0.0.1:9464/metrics',
  'http://user@api.test/x',
  'http:/x',
  'file:///etc/passwd',
  'api.test:80',
  'api.test/x',
  '*',
  '?x',
  '@other.test/',
  '.',
  '..',
  '%2Fx',
  // Empty segments.
  '//',
  '//other.test/x',
  '///x',
  '/a//b',
  '/a//',
  '/public//admin',
  // Dot segments, however they are written.
  '/.',
  '/..',
  '/./a',
  '/../a',
  '/a/.',
  '/a/..',
  '/a/./b',
  '/public/../admin',
  '/public/%2e%2e/admin',
  '/public/%2E%2E/admin',
  '/public/.%2e/admin',
  '/public/%2e./admin',
  '/public/%2e/admin',
  '/public/..',
  '/public/%2e%2e',
  '/public/%2e%2e?x',
  '/public/..?x',
  '/public/..;/admin',
  '/public/..%3b/admin',
  '/public/..%3B/admin',
  '/%2e%2e/%2e%2e/etc/passwd',
  // Separators that are hidden.
  '/public%2fadmin',
  '/public%2Fadmin',
  '/public/..%2fadmin',
  '/public/%2e%2e%2fadmin',
  '/a%5cb',
  '/a%5Cb',
  '/public/..%5cadmin',
  '/a\\b',
  '/\\other.test/x',
  '/public\\..\\admin',
  '/a?b\\c',
  // Control characters and what ends a text early.
  '/a%00',
  '/a%00.json',
  '/a%0d%0aX-Latchkey-Owner:%20root',
  '/a%0a',
  '/a%0D',
  '/a%09',
  '/a%1f',
  '/a%7f',
  '/a#b',
  '/a?b#c',
  '/#',
  // Broken or doubtful encodings.
  '/%',
  '/a%',
  '/a%2',
  '/a%zz',
  '/a%%32%65',
  '/a%u002e',
  '/%c0%ae%c0%ae/admin',
  '/a%c0%afb',
  '/a%e0%80%afb',
  '/a%f0%80%80%afb',
  '/a%ff',
  '/a%ed%a0%80',
  // Path parameters.
  '/a;b',
  '/public;/admin',
  '/admin;x=1',
  '/;/admin',
  '/a%3bb',
  // Characters that a target cannot hold.
  '/a"b',
  '/a<b>',
  '/a[b]',
  '/a^b',
  '/a`b',
  '/a{b}',
  '/a|b',
  '/\xe4',
  '/a?\xe4',
  '/\xff\xfe',
  '/\xc3\xa4',
  '/\xe2\x80\xa8',
];

/** Bytes that no request line can hold. */
const UNREADABLE = [
  '/a\tb',
  '/a b',
  '/a\0b',
  '/a\x7fb',
  '/a\x0bb',
  '/a\x0cb',
  '/a\x1bb',
  '/a\rb',
  '/a\nb',
  '/a\r\nX-Latchkey-Owner: root\r\nX: ',
  '\t/a',
];

t.test('a target with more than one reading is refused, and nothing of it arrives', async (t) => {
  for (const target of AMBIGUOUS) await refuses(t, gateway, `target ${target}`, gateway.request(target));
  for (const target of UNREADABLE) {
    const bytes = gateway.request(target);
    await refuses(t, gateway, `target ${JSON.stringify(target)}`, bytes);
  }
  const odd: Readonly<Record<string, string>> = {
    'no target': 'GET HTTP/1.1',
    'a tab before it': 'GET\t/x HTTP/1.1',
    'a tab behind it': 'GET /x\tHTTP/1.1',
    'words behind the version': 'GET /x HTTP/1.1 x',
    'the authority form': 'GET api.test:80 HTTP/1.1',
    'a version with a leading zero': 'GET /x HTTP/01.1',
    'a longer version': 'GET /x HTTP/1.10',
    'version 1.2': 'GET /x HTTP/1.2',
    'version 2.0': 'GET /x HTTP/2.0',
    'version 0.9': 'GET /x HTTP/0.9',
    'no version': 'GET /x',
    'a version in lower case': 'GET /x http/1.1',
    'another protocol': 'GET /x ICY/1.1',
    'the preface of HTTP/2': 'PRI * HTTP/2.0',
    'a method in lower case': 'get /x HTTP/1.1',
    'an unknown method': 'BREW /x HTTP/1.1',
    'a method with a space': 'GE T /x HTTP/1.1',
    TRACE: 'TRACE /x HTTP/1.1',
    CONNECT: 'CONNECT api.test:80 HTTP/1.1',
    'CONNECT of a path': 'CONNECT /x HTTP/1.1',
    'OPTIONS *': 'OPTIONS * HTTP/1.1',
  };
  for (const [name, line] of Object.entries(odd)) {
    await refuses(t, gateway, name, `${line}\r\nHost: api.test\r\n${gateway.auth}\r\n`);
  }
  await refuses(t, gateway, 'a long target', gateway.request(`/${'a'.repeat(8192)}`), TOO_LONG);
  await refuses(t, gateway, 'a long query', gateway.request(`/?${'a'.repeat(8191)}`), TOO_LONG);
  await refuses(t, gateway, 'a very long target', gateway.request(`/${'a'.repeat(200_000)}`), HEAD_TOO_LARGE);
  await refuses(t, gateway, 'a very long target of dots', gateway.request('/..'.repeat(50_000)), HEAD_TOO_LARGE);
  await refuses(t, gateway, 'a long target of dots', gateway.request('/..'.repeat(2000)), REJECTED);
});

/** Targets with one reading, and what arrives. */
const CLEAR: Readonly<Record<string, string>> = {
  '/': '/',
  '/x': '/x',
  '/X': '/X',
  '/a/': '/a/',
  '/...': '/...',
  '/.a/..b/c..': '/.a/..b/c..',
  '/a.': '/a.',
  '/%61%2ab%7e%2D': '/a*b~-',
  '/%2e%2ea': '/..a',
  '/%252e%252e/a': '/%252e%252e/a',
  '/%252f': '/%252f',
  '/%2500': '/%2500',
  '/a%3ab': '/a:b',
  '/a%20b': '/a%20b',
  '/a%3f%23': '/a%3F%23',
  '/%e2%80%a8': '/%E2%80%A8',
  '/%ef%bc%8f': '/%EF%BC%8F',
  '/a@b:c,d=e&f+g$h!i*j(k)': '/a@b:c,d=e&f+g$h!i*j(k)',
  '/?': '/?',
  '/??': '/??',
  '/a?b=/../..//./c': '/a?b=/../..//./c',
  '/a?%2e%2e%2f%00%0d%0a': '/a?%2e%2e%2f%00%0d%0a',
  '/a?b;c;d': '/a?b;c;d',
  '/a?http://other.test/': '/a?http://other.test/',
  '/a?%': '/a?%',
  '/a?b?c?': '/a?b?c?',
  '/http://other.test': '',
  '/a?"<>[]^`{|}': '/a?"<>[]^`{|}',
};

t.test('a target with one reading arrives in its canonical form, and only there', async (t) => {
  for (const [target, canonical] of Object.entries(CLEAR)) {
    if (canonical === '') await refuses(t, gateway, target, gateway.request(target));
    else await forwards(t, gateway, target, gateway.request(target), { line: `GET ${canonical} HTTP/1.1` });
  }
  const long = `/${'a'.repeat(8191)}`;
  // RFC 9112 §3 lets a server read any run of spaces as one; what goes upstream has one.
  await forwards(t, gateway, 'spaces before the target', gateway.request('  /a'), { line: 'GET /a HTTP/1.1' });
  await forwards(t, gateway, 'spaces behind the target', gateway.request('/a  '), { line: 'GET /a HTTP/1.1' });
  await forwards(t, gateway, 'a target of 8 KiB', gateway.request(long), { line: `GET ${long} HTTP/1.1` });
});

t.test('no spelling of a path opens a route that its plain spelling does not', async (t) => {
  const denied = { status: 403, code: 'permission_denied' };
  for (const target of ['/admin', '/admin/', '/admin/x', '/%61dmin/x', '/%61%64%6d%69%6e', '/admin?/public/']) {
    const client = await gateway.dial();
    client.send(gateway.request(target));
    const answer = await client.answer();
    t.match({ status: answer.status, code: answer.json()['code'] }, denied, target);
    client.close();
  }
  const anonymous = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: api.test\r\n\r\n`;
  for (const target of ['/Public/x', '/PUBLIC/x', '/publi/c', '/publicx', '/public.', '/x?/public/', '/%50ublic/x']) {
    const client = await gateway.dial();
    client.send(anonymous(target));
    t.equal((await client.answer()).status, 401, target);
    client.close();
  }
  t.strictSame(await gateway.arrived(), []);
  await forwards(t, gateway, 'public', anonymous('/%70ublic/x'), {
    line: 'GET /public/x HTTP/1.1',
    headers: { 'x-latchkey-key-id': undefined },
  });
});

t.test('path parameters, where they are allowed, hide nothing', async (t) => {
  const lenient = await stage(t, { settings: { proxy: { allow_path_parameters: true } } });
  for (const target of [
    '/public/..;/admin',
    '/public/%2e%2e;x/admin',
    '/;/admin',
    '/a/.%3bb/c',
    '/;//',
    '/public;/..',
  ]) {
    await refuses(t, lenient, target, lenient.request(target));
  }
});
