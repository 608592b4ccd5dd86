import t from 'tap';
import { startRawUpstream } from '../../support/raw-upstream.ts';
import { StubBody, StubClient, until, upstreamAt } from './forward-fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\n';

const IDENTITY = [
  'X-Forwarded-For: 192.0.2.1',
  'X-Forwarded-Proto: http',
  'X-Forwarded-Host: client.test',
  'X-Latchkey-Key-Id: key_test',
];

t.test('a request reaches the upstream as undici would write it', async (t) => {
  const server = await startRawUpstream(t);
  const upstream = upstreamAt(t, `${server.url}/base`);
  const client = await new StubClient(upstream, {
    path: '/a',
    headers: ['X-A', '\xe4 b', 'Connection', 'close'],
  }).whole();
  t.match(client.writer, { status: 200, text: 'ok', raw: ['Content-Length', '2'] });
  t.ok(client.upstreamMs !== null && client.upstreamMs >= 0);
  const { text } = await server.request(0);
  const lines = text.split('\r\n');
  t.strictSame(lines.slice(0, 4), [
    'GET /base/a HTTP/1.1',
    `host: 127.0.0.1:${server.port}`,
    'connection: keep-alive',
    'X-A: \xe4 b',
  ]);
  for (const line of IDENTITY) t.ok(lines.includes(line), line);
  t.notMatch(text, /content-length/i);
  const own = upstreamAt(t, server.url, { preserveHost: true, authorization: 'Basic abc' });
  await new StubClient(own).whole();
  const second = await server.request(1);
  t.match(second.text, /\r\nhost: client\.test\r\n/);
  t.match(second.text, /\r\nAuthorization: Basic abc\r\n/);
  t.equal(second.text.match(/^host:/gim)?.length, 1);
  t.match(second.text, /^GET \/x /);
});

t.test('the length of a body is said as undici says it', async (t) => {
  const server = await startRawUpstream(t);
  const upstream = upstreamAt(t, server.url);
  const cases: readonly (readonly [method: string, body: string, length: string | undefined])[] = [
    ['GET', '', undefined],
    ['DELETE', '', undefined],
    ['OPTIONS', '', undefined],
    ['POST', '', '0'],
    ['PUT', '', '0'],
    ['PATCH', '', '0'],
    ['POST', 'hello', '5'],
    ['DELETE', 'hello', '5'],
  ];
  for (const [index, [method, body, length]] of cases.entries()) {
    await new StubClient(upstream, { method, body: body === '' ? null : StubBody.of(body) }).whole();
    const request = await server.request(index);
    t.equal(request.header('content-length'), length, `${method} ${body}`);
    t.equal(await request.body, body);
  }
});

t.test('HEAD, and a body where none is expected, end the connection', async (t) => {
  const server = await startRawUpstream(t, (request) => request.reply(`${OK}Content-Length: 0\r\n\r\n`));
  const upstream = upstreamAt(t, server.url);
  await new StubClient(upstream, { method: 'HEAD' }).whole();
  t.equal((await server.request(0)).header('connection'), 'close');
  await new StubClient(upstream, { method: 'DELETE', body: StubBody.of('a') }).whole();
  await new StubClient(upstream).whole();
  await new StubClient(upstream).whole();
  t.equal(server.sockets.length, 3);
});

t.test('the head goes out with the first piece of the body, in one piece', async (t) => {
  const server = await startRawUpstream(t);
  const upstream = upstreamAt(t, server.url);
  const body = new StubBody(6);
  const client = new StubClient(upstream, { method: 'POST', body }).send();
  await until(() => body.sink !== null);
  t.ok(client.forward.awaitsClient);
  await until(() => server.sockets.length === 1);
  const first = new Promise<Buffer>((resolve) => server.sockets[0]?.once('data', resolve));
  body.sink?.bodyData(Buffer.from('abc'));
  t.match((await first).toString(), /^POST .*\r\n\r\nabc$/s);
  body.sink?.bodyData(Buffer.from('def'));
  body.sink?.bodyEnd();
  t.notOk(client.forward.awaitsClient);
  await client.ended;
  t.equal(await (await server.request(0)).body, 'abcdef');
  const large = StubBody.of('b'.repeat(300_000));
  await new StubClient(upstream, { method: 'POST', body: large }).whole();
  t.equal((await (await server.request(1)).body).length, 300_000);
  t.equal(server.sockets.length, 1);
});

t.test('a body of another length than it said is never taken for a request', async (t) => {
  const server = await startRawUpstream(t, () => undefined);
  const upstream = upstreamAt(t, server.url);
  for (const pieces of [['abcd', 'GET / HTTP/1.1\r\n\r\n'], ['abc']]) {
    const body = new StubBody(5);
    const client = new StubClient(upstream, { method: 'POST', body }).send();
    await until(() => body.sink !== null);
    for (const piece of pieces) body.sink?.bodyData(Buffer.from(piece));
    body.sink?.bodyEnd();
    await client.ended;
    t.equal(client.denial?.code, 'upstream_invalid');
    t.ok(body.isDetached);
  }
  await until(() => server.sockets.every((socket) => socket.destroyed));
  t.notMatch(server.received, /GET/);
  t.equal(upstream.active, 0);
});

