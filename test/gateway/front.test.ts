import t from 'tap';
import { config, startGateway } from '../support/gateway.ts';
import { exchange, get, rawClient } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

const AUTH = 'Authorization: Bearer lk_test\r\n';
const HEAD = `Host: a\r\n${AUTH}`;

const REFUSED: Readonly<Record<string, string>> = {
  'no Host in HTTP/1.1': `GET / HTTP/1.1\r\n${AUTH}\r\n`,
  'two Hosts': `GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n${AUTH}\r\n`,
  'an empty Host': `GET / HTTP/1.1\r\nHost:\r\n${AUTH}\r\n`,
  'a Host and an empty one': `GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n${AUTH}\r\n`,
  'a Host with a user': `GET / HTTP/1.1\r\nHost: a@b\r\n${AUTH}\r\n`,
  'a Host that is a list': `GET / HTTP/1.1\r\nHost: a, b\r\n${AUTH}\r\n`,
  'a Host with a path': `GET / HTTP/1.1\r\nHost: a/b\r\n${AUTH}\r\n`,
  'a Host with a port that is none': `GET / HTTP/1.1\r\nHost: a:b\r\n${AUTH}\r\n`,
  'a Host with non-ASCII': `GET / HTTP/1.1\r\nHost: \xe4\r\n${AUTH}\r\n`,
  'two Authorizations': `GET / HTTP/1.1\r\nHost: a\r\n${AUTH}${AUTH}\r\n`,
  'an Authorization with non-ASCII': `GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \xe4\r\n\r\n`,
  'HTTP/0.9': 'GET /\r\n\r\n',
  'HTTP/2.0': `GET / HTTP/2.0\r\n${HEAD}\r\n`,
  'HTTP/1.2': `GET / HTTP/1.2\r\n${HEAD}\r\n`,
  'HTTP/1.0 with Transfer-Encoding': `POST / HTTP/1.0\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a transfer coding before chunked': `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'another transfer coding': `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: gzip\r\n\r\n`,
  'chunked twice': `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunked, misspelt': `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'an empty Transfer-Encoding': `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding:\r\n\r\n`,
  'length and chunks': `POST / HTTP/1.1\r\n${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'two lengths': `POST / HTTP/1.1\r\n${HEAD}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
  'a list of lengths': `POST / HTTP/1.1\r\n${HEAD}Content-Length: 3, 3\r\n\r\nabc`,
  'a length with a leading zero': `POST / HTTP/1.1\r\n${HEAD}Content-Length: 03\r\n\r\nabc`,
  'a length with a sign': `POST / HTTP/1.1\r\n${HEAD}Content-Length: +3\r\n\r\nabc`,
  'a length in hex': `POST / HTTP/1.1\r\n${HEAD}Content-Length: 0x3\r\n\r\nabc`,
  'an empty length': `POST / HTTP/1.1\r\n${HEAD}Content-Length:\r\n\r\n`,
  'a length beyond all numbers': `POST / HTTP/1.1\r\n${HEAD}Content-Length: 99999999999999999999\r\n\r\n`,
  'a folded header': `GET / HTTP/1.1\r\n${HEAD}X-A: b\r\n c\r\n\r\n`,
  'a bare line feed': `GET / HTTP/1.1\n${HEAD}\r\n`,
  'a bare line feed between headers': `GET / HTTP/1.1\r\nHost: a\n${AUTH}\r\n`,
  'a space before the colon': `GET / HTTP/1.1\r\nHost : a\r\n${AUTH}\r\n`,
  'an empty name': `GET / HTTP/1.1\r\n${HEAD}: b\r\n\r\n`,
  'a NUL in a value': `GET / HTTP/1.1\r\n${HEAD}X-A: a\0b\r\n\r\n`,
  'a carriage return in a value': `GET / HTTP/1.1\r\n${HEAD}X-A: a\rb\r\n\r\n`,
  'an absolute target': `GET http://a/ HTTP/1.1\r\n${HEAD}\r\n`,
  'an absolute target of another authority': `GET http://b/ HTTP/1.1\r\n${HEAD}\r\n`,
  'the target *': `OPTIONS * HTTP/1.1\r\n${HEAD}\r\n`,
  'a fragment': `GET /a#b HTTP/1.1\r\n${HEAD}\r\n`,
  'a dot segment': `GET /public/%2e%2e/admin HTTP/1.1\r\n${HEAD}\r\n`,
  'two slashes at the start': `GET //evil/ HTTP/1.1\r\n${HEAD}\r\n`,
  'an unknown method': `BREW / HTTP/1.1\r\n${HEAD}\r\n`,
  'a method in lower case': `get / HTTP/1.1\r\n${HEAD}\r\n`,
  TRACE: `TRACE / HTTP/1.1\r\n${HEAD}\r\n`,
  CONNECT: `CONNECT a:80 HTTP/1.1\r\n${HEAD}\r\n`,
  'another expectation': `POST / HTTP/1.1\r\n${HEAD}Expect: tea\r\nContent-Length: 1\r\n\r\na`,
  'an expectation beside 100-continue': `POST / HTTP/1.1\r\n${HEAD}Expect: 100-continue, tea\r\nContent-Length: 1\r\n\r\na`,
  'a WebSocket with POST': `POST / HTTP/1.1\r\n${HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n`,
  'a WebSocket with a body': `GET / HTTP/1.1\r\n${HEAD}Connection: Upgrade\r\nUpgrade: WebSocket\r\nContent-Length: 1\r\n\r\na`,
};

