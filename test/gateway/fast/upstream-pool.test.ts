import { type AddressInfo, createServer } from 'node:net';
import tls from 'node:tls';
import t from 'tap';
import { startRawUpstream } from '../../support/raw-upstream.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.ts';
import { StubBody, StubClient, until, upstreamAt } from './forward-fixture.ts';

t.test('a connection is used again, the one used last first', async (t) => {
  const server = await startRawUpstream(t);
  const upstream = upstreamAt(t, server.url);
  await Promise.all([1, 2, 3].map(() => new StubClient(upstream).whole()));
  t.equal(server.sockets.length, 3);
  t.equal(upstream.links.idle, 3);
  await new StubClient(upstream, { path: '/next' }).whole();
  const last = server.requests.at(-1)?.socket;
  for (let i = 0; i < 5; i++) await new StubClient(upstream).whole();
  t.equal(server.sockets.length, 3);
  for (const request of server.requests.slice(3)) t.equal(request.socket, last);
  t.equal(upstream.active, 0);
});

t.test('those who wait are served in the order in which they came', async (t) => {
  const server = await startRawUpstream(t, () => undefined);
  const upstream = upstreamAt(t, server.url, { maxConnections: 2, maxQueued: 4 });
  const clients = ['/0', '/1', '/2', '/3', '/4', '/5'].map((path) => new StubClient(upstream, { path }).send());
  t.ok(upstream.isFull);
  await server.request(1);
  t.equal(upstream.links.size, 2);
  clients[3]?.forward.stop('client_gone');
  t.notOk(upstream.isFull, 'one that has gone makes room');
  for (let index = 0; index < 5; index++) {
    const request = await server.request(index);
    request.ok(request.target);
  }
  for (const [index, client] of clients.entries()) {
    if (index === 3) continue;
    await client.ended;
    t.equal(client.writer.text, `/${index}`);
  }
  t.strictSame(server.requests.map((request) => request.target).sort(), ['/0', '/1', '/2', '/4', '/5']);
  t.strictSame(
    server.requests.slice(2).map((request) => request.target),
    ['/2', '/4', '/5'],
  );
  t.equal(server.sockets.length, 2);
  t.equal(upstream.active, 0);
});

t.test('a connection that failed to come about makes room for the next who waits', async (t) => {
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const address = gone.address() as AddressInfo;
  await new Promise((resolve) => gone.close(resolve));
  const upstream = upstreamAt(t, `http://127.0.0.1:${address.port}`, { maxConnections: 1 });
  const body = StubBody.of('a');
  const clients = [
    new StubClient(upstream),
    new StubClient(upstream, { method: 'POST', body }),
    new StubClient(upstream),
  ];
  await Promise.all(clients.map((client) => client.whole()));
  for (const client of clients) {
    t.equal(client.denial?.code, 'upstream_unreachable');
    t.match(client.failure, /^ECONNREFUSED/);
  }
  t.equal(body.sink, null, 'not a byte was asked for');
  t.equal(upstream.active, 0);
  t.equal(upstream.links.size, 0);
});

t.test('bytes and ends on an idle connection end it', async (t) => {
  const server = await startRawUpstream(t);
  const upstream = upstreamAt(t, server.url, { keepAliveTimeoutMs: 3_600_000 });
  for (const end of ['bytes', 'fin', 'reset']) {
    await new StubClient(upstream).whole();
    const socket = server.sockets.at(-1);
    if (end === 'bytes') socket?.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged');
    else if (end === 'fin') socket?.end();
    else socket?.resetAndDestroy();
    await until(() => upstream.links.size === 0);
    t.equal((await new StubClient(upstream).whole()).writer.text, 'ok', end);
    upstream.links.sweep(Number.MAX_VALUE);
    t.equal(upstream.links.size, 0);
  }
});

