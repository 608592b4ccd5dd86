import t from 'tap';
import { config, startGateway } from '../support/gateway.ts';
import { exchange, get, rawClient } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

t.test('a request goes to the upstream and its answer comes back', async (t) => {
  const upstream = await startRawUpstream(t, (request) =>
    request.ok('{"a":1}', 'X-Thing: 1\r\nContent-Type: application/json\r\n'),
  );
  const { port, reported } = await startGateway(t, config({}, [{ url: `${upstream.url}/base` }]));
  const answer = await exchange(t, port, get('/api/things/%41?x=%2F..'));
  t.equal(answer.status, 200);
  t.equal(answer.body, '{"a":1}');
  t.equal(answer.header('x-thing'), '1');
  t.equal(answer.header('content-length'), '7');
  t.equal(answer.header('x-ratelimit-limit'), '1000');
  const [request] = upstream.requests;
  t.equal(request?.head.start, 'GET /base/api/things/A?x=%2F.. HTTP/1.1', 'canonical path, query as sent');
  t.equal(request?.header('host'), `127.0.0.1:${upstream.port}`);
  t.equal(request?.header('authorization'), undefined);
  t.equal(request?.header('x-latchkey-key-id'), 'key_test');
  const [seen] = await reported(1);
  t.match(seen, { method: 'GET', path: '/api/things/A', route: '* /*', status: 200, code: null, aborted: null });
  t.match(seen, { keyId: 'key_test', allowed: true, requestBytes: 0, responseBytes: 7, failure: null });
  t.type(seen?.upstreamMs, 'number');
});

t.test('one connection carries many requests, and they are answered in order', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    if (request.target === '/slow') setTimeout(() => request.ok('slow'), 50);
    else request.ok(request.target);
  });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/slow') + get('/a') + get('/b'));
  t.equal((await client.answer()).body, 'slow');
  t.equal((await client.answer()).body, '/a');
  t.equal((await client.answer()).body, '/b');
});

t.test('HEAD, 204 and 304 have no body and keep the connection', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    if (request.method === 'HEAD') request.reply('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n');
    else if (request.target === '/204') request.reply('HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n');
    else if (request.target === '/304')
      request.reply('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 9\r\n\r\n');
    else request.ok('body');
  });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/x', '', 'HEAD'));
  const head = await client.answer('HEAD');
  t.equal(head.header('content-length'), '500');
  client.send(get('/204'));
  const none = await client.answer();
  t.equal(none.status, 204);
  t.equal(none.header('content-length'), undefined);
  t.equal(none.header('transfer-encoding'), undefined);
  client.send(get('/304'));
  const same = await client.answer();
  t.equal(same.status, 304);
  t.equal(same.header('etag'), '"x"');
  client.send(get('/last'));
  t.equal((await client.answer()).body, 'body');
});

t.test('an answer without a length is chunked, and closes the connection of an HTTP/1.0 client', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    request.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end');
  });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const modern = await exchange(t, port, get('/x'));
  t.equal(modern.header('transfer-encoding'), 'chunked');
  t.equal(modern.body, 'to the end');
  t.ok(modern.whole);
  const old = await exchange(t, port, 'GET /x HTTP/1.0\r\nAuthorization: Bearer lk_test\r\n\r\n');
  t.equal(old.header('transfer-encoding'), undefined);
  t.equal(old.body, 'to the end');
  t.ok(old.whole);
});

t.test('the first piece of a stream arrives before the second is made', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    request.reply('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
  });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/events'));
  await client.until('\r\n\r\n');
  const request = await upstream.request(0);
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    request.reply(`9\r\n${event}\r\n`);
    await client.until(event);
  }
  request.reply('0\r\n\r\n');
  const answer = await client.answer();
  t.equal(answer.body, 'data: 1\n\ndata: 2\n\n');
  t.ok(answer.whole);
});

t.test('informational answers are relayed, the final one follows', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    request.reply('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Request-Id: theirs\r\n\r\n');
    request.reply('HTTP/1.1 102 Processing\r\n\r\n');
    request.ok('done');
  });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/x'));
  const hints = await client.head();
  t.match(hints.start, /^HTTP\/1.1 103 /);
  t.same(hints.headers, [['Link', '</a.css>; rel=preload']]);
  t.match((await client.head()).start, /^HTTP\/1.1 102 /);
  t.equal((await client.answer()).body, 'done');
  const old = await exchange(t, port, 'GET /x HTTP/1.0\r\nAuthorization: Bearer lk_test\r\n\r\n');
  t.equal(old.status, 200, 'an HTTP/1.0 client is told of none');
  t.notMatch(old.body, /103/);
});

