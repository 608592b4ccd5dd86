import t, { type Test } from 'tap';
import { config, loadedKey, startGateway, stubGate } from '../support/gateway.ts';
import { exchange, get } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

/** Sends a request with header lines and gives the request that the upstream received. */
async function sent(t: Test, lines: string, settings: Parameters<typeof config>[0] = {}, upstreamSettings = {}) {
  const upstream = await startRawUpstream(t);
  const { port } = await startGateway(t, config(settings, [{ url: upstream.url, ...upstreamSettings }]));
  const answer = await exchange(t, port, get('/x', lines));
  t.equal(answer.status, 200);
  const [request] = upstream.requests;
  if (request === undefined) throw new Error('nothing was sent upstream');
  return { request, answer };
}

t.test('hop-by-hop headers end at the gateway', async (t) => {
  const { request } = await sent(
    t,
    'Connection: keep-alive, X-Mine, content-length, host, authorization, x-forwarded-for, x-latchkey-key-id, x-request-id\r\n' +
      'X-Mine: 1\r\nX-Other: 2\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\nTE: trailers\r\nTrailer: X-T\r\n' +
      'Proxy-Authorization: Basic eA==\r\nProxy-Authenticate: Basic\r\nHTTP2-Settings: AA\r\n',
  );
  for (const name of [
    'x-mine',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'proxy-authorization',
    'proxy-authenticate',
    'http2-settings',
  ]) {
    t.equal(request.header(name), undefined, name);
  }
  t.equal(request.header('x-other'), '2');
  t.equal(request.header('x-latchkey-key-id'), 'key_test', 'what the gateway sets cannot be named away');
  t.equal(request.header('x-forwarded-for'), '127.0.0.1');
  t.type(request.header('x-request-id'), 'string');
});

t.test('Connection cannot take the framing from a body', async (t) => {
  const upstream = await startRawUpstream(t, (request) => void request.body.then((body) => request.ok(body)));
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const lines = 'Connection: Content-Length, Transfer-Encoding, Host\r\n';
  t.equal((await exchange(t, port, `${get('/x', `${lines}Content-Length: 5\r\n`, 'POST')}hello`)).body, 'hello');
  t.equal(
    (await exchange(t, port, `${get('/x', `${lines}Transfer-Encoding: chunked\r\n`, 'POST')}5\r\nhello\r\n0\r\n\r\n`))
      .body,
    'hello',
  );
});

t.test('the identity is the gateway’s to say, however it is spelt', async (t) => {
  const spellings = [
    'X-Latchkey-Key-Id',
    'x-latchkey-key-id',
    'X_Latchkey_Key_Id',
    'x_latchkey-key_id',
    'X-LATCHKEY_OWNER',
    'X.Latchkey.Owner',
    'X-Latchkey-Anything',
    'X-Latchkey',
  ];
  const { request } = await sent(t, spellings.map((name) => `${name}: forged\r\n`).join(''));
  t.notMatch(request.text, /forged/);
  t.equal(request.header('x-latchkey-key-id'), 'key_test');
  t.equal(request.header('x-latchkey-key-type'), 'service');
  t.equal(request.header('x-latchkey-owner'), 'team-a');
  t.equal(request.header('x-latchkey-permissions'), '*');

  const upstream = await startRawUpstream(t);
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  await exchange(t, port, get('/public/x', spellings.map((name) => `${name}: forged\r\n`).join('')));
  t.notMatch(upstream.received, /forged|latchkey/i, 'nor on a public route, where there is nothing to set');
  t.notMatch(upstream.received, /authorization/i, 'the key is taken off there too');
});

t.test('an owner that no header can carry is percent-encoded', async (t) => {
  const owners: Readonly<Record<string, string>> = {
    'Jürgen GmbH': 'J%C3%BCrgen GmbH',
    'a\r\nX-Admin: 1': 'a%0D%0AX-Admin: 1',
    '100%': '100%25',
    ' padded ': '%20padded%20',
    '🔑': '%F0%9F%94%91',
  };
  for (const [owner, expected] of Object.entries(owners)) {
    const upstream = await startRawUpstream(t);
    const gate = stubGate({ lk_test: loadedKey({ owner }) });
    const { port } = await startGateway(t, config({}, [{ url: upstream.url }]), { gate });
    t.equal((await exchange(t, port, get('/x'))).status, 200);
    const said = upstream.requests[0]?.header('x-latchkey-owner');
    t.equal(said, expected);
    t.equal(decodeURIComponent(said ?? ''), owner);
  }
});

const CLAIMS = [
  'Forwarded',
  'X-Real-IP',
  'X-Client-IP',
  'True-Client-IP',
  'CF-Connecting-IP',
  'X-Cluster-Client-IP',
  'X-Forwarded-Server',
  'X-Forwarded-Port',
  'X-Forwarded',
  'X_Forwarded_For',
  'x-forwarded_for',
  'X_Real_IP',
  'Forwarded-For_',
  'Proxy',
];

