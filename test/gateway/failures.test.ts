import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { config, startGateway } from '../support/gateway.ts';
import { exchange, get, rawClient } from '../support/raw-client.ts';
import { startRawUpstream, type UpstreamRequest } from '../support/raw-upstream.ts';

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

t.test('an upstream that cannot be reached: 502, with the limits as they stand', async (t) => {
  const { port, reported } = await startGateway(t, config({}, [{ url: `http://127.0.0.1:${await closedPort()}` }]));
  const client = await rawClient(t, port);
  client.send(get('/x'));
  const answer = await client.answer();
  t.equal(answer.status, 502);
  t.equal(answer.json().code, 'upstream_unreachable');
  t.equal(answer.header('x-ratelimit-remaining'), '999');
  const [seen] = await reported(1);
  t.match(seen, { code: 'upstream_unreachable', status: 502, allowed: true, aborted: null });
  t.match(seen?.failure, /^ECONNREFUSED/);
  client.send(get('/x'));
  t.equal((await client.answer()).status, 502, 'the connection goes on');
});

t.test('a host name that does not exist: 502', async (t) => {
  const { port } = await startGateway(t, config({}, [{ url: 'http://nowhere.invalid:80' }]));
  t.equal((await exchange(t, port, get('/x'))).json().code, 'upstream_unreachable');
});

const LIES: Readonly<Record<string, { bytes: string; code: string }>> = {
  'closes without a word': { bytes: '', code: 'upstream_unreachable' },
  'talks something else': { bytes: 'SSH-2.0-OpenSSH_9.6\r\n', code: 'upstream_invalid' },
  'breaks off in the head': { bytes: 'HTTP/1.1 200 OK\r\nContent-Le', code: 'upstream_invalid' },
  'gives two lengths': {
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    code: 'upstream_invalid',
  },
  'gives a length and chunks': {
    bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
    code: 'upstream_invalid',
  },
  'gives a length that is none': { bytes: 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', code: 'upstream_invalid' },
  'has a header with a control character': {
    bytes: 'HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n',
    code: 'upstream_invalid',
  },
  'has a header that is too large': {
    bytes: `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`,
    code: 'upstream_invalid',
  },
  'switches protocols unasked': {
    bytes: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    code: 'upstream_invalid',
  },
  'switches protocols without naming one': {
    bytes: 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    code: 'upstream_invalid',
  },
  'has a status of four digits': { bytes: 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n', code: 'upstream_invalid' },
};

t.test('an upstream that lies before its head is out: 502, and the client keeps its connection', async (t) => {
  for (const [name, { bytes, code }] of Object.entries(LIES)) {
    await t.test(name, async (t) => {
      const upstream = await startRawUpstream(t, (request) => {
        if (request.method === 'GET') request.ok();
        else request.socket.end(bytes, 'latin1');
      });
      const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
      const client = await rawClient(t, port);
      client.send(get('/x', 'Content-Length: 0\r\n', 'POST'));
      const answer = await client.answer();
      t.equal(answer.status, 502);
      t.equal(answer.json().code, code);
      client.send(get('/x'));
      t.equal((await client.answer()).body, 'ok');
    });
  }
});

const SHORT: Readonly<Record<string, (request: UpstreamRequest) => void>> = {
  'less than the length': (r) => r.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'),
  'no last chunk': (r) => r.socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'),
  'a chunk that is none': (r) =>
    r.socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n'),
  'a reset': (r) => {
    r.reply('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
    setTimeout(() => r.socket.resetAndDestroy(), 20);
  },
  'a reset where only the end ends the body': (r) => {
    r.reply('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc');
    setTimeout(() => r.socket.resetAndDestroy(), 20);
  },
};

t.test('a short answer is never taken for a whole one', async (t) => {
  for (const [name, behave] of Object.entries(SHORT)) {
    await t.test(name, async (t) => {
      const upstream = await startRawUpstream(t, behave);
      const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url }]));
      const answer = await exchange(t, port, get('/x'));
      t.equal(answer.status, 200);
      t.equal(answer.whole, false);
      const old = await exchange(t, port, 'GET /x HTTP/1.0\r\nAuthorization: Bearer lk_test\r\n\r\n').catch(() => null);
      t.equal(old?.whole ?? false, false, 'nor by an HTTP/1.0 client, for whom the end is the only sign');
      for (const seen of await reported(2)) t.equal(seen.aborted, 'upstream');
    });
  }
});