t.test('what has no single meaning is refused: 400, the connection closes, nothing goes upstream', async (t) => {
  const upstream = await startRawUpstream(t);
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  for (const [name, bytes] of Object.entries(REFUSED)) {
    await t.test(name, async (t) => {
      const client = await rawClient(t, port);
      // A second request right behind: it must not be taken for one.
      client.send(`${bytes}${get('/smuggled')}`);
      const answer = await client.answer();
      t.equal(answer.status, 400);
      t.equal(answer.header('content-type'), 'application/problem+json');
      t.equal(answer.json().code, 'request_rejected');
      t.match(answer.header('connection'), /close/i);
      await client.closed;
      t.equal(client.received.match(/HTTP\/1\.1 \d{3} /g)?.length, 1, 'one answer');
    });
  }
  t.equal(upstream.requests.length, 0);
});

t.test('what is unusual but clear passes', async (t) => {
  const upstream = await startRawUpstream(t);
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const requests: Readonly<Record<string, string>> = {
    'a Host with a port': `GET / HTTP/1.1\r\nHost: a:8080\r\n${AUTH}\r\n`,
    'an IPv6 Host': `GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n${AUTH}\r\n`,
    'HTTP/1.0 without a Host': `GET / HTTP/1.0\r\n${AUTH}\r\n`,
    'Chunked in capitals': `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n`,
    'non-ASCII in another header': `GET / HTTP/1.1\r\n${HEAD}X-A: \xe4\r\n\r\n`,
    'an upgrade to something else, which is not made': `GET / HTTP/1.1\r\n${HEAD}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`,
    'a WebSocket offer that Connection does not name': `GET / HTTP/1.1\r\n${HEAD}Upgrade: websocket\r\n\r\n`,
  };
  for (const [name, bytes] of Object.entries(requests)) t.equal((await exchange(t, port, bytes)).status, 200, name);
  t.notMatch(upstream.received, /upgrade|http2-settings/i);
  t.match(upstream.received, /X-A: \xe4\r\n/, 'other headers keep their bytes');
});

