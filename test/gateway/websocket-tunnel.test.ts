import { numOpenSockets } from 'http-proxy-3';
import t from 'tap';
import { WebSocket } from 'ws';
import {
  dialRaw,
  frame,
  openTunnel,
  rawUpstream,
  readClose,
  start,
  switchHead,
  upgradeHead,
  wsUpstream,
} from './websocket-fixture.ts';

const TEXT = 1;
const CLOSE = 8;
const idle = (idleTimeoutMs: number) => ({ proxy: { websocket: { idleTimeoutMs, maxConnectionsPerKey: 10 } } });

t.test('an end of one direction is passed on, and the other goes on', async (t) => {
  const { client, upstream, reported } = await openTunnel(t);
  client.write(frame(TEXT, 'last', true));
  client.socket.end();
  await upstream.until((wire) => wire.ended);
  t.match(upstream.text, /last$/);
  upstream.write(frame(TEXT, 'still here', false));
  await client.until(({ text }) => text.endsWith('still here'));
  upstream.socket.end();
  await client.until((wire) => wire.ended);
  const [seen] = await reported(1);
  t.match(seen, { status: 101, aborted: 'client', requestBytes: 10, responseBytes: 12 }, 'it ended without a Close');
});

t.test('the end of an upstream is passed on, and what the client still sends reaches it', async (t) => {
  const { client, upstream, reported } = await openTunnel(t);
  upstream.socket.end(frame(CLOSE, '', false));
  await client.until((wire) => wire.ended);
  t.equal(client.text, '\x88\x00');
  client.write(frame(CLOSE, '', true));
  await upstream.until(({ text }) => text.length === 6);
  client.socket.end();
  await upstream.until((wire) => wire.ended);
  t.match(await reported(1), [{ aborted: null }]);
});

t.test('a reset is passed on in both directions', async (t) => {
  const one = await openTunnel(t);
  one.client.socket.resetAndDestroy();
  await one.upstream.closed;
  t.ok(one.upstream.wasReset);
  t.match(await one.reported(1), [{ aborted: 'client' }]);
  const other = await openTunnel(t);
  other.upstream.socket.resetAndDestroy();
  await other.client.closed;
  t.ok(other.client.wasReset);
  t.match(await other.reported(1), [{ aborted: 'upstream' }]);
});

t.test('an upstream that goes on sending to a client that is gone is cut', async (t) => {
  const { client, upstream, reported } = await openTunnel(t);
  const timer = setInterval(() => upstream.write(frame(TEXT, 'tick', false)), 5);
  t.teardown(() => clearInterval(timer));
  client.socket.destroy();
  await upstream.closed;
  t.match(await reported(1), [{ aborted: 'client' }]);
});

t.test('who does not read stops who sends, and loses nothing', async (t) => {
  const { client, upstream } = await openTunnel(t);
  for (const [from, to] of [
    [upstream, client],
    [client, upstream],
  ] as const) {
    to.received = Buffer.alloc(0);
    to.socket.pause();
    const piece = Buffer.alloc(256 * 1024, 'p');
    let sent = 0;
    // A write whose bytes the system has taken in: beyond the buffers on the way there are none.
    const taken = (): Promise<boolean> =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(false), 500);
        from.socket.write(piece, () => {
          clearTimeout(timer);
          resolve(true);
        });
        sent += piece.length;
      });
    while (await taken()) {
      if (sent > 200 * 1024 * 1024) break;
    }
    t.ok(sent < 100 * 1024 * 1024, `stopped after ${sent} bytes`);
    to.socket.resume();
    await to.until((wire) => wire.received.length === sent);
  }
});

t.test('a tunnel without a byte is closed with 1001 to both sides', async (t) => {
  const { client, upstream, reported } = await openTunnel(t, idle(150));
  await client.until((wire) => readClose(wire.received) !== null);
  t.match(readClose(client.received), { code: 1001, masked: false });
  await upstream.until((wire) => readClose(wire.received) !== null);
  t.match(readClose(upstream.received), { code: 1001, masked: true });
  client.write(frame(CLOSE, '\x03\xe9', true));
  await client.until((wire) => wire.ended);
  upstream.write(frame(CLOSE, '\x03\xe9', false));
  await upstream.until((wire) => wire.ended);
  client.socket.end();
  upstream.socket.end();
  const [seen] = await reported(1);
  t.match(seen, { status: 101, aborted: 'gateway', code: null });
  t.equal(readClose(client.received)?.code, 1001, 'the answers were meant for the gateway alone');
});

t.test('bytes in either direction keep a tunnel open', async (t) => {
  const { client, upstream, upgrader } = await openTunnel(t, idle(1500));
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    for (let i = 1; i <= 5; i++) {
      to.received = Buffer.alloc(0);
      await new Promise((resolve) => setTimeout(resolve, 400));
      from.write('x');
      await to.until(({ text }) => text === 'x');
    }
  }
  t.equal(upgrader.open, 1);
});

t.test('a tunnel of which one side has ended does not stay for nothing', async (t) => {
  const { client, upstream, reported } = await openTunnel(t, idle(150));
  client.socket.end();
  await upstream.until((wire) => wire.ended);
  t.match(await reported(1), [{ status: 101 }]);
});

