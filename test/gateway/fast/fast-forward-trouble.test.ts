import t from 'tap';
import { startRawUpstream } from '../../support/raw-upstream.ts';
import { StubBody, StubClient, until, upstreamAt } from './forward-fixture.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const LATER = 3_600_000;

t.test('a retry', async (t) => {
  await t.test('an idempotent request on a reused connection that closed is sent once more', async (t) => {
    for (const method of ['GET', 'DELETE', 'PUT', 'OPTIONS']) {
      const server = await startRawUpstream(t, (request) => {
        if (request.target === '/second' && server.requests.length === 2) request.socket.destroy();
        else request.ok(request.target);
      });
      const upstream = upstreamAt(t, server.url);
      await new StubClient(upstream, { path: '/first' }).whole();
      const client = await new StubClient(upstream, { path: '/second', method }).whole();
      t.equal(client.writer.text, '/second', method);
      t.equal(server.requests.length, 3);
      t.equal(upstream.active, 0);
    }
  });
  await t.test('not twice', async (t) => {
    const server = await startRawUpstream(t, (request) => {
      if (request.target === '/first') request.ok();
      else request.socket.resetAndDestroy();
    });
    const upstream = upstreamAt(t, server.url);
    await Promise.all([1, 2, 3].map(() => new StubClient(upstream, { path: '/first' }).whole()));
    t.equal((await new StubClient(upstream).whole()).denial?.code, 'upstream_unreachable');
    t.equal(server.requests.length, 5);
    t.equal(upstream.active, 0);
  });
  await t.test('not on a new connection, not a POST, not with a body, not after bytes of an answer', async (t) => {
    const cases: readonly (readonly [name: string, first: boolean, method: string, body: string, bytes: string])[] = [
      ['new connection', false, 'GET', '', ''],
      ['POST', true, 'POST', '', ''],
      ['body', true, 'PUT', 'a', ''],
      ['bytes', true, 'GET', '', 'H'],
    ];
    for (const [name, first, method, body, bytes] of cases) {
      const server = await startRawUpstream(t, (request) => {
        if (request.target === '/first') request.ok();
        else request.socket.end(bytes);
      });
      const upstream = upstreamAt(t, server.url);
      if (first) await new StubClient(upstream, { path: '/first' }).whole();
      const client = new StubClient(upstream, { method, body: body === '' ? null : StubBody.of(body) });
      t.equal((await client.whole()).denial?.code, bytes === '' ? 'upstream_unreachable' : 'upstream_invalid', name);
      t.equal(server.requests.length, first ? 2 : 1, name);
    }
  });
});