t.test('several Set-Cookie headers stay several, in order', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    request.ok('', 'Set-Cookie: a=1; Path=/\r\nX-Between: 1\r\nset-cookie: b=2\r\nSet-Cookie: a=3\r\n');
  });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const answer = await exchange(t, port, get('/x'));
  const cookies = answer.head.headers.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value);
  t.same(cookies, ['a=1; Path=/', 'b=2', 'a=3']);
});

t.test('a body with a length and one in chunks reach the upstream as they were', async (t) => {
  const upstream = await startRawUpstream(t, (request) => void request.body.then((body) => request.ok(body)));
  const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(`${get('/a', 'Content-Length: 5\r\n', 'POST')}hello`);
  t.equal((await client.answer()).body, 'hello');
  t.equal(upstream.requests[0]?.header('content-length'), '5');
  client.send(
    `${get('/b', 'Transfer-Encoding: chunked\r\nTrailer: X-T\r\n', 'PUT')}3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nX-T: 1\r\n\r\n`,
  );
  t.equal((await client.answer()).body, 'abcdefg');
  t.equal(upstream.requests[1]?.header('transfer-encoding'), 'chunked');
  t.equal(upstream.requests[1]?.header('content-length'), undefined);
  t.notMatch(upstream.received, /X-T/, 'trailers end at the gateway');
  client.send(get('/c', 'Content-Length: 0\r\n', 'POST'));
  t.equal((await client.answer()).status, 200);
  t.equal(upstream.requests[2]?.header('content-length'), '0');
  const seen = await reported(3);
  t.same(
    seen.map((exchange) => exchange.requestBytes),
    [5, 7, 0],
  );
});

t.test('a GET and a DELETE may have a body too', async (t) => {
  const upstream = await startRawUpstream(t, (request) => void request.body.then((body) => request.ok(body)));
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  for (const method of ['GET', 'DELETE']) {
    const answer = await exchange(t, port, `${get('/a', 'Content-Length: 5\r\n', method)}hello`);
    t.equal(answer.body, 'hello', method);
  }
});

t.test('Expect: 100-continue is answered by the gateway, and only for a request that may pass', async (t) => {
  const upstream = await startRawUpstream(t, (request) => void request.body.then((body) => request.ok(body)));
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/a', 'Content-Length: 5\r\nExpect: 100-continue\r\n', 'POST'));
  t.equal((await client.head()).start, 'HTTP/1.1 100 Continue');
  client.send('hello');
  t.equal((await client.answer()).body, 'hello');
  t.equal(upstream.requests[0]?.header('expect'), undefined);

  const stranger = await rawClient(t, port);
  stranger.send('POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
  const denied = await stranger.head();
  t.match(denied.start, /^HTTP\/1.1 401 /);
  await stranger.closed;
  t.equal(upstream.requests.length, 1);
});

t.test(
  'an expectation without a body, or behind another request, closes the connection: nothing behind it is forwarded',
  async (t) => {
    const upstream = await startRawUpstream(t, (request) => void request.body.then((body) => request.ok(body)));
    const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
    const expect = 'Expect: 100-continue\r\n';
    const requests: Readonly<Record<string, string>> = {
      'without a body': get('/a', expect),
      'with an empty one': get('/a', `${expect}Content-Length: 0\r\n`, 'POST'),
      'behind another request': `${get('/first')}${get('/a', `${expect}Content-Length: 5\r\n`, 'POST')}hello`,
    };
    for (const [name, bytes] of Object.entries(requests)) {
      const client = await rawClient(t, port);
      client.send(bytes + get('/behind'));
      if (name.startsWith('behind')) t.equal((await client.answer()).status, 200);
      const answer = await client.answer();
      t.equal(answer.status, 200, name);
      t.equal(answer.header('connection'), 'close', name);
      await client.closed;
      // Behind another request it is worked on once that one is answered, and then it gets its 100.
      t.equal(client.received.includes('100 Continue'), name.startsWith('behind'), name);
    }
    t.notOk(upstream.requests.some((request) => request.target === '/behind'));
  },
);