t.test('a client that is gone without a Close holds its upstream only for a moment', async (t) => {
  const upgrader = { waits: { abandonedMs: 30 } };
  const server = await rawUpstream(t);
  const { port, reported, upgrader: running } = await start(t, server.url, { upgrader });
  const open = async () => {
    const client = await dialRaw(t, port);
    client.write(upgradeHead());
    const upstream = await server.next();
    await upstream.head();
    upstream.write(switchHead());
    await client.head();
    return { client, upstream };
  };
  const polite = await open();
  const gone = await open();
  polite.client.socket.end(frame(CLOSE, '', true));
  await polite.upstream.until((wire) => wire.ended);
  gone.client.socket.destroy();
  await gone.upstream.until((wire) => wire.ended);
  t.match(await reported(1), [{ status: 101, aborted: 'client', requestBytes: 0 }]);
  t.equal(running.open, 1, 'whoever has said that it closes may have its answer');
  polite.upstream.socket.end(frame(CLOSE, '', false));
  await polite.client.until((wire) => wire.ended);
  t.equal(polite.client.text, '\x88\x00');
  t.match(await reported(2), [{}, { aborted: null, requestBytes: 6 }]);
});

t.test('on drain each side gets a 1001, once the frame under way has ended', async (t) => {
  const { client, upstream, gateway, reported } = await openTunnel(t);
  const down = frame(TEXT, 'down', false);
  const up = frame(TEXT, 'up', true);
  upstream.write(down.subarray(0, 3));
  client.write(up.subarray(0, 4));
  await client.until((wire) => wire.received.length === 3);
  await upstream.until((wire) => wire.received.length === 4);
  const drained = gateway.drain();
  upstream.write(Buffer.concat([down.subarray(3), frame(TEXT, 'too late', false)]));
  client.write(Buffer.concat([up.subarray(4), frame(TEXT, 'too late', true)]));
  await client.until(({ received }) => readClose(received.subarray(down.length)) !== null);
  await upstream.until(({ received }) => readClose(received.subarray(up.length)) !== null);
  t.same(client.received.subarray(0, down.length), down);
  t.match(readClose(client.received.subarray(down.length)), { code: 1001, masked: false });
  t.same(upstream.received.subarray(0, up.length), up);
  t.match(readClose(upstream.received.subarray(up.length)), { code: 1001, masked: true });
  client.write(frame(CLOSE, '', true));
  upstream.write(frame(CLOSE, '', false));
  await Promise.all([client.until((wire) => wire.ended), upstream.until((wire) => wire.ended)]);
  client.socket.end();
  upstream.socket.end();
  await drained;
  t.match(await reported(1), [{ aborted: 'gateway' }]);
});

t.test('on drain a client of the ws package closes with 1001', async (t) => {
  const codes: number[] = [];
  const upstream = await wsUpstream(t, (socket) => socket.on('close', (code) => codes.push(code)));
  const { port, gateway, upgrader } = await start(t, upstream.url);
  const clients = await Promise.all(
    [1, 2, 3].map(async () => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: { authorization: 'Bearer lk_test' } });
      await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject));
      return client;
    }),
  );
  const closed = clients.map((client) => new Promise((resolve) => client.once('close', resolve)));
  await gateway.drain();
  t.same(await Promise.all(closed), [1001, 1001, 1001]);
  t.same(codes, [1001, 1001, 1001]);
  t.equal(upgrader.open, 0);
  t.equal(numOpenSockets(), 0, 'the proxy library has let go of everything');
});

t.test('on drain those that do not answer are cut after a moment', async (t) => {
  const { client, upstream, upgrader } = await openTunnel(t, { upgrader: { waits: { closeMs: 50 } } });
  await upgrader.drain();
  await Promise.all([client.until((wire) => wire.ended), upstream.until((wire) => wire.ended)]);
  for (const wire of [client, upstream]) t.match(readClose(wire.received), { code: 1001 }, 'they were asked');
});

t.test('on drain an upstream that sends no frames is cut at once', async (t) => {
  const { client, upstream, upgrader } = await openTunnel(t);
  upstream.write('\x83\x05no frame');
  await client.until(({ text }) => text.endsWith('no frame'));
  const began = performance.now();
  await upgrader.drain();
  t.ok(performance.now() - began < 1500);
  t.match(client.text, /no frame$/, 'and nothing was put in');
});

t.test('on drain a client whose frames are broken still gets its Close', async (t) => {
  const { client, upstream, upgrader } = await openTunnel(t);
  client.write('not frames');
  await upstream.until(({ text }) => text === 'not frames');
  const drained = upgrader.drain();
  await client.until((wire) => readClose(wire.received) !== null);
  t.match(readClose(client.received), { code: 1001 });
  client.socket.end();
  upstream.socket.end();
  await drained;
  t.equal(upstream.text, 'not frames');
});

t.test('once a drain has begun no WebSocket is opened', async (t) => {
  const server = await rawUpstream(t);
  const { port, upgrader, reported } = await start(t, server.url);
  const waiting = await dialRaw(t, port);
  waiting.write(upgradeHead());
  const asked = await server.next();
  await asked.head();
  const drained = upgrader.drain();
  const late = await dialRaw(t, port);
  late.write(upgradeHead());
  for (const client of [waiting, late]) {
    t.match(await client.head(), /^HTTP\/1\.1 503 /);
    await client.until((wire) => wire.ended);
    t.match(client.text, '"code":"overloaded"');
    client.socket.end();
  }
  await asked.until((wire) => wire.ended || wire.socket.closed);
  await drained;
  t.match(await reported(2), [{ status: 503 }, { status: 503 }]);
  t.equal(server.connections.length, 1);
});

t.test('what is cut ends at once', async (t) => {
  const { client, upstream, upgrader, reported } = await openTunnel(t);
  upgrader.close();
  await Promise.all([client.until((wire) => wire.ended), upstream.until((wire) => wire.ended)]);
  t.match(await reported(1), [{ status: 101, aborted: 'gateway' }]);
  t.equal(upgrader.open, 0);
});
