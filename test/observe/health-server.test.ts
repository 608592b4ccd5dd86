import { once } from 'node:events';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import t, { type Test } from 'tap';
import { createHealthServer, type HealthServerOptions } from '../../src/observe/health-server.ts';

const READY = { store: { met: true, detail: 'answers' }, listening: { met: true, detail: 'accepts connections' } };

async function start(t: Test, changes: Partial<HealthServerOptions> = {}) {
  const server = createHealthServer({
    listen: { host: '127.0.0.1', port: 0 },
    ready: async () => READY,
    metrics: { contentType: 'text/plain; version=0.0.4', render: async () => 'a_metric 1\n' },
    ...changes,
  });
  const { port } = await server.listen();
  t.teardown(() => server.close());
  return { server, port, url: `http://127.0.0.1:${port}` };
}

/** Opens a connection, sends the text, and resolves to what came back when the other side closed. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let got = '';
  socket.on('data', (chunk) => {
    got += chunk;
  });
  socket.on('error', () => {});
  socket.write(text);
  await once(socket, 'close');
  return got;
}

t.test('it is alive as long as it answers', async (t) => {
  const { url, server, port } = await start(t, { ready: () => Promise.reject(new Error('broken')) });
  const answer = await fetch(`${url}/livez`);
  t.equal(answer.status, 200);
  t.strictSame(await answer.json(), { live: true });
  t.strictSame(server.address, { host: '127.0.0.1', port });
});

t.test('it is ready when all conditions are met, and says which is not', async (t) => {
  let conditions: Record<string, { met: boolean; detail: string }> = READY;
  const { url } = await start(t, { ready: async () => conditions });
  const ready = await fetch(`${url}/readyz?verbose`);
  t.equal(ready.status, 200);
  t.equal(ready.headers.get('content-type'), 'application/json');
  t.equal(ready.headers.get('cache-control'), 'no-store');
  t.strictSame(await ready.json(), { ready: true, conditions: READY });
  conditions = { ...READY, store: { met: false, detail: 'has not answered for 3 s' } };
  const not = await fetch(`${url}/readyz`);
  t.equal(not.status, 503);
  t.strictSame(await not.json(), { ready: false, conditions });
});

t.test('conditions that cannot be found out are not met, and nothing of the failure is told', async (t) => {
  const { url } = await start(t, {
    ready: () => Promise.reject(new Error('hunter2')),
    metrics: { contentType: 'text/plain', render: () => Promise.reject(new Error('hunter2')) },
  });
  const ready = await fetch(`${url}/readyz`);
  t.equal(ready.status, 503);
  t.notMatch(await ready.text(), 'hunter2');
  const metrics = await fetch(`${url}/metrics`);
  t.equal(metrics.status, 500);
  t.notMatch(await metrics.text(), 'hunter2');
  t.equal((await fetch(`${url}/livez`)).status, 200);
});

t.test('metrics are served as they are rendered, and scrapes at the same time share the work', async (t) => {
  let renders = 0;
  const { url, port } = await start(t, {
    metrics: {
      contentType: 'text/plain; version=0.0.4',
      render: async () => {
        await new Promise(setImmediate);
        renders++;
        return 'a_metric 1\n';
      },
    },
  });
  const scrape = 'GET /metrics HTTP/1.1\r\nHost: a\r\n';
  const answers = await raw(port, `${`${scrape}\r\n`.repeat(4)}${scrape}Connection: close\r\n\r\n`);
  t.equal(answers.match(/a_metric 1\n/g)?.length, 5);
  t.equal(renders, 1);
  const next = await fetch(`${url}/metrics`);
  t.equal(next.headers.get('content-type'), 'text/plain; version=0.0.4');
  t.equal(await next.text(), 'a_metric 1\n');
  t.equal(renders, 2, 'the next is made anew');
});

t.test('HEAD answers as GET does, without the body', async (t) => {
  const { url } = await start(t);
  for (const page of ['/livez', '/readyz', '/metrics']) {
    const answer = await fetch(url + page, { method: 'HEAD' });
    t.equal(answer.status, 200, page);
    t.ok(Number(answer.headers.get('content-length')) > 0);
    t.equal(await answer.text(), '');
  }
});

t.test('other methods are refused with what is allowed, other paths are not found', async (t) => {
  const { url } = await start(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const answer = await fetch(`${url}/livez`, { method });
    t.equal(answer.status, 405, method);
    t.equal(answer.headers.get('allow'), 'GET, HEAD');
  }
  const big = await fetch(`${url}/metrics`, { method: 'POST', body: 'x'.repeat(1_000_000) }).catch(() => null);
  t.ok(big === null || big.status === 405);
  for (const path of ['/', '/metrics/', '/livez/x', '//livez', '/%6civez']) {
    t.equal((await fetch(url + path)).status, 404, path);
  }
});

t.test('heads that are too large, broken or never end are cut off', async (t) => {
  const { port, url } = await start(t, { headTimeoutMs: 100 });
  t.match(await raw(port, `GET /livez HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  t.match(await raw(port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
  t.match(await raw(port, 'GET /livez HTTP/1.1\r\nHost: a\r\n'), /^HTTP\/1\.1 408 |^$/);
  t.match(await raw(port, ''), /^HTTP\/1\.1 408 |^$/, 'a connection on which nothing comes');
  t.equal((await fetch(`${url}/livez`)).status, 200);
});

t.test('connections are bounded', async (t) => {
  const { port } = await start(t);
  const sockets = Array.from({ length: 80 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  t.teardown(() => sockets.forEach((socket) => void socket.destroy()));
  let refused = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const socket of sockets) {
    socket.on('close', () => {
      refused++;
      if (refused === 16) resolve();
    });
  }
  await promise;
  t.equal(sockets.filter((socket) => !socket.destroyed).length, 64);
});

t.test('an address that is taken is an error with its code', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const server = createHealthServer({
    listen: { host: '127.0.0.1', port },
    ready: async () => READY,
    metrics: { contentType: 'text/plain', render: async () => '' },
  });
  await t.rejects(server.listen(), { code: 'EADDRINUSE' });
  t.equal(server.address, null);
  await server.close();
});

t.test('closing lets an answer finish and ends connections that are kept open', async (t) => {
  const asked = Promise.withResolvers<void>();
  const answerNow = Promise.withResolvers<void>();
  const { server, url, port } = await start(t, {
    ready: async () => {
      asked.resolve();
      await answerNow.promise;
      return READY;
    },
  });
  const idle = connect(port, '127.0.0.1');
  await once(idle, 'connect');
  idle.resume();
  const probe = request(`${url}/readyz`, { agent: false }).end();
  const answered = once(probe, 'response');
  await asked.promise;
  const closed = server.close();
  answerNow.resolve();
  const [response] = await answered;
  t.equal(response.statusCode, 200);
  response.resume();
  await closed;
  t.equal(server.address, null);
  if (!idle.closed) await once(idle, 'close');
});

t.test('closing cuts an answer that does not end', async (t) => {
  const asked = Promise.withResolvers<void>();
  const { server, url } = await start(t, {
    ready: () => {
      asked.resolve();
      return new Promise(() => {});
    },
  });
  const failed = t.rejects(fetch(`${url}/readyz`));
  await asked.promise;
  await server.close();
  await failed;
});
