import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import t from 'tap';
import { type LinkUser, UpstreamLink } from '../../../src/gateway/fast/upstream-link.ts';
import { UPSTREAM } from '../../support/gateway.ts';
import { StubBody, StubClient, upstreamAt } from './forward-fixture.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

interface Test {
  teardown(handler: () => Promise<void>): void;
}

/** An upstream that answers as soon as anything comes, and reads no more. */
async function hastyUpstream(t: Test): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.pause();
      socket.write(ANSWER);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

t.test('bytes that come before the connection is ready are no answer', async (t) => {
  const port = await hastyUpstream(t);
  const { promise: closed, resolve } = Promise.withResolvers<Error | null>();
  const user: LinkUser = {
    begin: () => t.fail('it must not begin'),
    received: () => t.fail('it must not be given them'),
    drained: () => undefined,
    closed: resolve,
  };
  const owner = { connected: () => t.fail('it must not be used'), left: () => undefined };
  const target = { host: '127.0.0.1', port, isSecure: false, session: null };
  const link = new UpstreamLink(target, { ...UPSTREAM }, owner, user, performance.now());
  link.received(Buffer.from(ANSWER, 'latin1'), ANSWER.length);
  t.match(await closed, { code: 'invalid_answer' });
  await link.whenGone();
});

t.test('an answer that comes while the request is still being sent is relayed, and ends the connection', async (t) => {
  const upstream = upstreamAt(t, `http://127.0.0.1:${await hastyUpstream(t)}`);
  // More than the system takes from a sender whose receiver does not read.
  const body = StubBody.of('a'.repeat(32 * 1024 * 1024));
  const client = await new StubClient(upstream, { method: 'POST', body }).whole();
  t.equal(client.writer.status, 200);
  t.equal(upstream.links.idle, 0, 'what of the request is not sent could be read as the next one');
  t.equal(upstream.links.size, 0);
  const small = await new StubClient(upstream, { method: 'POST', body: StubBody.of('a') }).whole();
  t.equal(small.writer.status, 200);
  t.equal(upstream.links.idle, 1);
});
