/** Credentials and hosts that are there twice, names that alias managed headers, and what may end at the gateway. */
import t from 'tap';
import { stage } from './fixture.ts';
import { forwards, refuses } from './table.ts';

const gateway = await stage(t);
const { auth, key } = gateway;
const TOO_LARGE = { status: 431, code: 'headers_too_large' };
const PLAIN = { line: 'GET /x HTTP/1.1' };

const AMBIGUOUS: Readonly<Record<string, string>> = {
  'two credentials': `Host: a\r\n${auth}${auth}`,
  'a good credential, then a bad one': `Host: a\r\n${auth}Authorization: Bearer x\r\n`,
  'a bad credential, then a good one': `Host: a\r\nAuthorization: Bearer x\r\n${auth}`,
  'two credentials in two cases': `Host: a\r\n${auth}${auth.toUpperCase()}`,
  'a credential and an empty one': `Host: a\r\n${auth}Authorization:\r\n`,
  'an empty credential and a good one': `Host: a\r\nAuthorization:\r\n${auth}`,
  'a credential with non-ASCII': `Host: a\r\nAuthorization: Bearer \xe4${key.secret}\r\n`,
  'a credential with a tab': `Host: a\r\nAuthorization: Bearer\t${key.secret}\r\n`,
  'a credential with a NUL': `Host: a\r\nAuthorization: Bearer ${key.secret}\0\r\n`,
  'a folded credential': `Host: a\r\nAuthorization: Bearer\r\n ${key.secret}\r\n`,
  'a credential with a space before its colon': `Host: a\r\nAuthorization : Bearer ${key.secret}\r\n`,
  'no Host': auth,
  'an empty Host': `Host:\r\n${auth}`,
  'a Host of spaces': `Host:   \r\n${auth}`,
  'two Hosts': `Host: a\r\nHost: b\r\n${auth}`,
  'the same Host twice': `Host: a\r\nHost: a\r\n${auth}`,
  'two Hosts in two cases': `Host: a\r\nhOST: b\r\n${auth}`,
  'a Host and an empty one': `Host: a\r\nHost:\r\n${auth}`,
  'an empty Host and one': `Host:\r\nHost: a\r\n${auth}`,
  'a Host with a space before its colon': `Host : a\r\n${auth}`,
  'a folded Host': `Host: a\r\n b\r\n${auth}`,
};

const ODD_HOSTS = [
  'a,b',
  'a, b',
  'a b',
  'a@b',
  'user:password@a',
  'a/b',
  'a/',
  '/a',
  '//a',
  'http://a',
  'a?b',
  'a#b',
  'a\\b',
  'a%2fb',
  'a%00',
  'a:',
  ':80',
  'a:b',
  'a:80:80',
  'a:-1',
  'a:+1',
  'a:123456',
  'a:80x',
  'a;b',
  '"a"',
  '<a>',
  '[::1',
  '::1',
  '::1]',
  '[]',
  '[::1]x',
  '[::g]',
  '[a@b]',
  'a\tb',
  'a\0b',
  'a\x7f',
  '\xe4',
  'x\xc2\xadn--a',
];

t.test('a credential or Host that is not there once, and plainly, is refused', async (t) => {
  for (const [name, lines] of Object.entries(AMBIGUOUS)) {
    await refuses(t, gateway, name, `GET /x HTTP/1.1\r\n${lines}\r\n`);
  }
  for (const host of ODD_HOSTS) {
    await refuses(t, gateway, `the Host ${JSON.stringify(host)}`, `GET /x HTTP/1.1\r\nHost: ${host}\r\n${auth}\r\n`);
  }
  await refuses(t, gateway, 'too many headers', gateway.request('/x', 'X: y\r\n'.repeat(200)), TOO_LARGE);
  await refuses(t, gateway, 'a large header', gateway.request('/x', `X: ${'y'.repeat(100_000)}\r\n`), TOO_LARGE);
  await refuses(t, gateway, 'a long name', gateway.request('/x', `${'X'.repeat(100_000)}: y\r\n`), TOO_LARGE);
});

t.test('whatever Host the client names, the upstream is sent its own', async (t) => {
  for (const host of ['a', 'a:80', 'EVIL.test', 'a.', '127.0.0.1:22', '[::1]:80', 'a_b', 'localhost']) {
    const bytes = `GET /x HTTP/1.1\r\nHost: ${host}\r\n${auth}\r\n`;
    await forwards(t, gateway, host, bytes, { ...PLAIN, headers: { 'x-forwarded-host': host } });
  }
  const old = `GET /x HTTP/1.0\r\n${auth}\r\n`;
  await forwards(t, gateway, 'HTTP/1.0 without a Host', old, { ...PLAIN, headers: { 'x-forwarded-host': undefined } });
});

/** Names that some upstream reads as one of those that the gateway sets. */
const ALIASES = [
  'X-Latchkey-Key-Id',
  'x-latchkey-key-id',
  'X-LATCHKEY-OWNER',
  'x-LatchKey-Permissions',
  'X_Latchkey_Key_Id',
  'x-latchkey-key_id',
  'x_latchkey-owner',
  'X-Latchkey_Permissions',
  'X.Latchkey.Key.Id',
  'X|Latchkey|Owner',
  'X~Latchkey~Owner',
  'X+Latchkey+Owner',
  'X-Latchkey-Key-Type',
  'X-Latchkey',
  'X_Latchkey',
  'X-Latchkey-',
  'X-Latchkey-Admin',
  'X_Forwarded_For',
  'X-Forwarded_For',
  'x_forwarded_proto',
  'X_Forwarded_Host',
  'X_Request_Id',
  'X.Request.Id',
];