t.test('an upstream that is too slow', async (t) => {
  await t.test('with its head: 504', async (t) => {
    const upstream = await startRawUpstream(t, () => undefined);
    const { port } = await startGateway(t, config({}, [{ url: upstream.url, headTimeoutMs: 100 }]));
    const answer = await exchange(t, port, get('/x'));
    t.equal(answer.status, 504);
    t.equal(answer.json().code, 'upstream_timeout');
  });
  await t.test('with its body: the connection is cut', async (t) => {
    const upstream = await startRawUpstream(t, (r) => r.reply('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url, bodyIdleTimeoutMs: 100 }]));
    const answer = await exchange(t, port, get('/x'));
    t.equal(answer.whole, false);
    t.match((await reported(1))[0], { aborted: 'upstream', code: 'upstream_timeout' });
  });
  await t.test('in total: 504', async (t) => {
    const upstream = await startRawUpstream(t, () => undefined);
    const { port } = await startGateway(t, config({}, [{ url: upstream.url, totalTimeoutMs: 100 }]));
    const answer = await exchange(t, port, get('/x'));
    t.equal(answer.json().code, 'upstream_timeout');
  });
});

t.test('a retry', async (t) => {
  await t.test('an idempotent request on a reused connection that closed is sent once more', async (t) => {
    const upstream = await startRawUpstream(t, (request) => {
      if (request.target === '/second' && upstream.requests.length === 2) request.socket.destroy();
      else request.ok(request.target);
    });
    const { port, exchanges } = await startGateway(t, config({}, [{ url: upstream.url }]));
    t.equal((await exchange(t, port, get('/first'))).body, '/first');
    t.equal((await exchange(t, port, get('/second'))).body, '/second');
    t.equal(upstream.requests.length, 3);
    t.equal(exchanges[1]?.code, null);
  });
  await t.test('not twice', async (t) => {
    const upstream = await startRawUpstream(t, (request) => {
      if (request.target === '/first') request.ok();
      else request.socket.destroy();
    });
    const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
    await exchange(t, port, get('/first'));
    t.equal((await exchange(t, port, get('/second'))).status, 502);
    t.equal(upstream.requests.length, 3);
  });
  await t.test('not on a new connection, not a POST, not with a body, not after bytes of an answer', async (t) => {
    const cases: readonly (readonly [string, string, string])[] = [
      ['new connection', '', get('/die')],
      ['POST', get('/first'), get('/die', 'Content-Length: 0\r\n', 'POST')],
      ['body', get('/first'), `${get('/die', 'Content-Length: 1\r\n', 'PUT')}a`],
      ['bytes', get('/first'), get('/begin')],
    ];
    for (const [name, before, request] of cases) {
      const upstream = await startRawUpstream(t, (r) => {
        if (r.target === '/first') r.ok();
        else r.socket.end(r.target === '/begin' ? 'HTTP/1.1 2' : '');
      });
      const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
      if (before !== '') await exchange(t, port, before);
      t.equal((await exchange(t, port, request)).status, 502, name);
      t.equal(upstream.requests.filter((r) => r.target !== '/first').length, 1, name);
    }
  });
});

t.test('a client that leaves', async (t) => {
  await t.test('before the answer: the upstream request is aborted', async (t) => {
    const upstream = await startRawUpstream(t, () => undefined);
    const { port, reported, gateway } = await startGateway(t, config({}, [{ url: upstream.url }]));
    const client = await rawClient(t, port);
    client.send(get('/x'));
    const request = await upstream.request(0);
    const gone = new Promise((resolve) => request.socket.once('close', resolve));
    client.close();
    await gone;
    t.match((await reported(1))[0], { status: 0, aborted: 'client', code: null });
    t.equal(gateway.inFlight, 0);
  });
  await t.test('in the middle of the answer', async (t) => {
    const upstream = await startRawUpstream(t, (r) => r.reply('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url }]));
    const client = await rawClient(t, port);
    client.send(get('/x'));
    await client.until('abc');
    const gone = new Promise((resolve) => upstream.sockets[0]?.once('close', resolve));
    client.close();
    await gone;
    t.match((await reported(1))[0], { status: 200, aborted: 'client', responseBytes: 3 });
  });
  await t.test('in the middle of its own body', async (t) => {
    const upstream = await startRawUpstream(t, () => undefined);
    const { port, reported } = await startGateway(t, config({}, [{ url: upstream.url }]));
    const client = await rawClient(t, port);
    client.send(`${get('/x', 'Content-Length: 10\r\n', 'POST')}abc`);
    const request = await upstream.request(0);
    const gone = new Promise((resolve) => request.socket.once('close', resolve));
    client.close();
    await gone;
    t.equal(request.complete, false);
    t.match((await reported(1))[0], { aborted: 'client', requestBytes: 3 });
  });
  await t.test('with answers still due behind another', async (t) => {
    const upstream = await startRawUpstream(t, () => undefined);
    const { port, reported, gateway } = await startGateway(t, config({}, [{ url: upstream.url }]));
    const client = await rawClient(t, port);
    client.send(get('/1') + get('/2') + get('/3'));
    await upstream.request(2);
    client.close();
    for (const seen of await reported(3)) t.match(seen, { status: 0, aborted: 'client' });
    t.equal(gateway.inFlight, 0);
  });
});

t.test('an upstream that answers before it has read the request', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    request.reply('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig');
  });
  const { port } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(`${get('/x', 'Content-Length: 1000000\r\n', 'POST')}first piece`);
  const answer = await client.answer();
  t.equal(answer.status, 413);
  t.equal(answer.body, 'big');
  t.equal(answer.header('connection'), 'close');
  client.send(get('/smuggled'));
  await client.closed;
  t.equal(upstream.requests.length, 1, 'what follows is still the body, and never a request');
});

t.test('a body that stops coming: 408, and the upstream request is aborted', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const { port } = await startGateway(t, config({ bodyIdleTimeoutMs: 100 }, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(`${get('/x', 'Content-Length: 10\r\n', 'POST')}abc`);
  const request = await upstream.request(0);
  const gone = new Promise((resolve) => request.socket.once('close', resolve));
  const answer = await client.answer();
  t.equal(answer.status, 408);
  t.equal(answer.json().code, 'request_timeout');
  await gone;
  await client.closed;
});

t.test('a broken chunk where nobody takes the Upgrade up, of which node tells nothing: 408 all the same', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const { port } = await startGateway(t, config({ bodyIdleTimeoutMs: 100 }, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  const head = 'Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n';
  client.send(`${get('/x', head, 'POST')}3\r\nabc\r\nzz\r\n\r\n${get('/smuggled')}`);
  t.equal((await client.answer()).status, 408);
  await client.closed;
  t.ok(upstream.requests.length <= 1, 'what follows is never a request');
});

t.test('a body over the limit', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const { port, reported } = await startGateway(t, config({ maxBodyBytes: 10 }, [{ url: upstream.url }]));
  await t.test('by its length: 413, nothing is sent upstream and nothing is spent', async (t) => {
    const client = await rawClient(t, port);
    client.send(get('/x', 'Content-Length: 11\r\n', 'POST'));
    t.equal((await client.answer()).json().code, 'body_too_large');
    t.equal(upstream.requests.length, 0);
    client.close();
    t.equal((await reported(1))[0]?.allowed, false);
  });
  await t.test('in chunks: 413, and the upstream never gets a whole request', async (t) => {
    const client = await rawClient(t, port);
    client.send(`${get('/x', 'Transfer-Encoding: chunked\r\n', 'POST')}5\r\nabcde\r\n`);
    const request = await upstream.request(0);
    const gone = new Promise((resolve) => request.socket.once('close', resolve));
    client.send('6\r\nfghijk\r\n0\r\n\r\n');
    t.equal((await client.answer()).json().code, 'body_too_large');
    await gone;
    t.equal(request.complete, false);
  });
});

t.test('a client that does not read is cut off after the idle time, and its upstream with it', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    request.reply('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const piece = `10000\r\n${'a'.repeat(65_536)}\r\n`;
    const pour = (): void => {
      while (!request.socket.destroyed && request.socket.write(piece));
    };
    request.socket.on('drain', pour);
    pour();
  });
  const { port, reported } = await startGateway(t, config({ bodyIdleTimeoutMs: 100 }, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.socket.pause();
  client.send(get('/x'));
  t.match((await reported(1))[0], { aborted: 'client', status: 200 });
});

t.test('one request more than the upstream may have, waiting ones included: 503', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const settings = config({}, [{ url: upstream.url, maxConnections: 1, maxQueued: 1 }]);
  const { port } = await startGateway(t, settings);
  const first = await rawClient(t, port);
  first.send(get('/1'));
  const request = await upstream.request(0);
  const second = await rawClient(t, port);
  second.send(get('/2'));
  const third = await rawClient(t, port);
  // The second may come after the third: whichever is last is the one too many.
  third.send(get('/3'));
  const refused = await Promise.race([second.answer(), third.answer()]);
  t.equal(refused.status, 503);
  t.equal(refused.json().code, 'overloaded');
  t.equal(refused.header('retry-after'), '1');
  request.ok('one');
  t.equal((await first.answer()).body, 'one');
  (await upstream.request(1)).ok('two');
});