t.test('time', async (t) => {
  await t.test('for the head', async (t) => {
    const server = await startRawUpstream(t, (request) => {
      if (request.target === '/hints') request.reply('HTTP/1.1 103 Early Hints\r\n\r\n');
    });
    const upstream = upstreamAt(t, server.url, { headTimeoutMs: 5000 });
    for (const path of ['/silent', '/hints']) {
      const client = new StubClient(upstream, { path }).send();
      await until(() => server.requests.some((request) => request.target === path));
      if (path === '/hints') await until(() => client.writer.informational.length === 1);
      client.forward.checkDeadlines(performance.now() + 4000);
      t.equal(client.denial, null);
      client.forward.checkDeadlines(performance.now() + 5001);
      t.equal(client.denial?.code, 'upstream_timeout', path);
      t.match(client.failure, /^head_timeout/);
    }
    await until(() => server.sockets.every((socket) => socket.destroyed));
  });
  await t.test('for the head does not run while it is the client that is waited for', async (t) => {
    const server = await startRawUpstream(t, () => undefined);
    const body = new StubBody(5, ['a']);
    const client = new StubClient(upstreamAt(t, server.url), { method: 'POST', body }).send();
    await server.request(0);
    client.forward.checkDeadlines(performance.now() + LATER);
    t.equal(client.denial, null);
    body.sink?.bodyData(Buffer.from('bcde'));
    body.sink?.bodyEnd();
    client.forward.checkDeadlines(performance.now() + LATER);
    t.equal(client.denial?.code, 'upstream_timeout');
  });
  await t.test('for the head runs while the upstream does not take the request', async (t) => {
    const server = await startRawUpstream(t, (request) => request.socket.pause());
    const piece = 'a'.repeat(1_000_000);
    const body = new StubBody(1e9, [piece]);
    const client = new StubClient(upstreamAt(t, server.url), { method: 'POST', body }).send();
    await server.request(0);
    while (body.sink?.bodyData(Buffer.from(piece)) === true) await until(() => true);
    await until(() => !client.forward.awaitsClient);
    client.forward.checkDeadlines(performance.now() + LATER);
    t.equal(client.denial?.code, 'upstream_timeout');
  });
  await t.test('between pieces of the body, while the client reads', async (t) => {
    const server = await startRawUpstream(t, (request) => request.reply(`${OK}Content-Length: 10\r\n\r\nabc`));
    const upstream = upstreamAt(t, server.url, { bodyIdleTimeoutMs: 5000 });
    const client = new StubClient(upstream);
    client.writer.keepsUp = false;
    client.send();
    await until(() => client.writer.bytes === 3);
    const now = performance.now();
    for (let hour = 1; hour < 4; hour++) client.forward.checkDeadlines(now + hour * LATER);
    t.equal(client.denial, null, 'it is the client that does not read');
    client.forward.resume();
    client.forward.checkDeadlines(now + 10);
    client.forward.checkDeadlines(now + 4000);
    t.equal(client.denial, null);
    client.forward.checkDeadlines(now + 10_000);
    t.equal(client.denial?.code, 'upstream_timeout');
    t.match(client.failure, /^body_timeout/);
  });
  await t.test('in total, and for a connection to become free', async (t) => {
    const server = await startRawUpstream(t, () => undefined);
    const upstream = upstreamAt(t, server.url, { totalTimeoutMs: 60_000, maxConnections: 1 });
    const busy = new StubClient(upstream).send();
    await server.request(0);
    const waiting = new StubClient(upstream).send();
    waiting.forward.checkDeadlines(performance.now() + 6000);
    t.equal(waiting.denial, null);
    waiting.forward.checkDeadlines(performance.now() + 7001);
    t.equal(waiting.failure, 'no connection became free in time');
    t.equal(waiting.denial?.code, 'upstream_timeout');
    busy.forward.checkDeadlines(performance.now() + 60_001);
    t.equal(busy.failure, 'the total timeout passed');
    t.equal(upstream.active, 0);
    t.equal(upstream.links.size, 0);
  });
  await t.test('for a connection to come about', async (t) => {
    // One that takes connections, and says nothing on them.
    const server = await startRawUpstream(t);
    const upstream = upstreamAt(t, server.url.replace('http:', 'https:'), { connectTimeoutMs: 2000 });
    const client = new StubClient(upstream).send();
    await until(() => server.sockets.length === 1);
    upstream.links.sweep(performance.now() + 1000);
    t.equal(client.denial, null);
    upstream.links.sweep(performance.now() + 2001);
    await client.ended;
    t.equal(client.denial?.code, 'upstream_unreachable');
    t.match(client.failure, /^connect_timeout/);
  });
});