t.test(
  'an offer of HTTP/2 on a plain connection is not taken up: the request goes on as an ordinary one',
  async (t) => {
    const upstream = await startRawUpstream(
      t,
      (request) => void request.body.then((body) => request.ok(`got ${body}`)),
    );
    const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
    const offer = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAA\r\n';
    const requests: Readonly<Record<string, string>> = {
      'without a body': get('/x', offer),
      'with a length': `${get('/x', `${offer}Content-Length: 5\r\n`, 'POST')}hello`,
      'in chunks': `${get('/x', `${offer}Transfer-Encoding: chunked\r\n`, 'POST')}5\r\nhello\r\n0\r\n\r\n`,
      'that is denied': get('/x', offer).replace('lk_test', 'lk_unknown'),
    };
    for (const [name, bytes] of Object.entries(requests)) {
      await t.test(name, async (t) => {
        const client = await rawClient(t, port);
        client.send(get('/before') + bytes + get('/after'));
        t.notMatch((await client.answer()).header('connection'), /close/, 'what came before it keeps the connection');
        const answer = await client.answer();
        t.equal(answer.status, name === 'that is denied' ? 401 : 200);
        t.equal(answer.header('upgrade'), undefined);
        // The parser drops what came right behind the offer, so nothing behind it may count as asked.
        t.equal(answer.header('connection'), 'close');
        client.send(get('/later'));
        await client.closed;
        t.equal(client.received.match(/HTTP\/1\.1 \d{3} /g)?.length, 2);
      });
    }
    t.notMatch(upstream.received, /upgrade|http2-settings|h2c/i);
    t.notMatch(upstream.received, /after|later/);
    t.equal(upstream.requests.filter((request) => request.target === '/x').length, 3);
    for (const request of upstream.requests) t.equal(request.text.match(/connection/gi)?.length, 1);
  },
);

t.test('sizes', async (t) => {
  const upstream = await startRawUpstream(t);
  const limits = { maxHeaderBytes: 4096, maxHeaders: 20, maxTargetBytes: 1000 };
  const { port } = await startGateway(t, config(limits, [{ url: upstream.url }]));
  const long = await exchange(t, port, get(`/${'a'.repeat(1000)}`));
  t.equal(long.status, 414);
  t.equal(long.json().code, 'uri_too_long');
  t.equal((await exchange(t, port, get(`/${'a'.repeat(999)}`))).status, 200);
  const large = await exchange(t, port, get('/', `X-A: ${'a'.repeat(5000)}\r\n`));
  t.equal(large.status, 431);
  t.equal(large.json().code, 'headers_too_large');
  t.match(large.header('connection'), /close/);
  const many = await exchange(t, port, get('/', 'X-A: a\r\n'.repeat(19)));
  t.equal(many.status, 431);
  t.equal((await exchange(t, port, get('/', 'X-A: a\r\n'.repeat(18)))).status, 200);
});

t.test('any time for heads will do, also one that has no whole quarter', async (t) => {
  const upstream = await startRawUpstream(t);
  for (const headTimeoutMs of [150, 1001, 3999]) {
    const { port } = await startGateway(t, config({ headTimeoutMs }, [{ url: upstream.url }]));
    t.equal((await exchange(t, port, get('/x'))).status, 200, `${headTimeoutMs} ms`);
  }
});

t.test('a head that does not come in time: 408', async (t) => {
  const { port, reported } = await startGateway(t, config({ headTimeoutMs: 100 }));
  const client = await rawClient(t, port);
  client.send('GET / HTTP/1.1\r\nHost: a\r\n');
  const answer = await client.answer();
  t.equal(answer.status, 408);
  t.equal(answer.json().code, 'request_timeout');
  await client.closed;
  t.match((await reported(1))[0], { code: 'request_timeout', status: 408, path: '', allowed: false });
});

t.test('a connection that says nothing is closed without a word', async (t) => {
  const { port } = await startGateway(t, config({ headTimeoutMs: 100 }));
  const client = await rawClient(t, port);
  await client.closed;
  t.equal(client.received, '');
});