t.test('idle connections go when their time is over', async (t) => {
  const server = await startRawUpstream(t, (request) =>
    request.ok('ok', `Keep-Alive: timeout=${request.target.slice(1)}\r\n`),
  );
  const upstream = upstreamAt(t, server.url, { keepAliveTimeoutMs: 60_000 });
  const spent = await new StubClient(upstream, { path: '/1' }).whole();
  t.equal(spent.writer.text, 'ok');
  t.equal(upstream.links.size, 0, 'a second is less than the margin');
  await new StubClient(upstream, { path: '/30' }).whole();
  upstream.links.sweep(performance.now() + 28_000);
  t.equal(upstream.links.idle, 1);
  upstream.links.sweep(performance.now() + 29_500);
  t.equal(upstream.links.size, 0);
  await new StubClient(upstream, { path: '/1000' }).whole();
  upstream.links.sweep(performance.now() + 59_000);
  t.equal(upstream.links.idle, 1);
  upstream.links.sweep(performance.now() + 60_500);
  t.equal(upstream.links.size, 0, 'no longer than the gateway itself wants');
  await until(() => server.sockets.every((socket) => socket.destroyed));
});

t.test('a connection whose upstream wants it closed is not used again', async (t) => {
  const server = await startRawUpstream(t, (request) => request.ok('ok', 'Connection: close\r\n'));
  const upstream = upstreamAt(t, server.url);
  await new StubClient(upstream).whole();
  t.equal(upstream.links.size, 0);
});

t.test('a pool that closes lets what is under way end; one that is destroyed does not', async (t) => {
  const server = await startRawUpstream(t, () => undefined);
  const upstream = upstreamAt(t, server.url, { maxConnections: 2 });
  const client = new StubClient(upstream).send();
  const request = await server.request(0);
  let closed = false;
  upstream.links.close(() => {
    closed = true;
  });
  t.notOk(closed);
  request.ok('whole');
  await client.ended;
  t.equal(client.writer.text, 'whole');
  t.ok(closed);
  const other = upstreamAt(t, server.url, { maxConnections: 1 });
  const cut = [new StubClient(other).send(), new StubClient(other).send()];
  await server.request(1);
  await other.links.destroy();
  for (const each of cut) {
    await each.ended;
    t.equal(each.denial?.code, 'upstream_unreachable');
  }
  await new StubClient(other).whole();
  t.equal(other.active, 0);
  t.equal(other.links.size, 0);
});

t.test('over TLS', async (t) => {
  const names: (string | false)[] = [];
  const server = tls.createServer(
    { cert: CERTIFICATE, key: CERTIFICATE_KEY, ALPNProtocols: ['http/1.1'] },
    (socket) => {
      names.push(socket.servername === false ? false : (socket.servername ?? ''));
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        const large = data.includes('/large');
        socket.write(
          `HTTP/1.1 200 OK\r\nContent-Length: ${large ? 1_000_000 : 2}\r\n\r\n${large ? 'a'.repeat(1_000_000) : 'ok'}`,
        );
      });
    },
  );
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;

  const stranger = await new StubClient(upstreamAt(t, `https://localhost:${port}`)).whole();
  t.equal(stranger.denial?.code, 'upstream_unreachable', 'whose certificate nobody vouches for is not spoken to');
  t.match(stranger.failure, /^DEPTH_ZERO_SELF_SIGNED_CERT/);

  const trusted = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...trusted, CERTIFICATE]);
  t.teardown(() => tls.setDefaultCACertificates(trusted));
  for (const host of ['localhost', '127.0.0.1']) {
    const upstream = upstreamAt(t, `https://${host}:${port}`);
    t.ok(upstream.links.isWritable);
    t.equal((await new StubClient(upstream).whole()).writer.text, 'ok');
    t.equal((await new StubClient(upstream, { path: '/large' }).whole()).writer.bytes, 1_000_000);
    t.equal(upstream.links.idle, 1);
  }
  t.strictSame(names.slice(-2), ['localhost', false]);
});

t.test('what cannot be written as it is, is left to the general path', async (t) => {
  t.notOk(upstreamAt(t, 'https://127.0.0.1:1', { preserveHost: true }).links.isWritable);
  t.ok(upstreamAt(t, 'http://127.0.0.1:1', { preserveHost: true }).links.isWritable);
  for (const authorization of ['a\r\nX: 1', 'a\0', 'Ċ']) {
    t.notOk(upstreamAt(t, 'http://127.0.0.1:1', { authorization }).links.isWritable);
  }
});