t.test('no spelling of a managed name gets through', async (t) => {
  const forged = ALIASES.map((name) => `${name}: forged\r\n`).join('');
  const request = await forwards(t, gateway, 'all at once', gateway.request('/x', forged), PLAIN);
  t.notMatch(request?.text, /forged/);
  for (const name of ALIASES) {
    const one = await forwards(
      t,
      gateway,
      name,
      gateway.request('/x', `${name}: forged\r\n${name}: forged\r\n`),
      PLAIN,
    );
    t.notMatch(one?.text, /forged/, name);
  }
  const open = `GET /public/x HTTP/1.1\r\nHost: a\r\n${forged}\r\n`;
  const anonymous = await forwards(t, gateway, 'without a key', open, { line: 'GET /public/x HTTP/1.1' });
  t.notMatch(anonymous?.text, /forged|latchkey/i);
});

t.test('aliases of the headers that frame and authenticate are neither believed nor passed on', async (t) => {
  for (const name of ['Content_Length', 'Transfer_Encoding', 'Content.Length', 'Transfer+Encoding']) {
    const bytes = gateway.request('/x', `${name}: 5\r\nContent-Length: 3\r\n`, 'POST', 'abc');
    const request = await forwards(t, gateway, name, bytes, { line: 'POST /x HTTP/1.1', body: 'abc' });
    t.notOk(request?.text.includes(name), name);
  }
  for (const lines of [`Proxy_Authorization: Basic eA==\r\n`, `Proxy-Authorization: Bearer ${key.secret}\r\n`]) {
    const request = await forwards(t, gateway, lines, gateway.request('/x', lines), PLAIN);
    t.notMatch(request?.text, /authorization/i, lines);
  }
});

const HOP_BY_HOP =
  'Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy-Authenticate: Basic\r\nProxy-Authorization: Basic eA==\r\n' +
  'TE: trailers, gzip\r\nTrailer: X-T\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n';

/** What a client may write into Connection. */
const CONNECTIONS = [
  'X-Latchkey-Key-Id, Authorization, X-Forwarded-For, Content-Length, Host, close',
  'x-latchkey-key-id,x-latchkey-owner,x-latchkey-key-type,x-latchkey-permissions,keep-alive',
  'X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Request-Id',
  'Transfer-Encoding, Content-Length, Host, Connection',
  'close\r\nConnection: X-Latchkey-Key-Id\r\nConnection: Authorization',
  'Upgrade, HTTP2-Settings',
  ' , ,, ;,"X-Latchkey-Key-Id"',
  'X_Latchkey_Key_Id',
  '*',
];

t.test('nothing that Connection names takes away what the gateway sets', async (t) => {
  for (const value of CONNECTIONS) {
    const lines = `Connection: ${value}\r\nX-Latchkey-Key-Id: forged\r\nX-Forwarded-For: 6.6.6.6\r\n${HOP_BY_HOP}`;
    const get = await forwards(t, gateway, value, gateway.request('/x', lines), PLAIN);
    t.notMatch(get?.text, /forged|6\.6\.6\.6|keep-alive: timeout|proxy-|h2c|http2|trailers/i, value);
    for (const [framing, body] of [
      ['Content-Length: 3\r\n', 'abc'],
      ['Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'],
    ] as const) {
      const bytes = gateway.request('/x', `${lines}${framing}`, 'POST', body);
      await forwards(t, gateway, `${value} and ${framing}`, bytes, { line: 'POST /x HTTP/1.1', body: 'abc' });
    }
  }
  const own = gateway.request('/x', 'Connection: X-Mine, x-yours\r\nX-Mine: 1\r\nX-Yours: 2\r\nX-Ours: 3\r\n');
  await forwards(t, gateway, 'its own headers', own, {
    ...PLAIN,
    headers: { 'x-mine': undefined, 'x-yours': undefined, 'x-ours': '3' },
  });
});

/** Headers that change the method, path, host or caller for some upstream. */
const OVERRIDES = [
  'X-HTTP-Method-Override',
  'X-HTTP-Method',
  'X-Method-Override',
  'X_HTTP_Method_Override',
  'x-http_method-override',
  'X-Original-URL',
  'X-Original-Uri',
  'X_Original_URL',
  'X-Rewrite-URL',
  'X-Original-Method',
  'X-Original-Host',
  'X-Host',
  'X-Forwarded-Server',
  'X-Forwarded-Port',
  'X-Forwarded-Scheme',
  'X-Forwarded-Ssl',
  'X-Forwarded-Prefix',
  'X-Forwarded-Uri',
  'X-Forwarded-Method',
  'X-Forwarded-User',
  'Proxy',
];

t.test('headers that override what was checked are dropped', async (t) => {
  for (const name of OVERRIDES) {
    const request = await forwards(t, gateway, name, gateway.request('/x', `${name}: overridden\r\n`), PLAIN);
    t.notMatch(request?.text, /overridden/, name);
  }
  const all = OVERRIDES.map((name) => `${name}: overridden\r\n`).join('');
  const request = await forwards(t, gateway, 'all at once', gateway.request('/x', all), PLAIN);
  t.notMatch(request?.text, /overridden/);
});

t.test('an expectation is for the gateway alone', async (t) => {
  const bytes = gateway.request('/x', 'Expect: 100-continue\r\nContent-Length: 3\r\n', 'POST', 'abc');
  await forwards(t, gateway, '100-continue', bytes, { line: 'POST /x HTTP/1.1', body: 'abc' });
  for (const value of ['200-ok', '100-continue, x', '100-continue\r\nExpect: x']) {
    const odd = gateway.request('/x', `Expect: ${value}\r\nContent-Length: 3\r\n`, 'POST', 'abc');
    await refuses(t, gateway, value, odd);
  }
});