t.test('nonsense behind a request that is being answered does not get into its answer', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  for (const nonsense of [
    '\0\0\0\0\r\n\r\n',
    `CONNECT a:80 HTTP/1.1\r\n${HEAD}\r\n`,
    'GET / HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n',
  ]) {
    const count = upstream.requests.length;
    const client = await rawClient(t, port);
    client.send(get('/slow') + nonsense);
    const request = await upstream.request(count);
    request.ok('the whole answer');
    const answer = await client.answer();
    t.equal(answer.status, 200);
    t.equal(answer.body, 'the whole answer');
    await client.closed;
    t.equal(client.received.split('HTTP/1.1').length, 2, 'one answer');
  }
});

t.test('a body whose chunks are broken: 400, and the upstream never gets a whole request', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(`${get('/x', 'Transfer-Encoding: chunked\r\n', 'POST')}3\r\nabc\r\n`);
  const request = await upstream.request(0);
  const gone = new Promise((resolve) => request.socket.once('close', resolve));
  client.send('zz\r\n');
  t.equal((await client.answer()).status, 400);
  await gone;
  t.equal(request.complete, false);
  await client.closed;
});

t.test('a denied request with a body', async (t) => {
  const upstream = await startRawUpstream(t);
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const denied = 'Host: a\r\nAuthorization: Bearer lk_unknown\r\n';
  await t.test('small: the connection goes on after the body', async (t) => {
    const client = await rawClient(t, port);
    client.send(`POST /x HTTP/1.1\r\n${denied}Content-Length: ${get('/inner').length}\r\n\r\n${get('/inner')}`);
    t.equal((await client.answer()).status, 401);
    client.send(get('/next'));
    t.equal((await client.answer()).status, 200);
    t.equal(upstream.requests.map((request) => request.target).join(), '/next', 'the body was never a request');
  });
  await t.test('large or of unknown length: the answer arrives, then the connection closes', async (t) => {
    const count = upstream.requests.length;
    for (const framing of ['Content-Length: 10000000', 'Transfer-Encoding: chunked']) {
      const client = await rawClient(t, port);
      client.send(`POST /x HTTP/1.1\r\n${denied}${framing}\r\n\r\n`);
      const answer = await client.answer();
      t.equal(answer.status, 401);
      t.equal(answer.header('connection'), 'close');
      t.equal(answer.json().code, 'key_not_found');
      client.send(framing.startsWith('C') ? Buffer.alloc(1_000_000) : `0\r\n\r\n${get('/inner')}`);
      await client.closed;
    }
    t.equal(upstream.requests.length, count);
  });
});

t.test('more requests in flight than are allowed: 503, and less after that', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const { port } = await startGateway(t, config({ maxRequestsInFlight: 1 }, [{ url: upstream.url }]));
  const first = await rawClient(t, port);
  first.send(get('/1'));
  const request = await upstream.request(0);
  const refused = await exchange(t, port, get('/2'));
  t.equal(refused.status, 503);
  t.equal(refused.json().code, 'overloaded');
  t.equal(refused.header('x-ratelimit-remaining'), undefined, 'nothing was spent');
  request.ok();
  t.equal((await first.answer()).status, 200);
  const next = await rawClient(t, port);
  next.send(get('/3'));
  (await upstream.request(1)).ok();
  t.equal((await next.answer()).status, 200);
});

t.test('a client that sends on without waiting is cut off after a while', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const { port, gateway } = await startGateway(t, config({}, [{ url: upstream.url, maxQueued: 1000 }]));
  const client = await rawClient(t, port);
  client.send(get('/x').repeat(200));
  await upstream.request(49);
  t.ok(gateway.inFlight <= 64, `${gateway.inFlight} are worked on`);
});

t.test('more connections than are allowed are dropped', async (t) => {
  const upstream = await startRawUpstream(t);
  const { port } = await startGateway(t, config({ maxConnections: 1 }, [{ url: upstream.url }]));
  const first = await rawClient(t, port);
  first.send(get('/x'));
  await first.answer();
  const second = await rawClient(t, port);
  second.send(get('/x'));
  await second.closed;
  t.equal(second.received, '');
  first.send(get('/x'));
  t.equal((await first.answer()).status, 200);
});