t.test('a stop', async (t) => {
  await t.test('in line, while connecting, while sending, while waiting, in the body', async (t) => {
    const server = await startRawUpstream(t, (request) => {
      if (request.target === '/begin') request.reply(`${OK}Content-Length: 10\r\n\r\nabc`);
    });
    const upstream = upstreamAt(t, server.url);
    const inLine = new StubClient(upstream, { path: '/in-line' }).send();
    inLine.forward.stop('client_gone');
    t.equal(upstream.active, 0);
    const connecting = new StubClient(upstream, { path: '/connecting' }).send();
    await until(() => upstream.links.size === 1);
    connecting.forward.stop('client_gone');
    await until(() => upstream.links.idle === 1);
    t.pass('the connection is kept for the next');
    const body = new StubBody(5, ['a']);
    const sending = new StubClient(upstream, { method: 'POST', path: '/sending', body }).send();
    await server.request(0);
    const waiting = new StubClient(upstream, { path: '/waiting' }).send();
    await server.request(1);
    const reading = new StubClient(upstream, { path: '/begin' }).send();
    await until(() => reading.writer.bytes === 3);
    for (const client of [sending, waiting, reading]) client.forward.stop('client_gone');
    t.ok(body.isDetached);
    t.equal(upstream.active, 0);
    t.equal(upstream.links.size, 0);
    await until(() => server.sockets.length === 3 && server.sockets.every((socket) => socket.destroyed));
    t.equal(server.requests.length, 3);
    for (const client of [inLine, connecting, sending, waiting, reading]) {
      t.equal(client.denial, null, 'the client’s half hears nothing more');
      client.forward.stop('request_ended');
      client.forward.checkDeadlines(performance.now() + LATER);
      client.forward.resume();
      t.equal(client.denial, null);
    }
    t.equal(upstream.active, 0);
  });
  await t.test('from within the writing of the answer', async (t) => {
    const server = await startRawUpstream(t, (request) => request.reply(`${OK}Content-Length: 3\r\n\r\nabc`));
    const upstream = upstreamAt(t, server.url);
    for (const event of ['head', 'body']) {
      const client = new StubClient(upstream);
      const gone = new Promise<void>((resolve) =>
        client.once(event, () => {
          client.forward.stop('client_gone');
          resolve();
        }),
      );
      client.send();
      await gone;
      await until(() => upstream.active === 0);
      t.equal(client.denial, null);
      t.equal(upstream.links.idle, event === 'head' ? 0 : 1, 'an answer that had come whole costs no connection');
    }
  });
});

const SIZE = 10 * 1024 * 1024;
/** What may be under way: the buffers of two sockets, and what one read brings. */
const UNDER_WAY = 6 * 1024 * 1024;

t.test('a client that does not read holds the upstream back', async (t) => {
  const server = await startRawUpstream(t, (request) => {
    request.reply(`${OK}Content-Length: ${4 * SIZE}\r\n\r\n`);
    for (let i = 0; i < 40; i++) request.reply(Buffer.alloc(SIZE / 10, 'a'));
  });
  const client = new StubClient(upstreamAt(t, server.url));
  client.writer.keepsUp = false;
  client.send();
  await until(() => client.writer.bytes > 0);
  let turns = 0;
  await until(() => ++turns > 200);
  t.ok(client.writer.bytes <= 65_536, `${client.writer.bytes} bytes were handed on`);
  const calls = client.writer.calls.length;
  client.forward.resume();
  await until(() => client.writer.calls.length > calls);
  client.writer.keepsUp = true;
  client.forward.resume();
  await client.ended;
  t.equal(client.writer.bytes, 4 * SIZE);
  t.ok(client.writer.ended);
});

t.test('an upstream that does not read holds the client back', async (t) => {
  const server = await startRawUpstream(t, (request) => {
    request.socket.pause();
    void request.body.then(() => request.ok());
  });
  let given = 0;
  const piece = Buffer.alloc(65_536, 'a');
  const pour = (): void => {
    let goesOn = true;
    while (goesOn && given < SIZE) {
      given += piece.length;
      goesOn = body.sink?.bodyData(piece) ?? false;
    }
    if (given === SIZE) body.sink?.bodyEnd();
  };
  const body: StubBody = new StubBody(SIZE, [], pour);
  const client = new StubClient(upstreamAt(t, server.url), { method: 'POST', body }).send();
  const request = await server.request(0);
  let turns = 0;
  await until(() => ++turns > 200);
  t.ok(given < UNDER_WAY, `${given} bytes were taken`);
  t.notOk(client.forward.awaitsClient);
  request.socket.resume();
  await client.ended;
  t.equal(request.bytes, SIZE);
  t.ok(body.resumed > 0);
  t.equal(client.writer.text, 'ok');
});