t.test('nobody’s word is taken for the client’s address by default', async (t) => {
  const lines = CLAIMS.filter((name) => name !== 'Forwarded-For_')
    .map((name) => `${name}: 6.6.6.6\r\n`)
    .join('');
  const { request } = await sent(
    t,
    `X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.test\r\n${lines}`,
  );
  t.notMatch(request.text, /6\.6\.6\.6|evil/);
  t.equal(request.header('x-forwarded-for'), '127.0.0.1');
  t.equal(request.header('x-forwarded-proto'), 'http');
  t.equal(request.header('x-forwarded-host'), 'api.test');
});

t.test('a trusted proxy’s word is taken as far as it goes', async (t) => {
  const trusted = { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] };
  const { request } = await sent(
    t,
    'X-Forwarded-For: 6.6.6.6, 203.0.113.7, 10.1.2.3\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\nX-Real-IP: 6.6.6.6\r\n',
    trusted,
  );
  t.equal(request.header('x-forwarded-for'), '203.0.113.7, 10.1.2.3, 127.0.0.1');
  t.equal(request.header('x-forwarded-proto'), 'https');
  t.equal(request.header('x-forwarded-host'), 'shop.test');
  t.equal(request.header('x-real-ip'), undefined);
  const odd = await sent(t, 'X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: a@b\r\n', trusted);
  t.equal(odd.request.header('x-forwarded-proto'), 'http');
  t.equal(odd.request.header('x-forwarded-host'), 'api.test');
});

t.test('headers that change what a request means are dropped unless they are allowed', async (t) => {
  const names = [
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-Original-Method',
    'X-Forwarded-Uri',
    'X-Forwarded-Method',
    'X-Forwarded-Path',
    'X-Forwarded-Prefix',
    'X-Original-Host',
    'X-Host',
  ];
  const lines = [...names, 'X_HTTP_Method_Override', 'x-http_method-override', 'X_Original_URL']
    .map((name) => `${name}: DELETE\r\n`)
    .join('');
  const { request } = await sent(t, lines);
  t.notMatch(request.text, /DELETE/);
  const allowed = await sent(t, lines, { allowOverrideHeaders: ['x-http-method-override'] });
  t.equal(allowed.request.header('x-http-method-override'), 'DELETE');
  t.equal(allowed.request.text.match(/DELETE/g)?.length, 1, 'the others stay out, and so does its alias');
});

t.test(
  'aliases of the headers that carry the framing and the key are dropped, other names with _ are not',
  async (t) => {
    const { request } = await sent(
      t,
      'Content_Length: 5\r\nTransfer_Encoding: chunked\r\nHost_: x\r\nhOsT_NAME: y\r\nmy_header: kept\r\nAuthorization_: z\r\n',
    );
    t.notMatch(request.text, /Content_Length|Transfer_Encoding/);
    t.equal(request.header('my_header'), 'kept');
  },
);

t.test('the upstream’s own credential replaces the caller’s, and its Host may be the client’s', async (t) => {
  const { request } = await sent(
    t,
    'Cookie: a=b\r\ntraceparent: 00-x\r\n',
    {},
    { authorization: 'Basic dXBzdHJlYW0=', preserveHost: true },
  );
  t.equal(request.header('authorization'), 'Basic dXBzdHJlYW0=');
  t.equal(request.header('host'), 'api.test');
  t.equal(request.header('cookie'), 'a=b');
  t.equal(request.header('traceparent'), '00-x');
  t.notMatch(request.text, /lk_test/);
});

t.test('a valid request id is kept, another is replaced', async (t) => {
  const kept = await sent(t, 'X-Request-Id: abc.DEF_1-2\r\n');
  t.equal(kept.request.header('x-request-id'), 'abc.DEF_1-2');
  t.equal(kept.answer.header('x-request-id'), 'abc.DEF_1-2');
  for (const id of ['a b', 'a"b', 'a'.repeat(129), '\xe4', 'a\r\nX-Request-Id: b']) {
    const { request, answer } = await sent(t, `X-Request-Id: ${id}\r\n`);
    t.match(request.header('x-request-id'), /^req_[A-Za-z0-9_-]{20}$/);
    t.equal(answer.header('x-request-id'), request.header('x-request-id'));
  }
});

t.test('the client is not told what is between the gateway and the upstream', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    request.ok(
      'x',
      'Connection: X-Internal, Content-Length\r\nX-Internal: 1\r\nKeep-Alive: timeout=1\r\nProxy-Authenticate: Basic\r\nTrailer: X-T\r\nUpgrade: h2c\r\nX-Request-Id: theirs\r\nX-RateLimit-Limit: 7\r\nX-RateLimit-Used: 7\r\nRateLimit: "x";r=7\r\nRateLimit-Policy: "x";q=7\r\nRetry-After: 7\r\nServer: s\r\n',
    );
  });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const answer = await exchange(t, port, get('/x'));
  for (const name of ['x-internal', 'proxy-authenticate', 'trailer', 'upgrade', 'x-ratelimit-used'])
    t.equal(answer.header(name), undefined, name);
  t.equal(answer.header('content-length'), '1');
  t.equal(answer.header('server'), 's');
  t.equal(answer.header('retry-after'), '7', 'on its own answers, that is the upstream’s to say');
  t.match(answer.header('x-request-id'), /^req_/);
  t.equal(answer.header('x-ratelimit-limit'), '1000');
});
