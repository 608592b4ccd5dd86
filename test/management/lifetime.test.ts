import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { z } from 'zod';
import { endpoint } from '../../src/management/endpoint.ts';
import type { ManagementServerOptions } from '../../src/management/server.ts';
import { exchange, rawClient } from '../support/raw-client.ts';
import { start } from './fixture.ts';

/** An endpoint that answers when the test says so, one that answers at once, and one with a body. */
async function startSlow(t: Test, changes: Partial<ManagementServerOptions> = {}) {
  const asked = Promise.withResolvers<AbortSignal>();
  const answerNow = Promise.withResolvers<void>();
  const order: string[] = [];
  const about = { tag: 'T', summary: 's', answers: { 200: null } } as const;
  const started = await start(
    t,
    [
      endpoint({
        ...about,
        method: 'GET',
        path: '/slow',
        operationId: 'slow',
        handle: async ({ signal }) => {
          order.push('slow begins');
          asked.resolve(signal);
          await answerNow.promise;
          order.push('slow ends');
          return { status: 200, body: 'slow' };
        },
      }),
      endpoint({
        ...about,
        method: 'GET',
        path: '/quick',
        operationId: 'quick',
        handle: async () => {
          order.push('quick');
          return { status: 200, body: 'quick' };
        },
      }),
      endpoint({
        ...about,
        method: 'POST',
        path: '/body',
        operationId: 'body',
        body: z.unknown(),
        handle: async () => ({ status: 200, body: 'body' }),
      }),
    ],
    changes,
  );
  return { ...started, asked: asked.promise, answerNow: () => answerNow.resolve(), order };
}

t.test('requests that a client sends without waiting are done one after the other', async (t) => {
  const { port, raw, asked, answerNow, order, ask } = await startSlow(t);
  const client = await rawClient(t, port);
  client.send(raw('GET', '/slow') + raw('GET', '/quick'));
  await asked;
  // While others are served, the second one has its chance to overtake.
  for (let i = 0; i < 5; i++) await ask('/nothing');
  t.strictSame(order, ['slow begins']);
  answerNow();
  t.equal((await client.answer()).body, '"slow"');
  t.equal((await client.answer()).body, '"quick"');
  t.strictSame(order, ['slow begins', 'slow ends', 'quick']);
});

t.test('a client that sends many without waiting is cut off', async (t) => {
  const { port, raw, url } = await startSlow(t);
  const client = await rawClient(t, port);
  client.send(raw('GET', '/slow') + raw('GET', '/quick').repeat(16));
  await client.closed;
  t.equal((await fetch(url)).status, 404);
});

t.test('heads and bodies that do not come in time are given up', async (t) => {
  const { port, raw } = await startSlow(t, { timeouts: { head: 100, request: 200 } });
  const head = await exchange(t, port, 'GET /quick HTTP/1.1\r\nHost: a\r\n');
  t.equal(head.status, 408);
  t.match(head.json(), { code: 'request_timeout' });
  const body = raw('POST', '/body', 'Content-Type: application/json\r\nContent-Length: 10\r\n');
  const late = await exchange(t, port, `${body}{"a"`);
  t.equal(late.status, 408);
  const silent = await rawClient(t, port);
  await silent.closed;
  t.equal(silent.received, '', 'who said nothing is told nothing');
});

t.test('a connection without a request closes after a while, and one that moves no byte', async (t) => {
  const { port, raw, asked } = await startSlow(t, { timeouts: { keepAlive: 50, idle: 300 } });
  const idle = await rawClient(t, port);
  idle.send(raw('GET', '/quick'));
  await idle.answer();
  await idle.closed;
  const stuck = await rawClient(t, port);
  stuck.send(raw('GET', '/slow'));
  const signal = await asked;
  await stuck.closed;
  if (!signal.aborted) await once(signal, 'abort');
  t.equal(signal.aborted, true);
});

t.test('connections are bounded', async (t) => {
  const { port } = await startSlow(t);
  const sockets = Array.from({ length: 270 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  t.teardown(() => sockets.forEach((socket) => void socket.destroy()));
  const refused = Promise.withResolvers<void>();
  let closed = 0;
  for (const socket of sockets) {
    socket.on('close', () => {
      if (++closed === 14) refused.resolve();
    });
  }
  await refused.promise;
  t.equal(sockets.filter((socket) => !socket.destroyed).length, 256);
});

t.test('who leaves is noticed, and no failure of theirs is told', async (t) => {
  const { port, raw, asked, told, answerNow, url } = await startSlow(t);
  const client = await rawClient(t, port);
  client.send(raw('GET', '/slow'));
  const signal = await asked;
  client.close();
  if (!signal.aborted) await once(signal, 'abort');
  answerNow();
  const half = await rawClient(t, port);
  half.send(raw('POST', '/body', 'Content-Type: application/json\r\nContent-Length: 10\r\n'));
  half.close();
  t.equal((await fetch(url)).status, 404);
  t.strictSame(told, []);
});

t.test('closing lets an answer finish, and closes its connection and idle ones', async (t) => {
  const { server, port, raw, asked, answerNow } = await startSlow(t);
  const idle = await rawClient(t, port);
  const busy = await rawClient(t, port);
  busy.send(raw('GET', '/slow'));
  await asked;
  const closed = server.close();
  t.equal(server.close(), closed, 'once');
  answerNow();
  const answer = await busy.answer();
  t.equal(answer.body, '"slow"');
  t.equal(answer.header('connection'), 'close');
  await idle.closed;
  await closed;
  t.equal(server.address, null);
});

t.test('closing cuts an answer that does not end', async (t) => {
  const { server, ask, asked } = await startSlow(t, { timeouts: { close: 50 } });
  const failed = t.rejects(ask('/slow'));
  await asked;
  await server.close();
  await failed;
});

t.test('closing waits for an answer that is written and not yet taken', async (t) => {
  const size = 8 * 1024 * 1024;
  const path = '/large';
  const documents = [{ path, type: 'text/plain', body: () => 'x'.repeat(size) }];
  const { server, port, raw } = await startSlow(t, { documents });
  const client = await rawClient(t, port);
  client.send(raw('GET', path));
  await client.until('\r\n\r\n');
  client.socket.pause();
  const closed = server.close();
  client.socket.resume();
  const answer = await client.answer();
  t.equal(answer.bytes, size);
  await closed;
});

t.test('closing what is closed does nothing', async (t) => {
  const { server } = await startSlow(t);
  await server.close();
  await server.close();
  t.equal(server.address, null);
});