t.test('informational answers are handed on, but for a 100 and a 101', async (t) => {
  const answers: Readonly<Record<string, string>> = {
    '/103': `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
    '/100': `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nok`,
    '/101': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  };
  const server = await startRawUpstream(t, (request) => request.reply(answers[request.target] ?? ''));
  const upstream = upstreamAt(t, server.url);
  const hinted = await new StubClient(upstream, { path: '/103' }).whole();
  t.strictSame(hinted.writer.informational, [{ status: 103, raw: ['Link', 'a'] }]);
  t.equal(hinted.writer.text, 'ok');
  for (const path of ['/100', '/101']) {
    const client = await new StubClient(upstream, { path }).whole();
    t.equal(client.denial?.code, 'upstream_invalid', path);
    t.equal(client.writer.calls.length, 0);
  }
  t.equal(upstream.links.size, 0);
});

const FAILURES: Readonly<Record<string, readonly [bytes: string, code: string]>> = {
  'closes without a word': ['', 'upstream_unreachable'],
  'talks something else': ['SSH-2.0-OpenSSH_9.6\r\n', 'upstream_invalid'],
  'breaks off in the head': [`${OK}Content-Le`, 'upstream_invalid'],
  'gives two lengths': [`${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 'upstream_invalid'],
  'has a head that is too large': [`${OK}X-A: ${'a'.repeat(20_000)}\r\n\r\n`, 'upstream_invalid'],
  'uses a coding that is not undone': [`${OK}Transfer-Encoding: gzip\r\n\r\nabc`, 'upstream_invalid'],
};

t.test('an upstream that lies before its head is out', async (t) => {
  for (const [name, [bytes, code]] of Object.entries(FAILURES)) {
    const server = await startRawUpstream(t, (request) => request.socket.end(bytes, 'latin1'));
    const upstream = upstreamAt(t, server.url);
    const client = await new StubClient(upstream).whole();
    t.equal(client.denial?.code, code, name);
    t.equal(client.writer.status, 0, name);
    t.equal(upstream.active, 0, name);
    t.equal(upstream.links.size, 0, name);
    t.equal(server.requests.length, 1, name);
  }
});

t.test('an answer that breaks off is a failure, whatever ends it', async (t) => {
  const heads = [
    `${OK}Content-Length: 10\r\n\r\nabc`,
    `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
    `${OK}\r\nabc`,
  ];
  for (const head of heads) {
    for (const way of ['end', 'reset'] as const) {
      const server = await startRawUpstream(t, (request) => request.reply(head));
      const client = new StubClient(upstreamAt(t, server.url)).send();
      await until(() => client.writer.bytes === 3);
      if (way === 'end') server.sockets[0]?.end();
      else server.sockets[0]?.resetAndDestroy();
      await client.ended;
      const isWhole = way === 'end' && head === heads[2];
      t.equal(client.writer.ended, isWhole, `${way} ${head}`);
      t.equal(client.denial?.code, isWhole ? undefined : 'upstream_invalid');
    }
  }
});

t.test('what came before a chunk that is none is handed on, and the answer is not whole', async (t) => {
  const server = await startRawUpstream(t, (request) => {
    request.reply(`${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n`);
  });
  const client = await new StubClient(upstreamAt(t, server.url)).whole();
  t.strictSame(client.writer.calls, ['head', 'body']);
  t.equal(client.writer.text, 'abc');
  t.equal(client.denial?.code, 'upstream_invalid');
});

t.test('bytes beyond the body: the answer is whole, and its connection is not used again', async (t) => {
  const server = await startRawUpstream(t, (request) => {
    if (request.target === '/odd') request.reply(`${OK}Content-Length: 2\r\n\r\nok${OK}Content-Length: 0\r\n\r\n`);
    else request.ok('the right one');
  });
  const upstream = upstreamAt(t, server.url, { maxConnections: 1 });
  const odd = await new StubClient(upstream, { path: '/odd' }).whole();
  t.equal(odd.writer.text, 'ok');
  t.equal((await new StubClient(upstream).whole()).writer.text, 'the right one');
  t.equal(server.sockets.length, 2);
});

t.test('an answer before the request was sent whole: it is relayed, and the connection ends', async (t) => {
  const server = await startRawUpstream(t, (request) => request.ok('early'));
  const upstream = upstreamAt(t, server.url);
  const body = new StubBody(100, ['some']);
  const client = await new StubClient(upstream, { method: 'POST', body }).whole();
  t.equal(client.writer.text, 'early');
  t.ok(body.isDetached);
  t.equal(upstream.links.size, 0);
  t.ok(body.sink?.bodyData(Buffer.from('more')), 'what still comes is nobody’s affair');
  body.sink?.bodyEnd();
  await until(() => server.sockets[0]?.destroyed === true);
  t.notMatch(server.received, /more/);
});

t.test('what a handler throws is a failure of that exchange', async (t) => {
  const server = await startRawUpstream(t);
  const upstream = upstreamAt(t, server.url);
  for (const call of ['head', 'body', 'end']) {
    const client = new StubClient(upstream);
    client.writer.throwsAt = call;
    await client.whole();
    t.equal(client.denial?.code ?? '', call === 'head' ? 'upstream_invalid' : '', call);
    t.equal(client.isCut, call !== 'head', call);
  }
  const unwilling = new StubBody(5, ['a'], () => {
    throw new Error('thrown by the body');
  });
  const client = await new StubClient(upstream, { method: 'POST', body: unwilling }).whole();
  t.match(client.failure, /thrown by the body/);
  t.equal(upstream.active, 0);
});
