import t from 'tap';
import { config, startGateway } from '../support/gateway.ts';
import { get, rawClient } from '../support/raw-client.ts';
import { startRawUpstream, type UpstreamRequest } from '../support/raw-upstream.ts';

/** An upstream that keeps its answers until it is told to give one. */
async function heldUpstream(t: Parameters<typeof startRawUpstream>[0]) {
  const held: UpstreamRequest[] = [];
  let arrived: (() => void) | null = null;
  const upstream = await startRawUpstream(t, (request) => {
    held.push(request);
    arrived?.();
  });
  const count = async (n: number): Promise<void> => {
    while (held.length < n) {
      const { promise, resolve } = Promise.withResolvers<void>();
      arrived = resolve;
      await promise;
    }
  };
  return { url: upstream.url, held, count };
}

const send = (method: string, path: string): string => get(path, 'Content-Length: 0\r\n', method);

t.test('requests sent in one piece, one of them not safe: each waits for the answer of the one before', async (t) => {
  const { url, held, count } = await heldUpstream(t);
  const { port } = await startGateway(t, config({}, [{ url }]));
  const client = await rawClient(t, port);
  client.send(send('POST', '/1') + send('DELETE', '/2') + get('/3') + get('/4'));
  await count(1);
  for (const [i, target] of ['/1', '/2'].entries()) {
    // Another connection's request gets through meanwhile, and comes after all that this one could have sent.
    const other = await rawClient(t, port);
    other.send(get('/other'));
    await count(2);
    t.equal(held[0]?.target, target, `${i + 1}: nothing overtakes`);
    t.equal(held[1]?.target, '/other');
    held.pop()?.ok();
    await other.answer();
    held.shift()?.ok(target);
    t.equal((await client.answer()).body, target);
    await count(1);
  }
  await count(2);
  t.same(held.map((request) => request.target).sort(), ['/3', '/4'], 'those that are safe are sent at the same time');
  for (const request of held) request.ok(request.target);
  t.equal((await client.answer()).body, '/3', 'and answered in order');
  t.equal((await client.answer()).body, '/4');
});

t.test('what waits before a request that cannot be read to its end is answered first', async (t) => {
  const { url, held, count } = await heldUpstream(t);
  const { port } = await startGateway(t, config({}, [{ url }]));
  const client = await rawClient(t, port);
  const broken = `${get('/3', 'Transfer-Encoding: chunked\r\n', 'POST')}5 \r\nhello\r\n`;
  client.send(send('POST', '/1') + send('POST', '/2') + broken);
  for (const target of ['/1', '/2']) {
    await count(1);
    held.shift()?.ok(target);
    t.equal((await client.answer()).body, target);
  }
  t.equal((await client.answer()).status, 400);
  await client.closed;
});

t.test('what waits behind a request that is refused for good is never sent', async (t) => {
  const { url, held, count } = await heldUpstream(t);
  const { port } = await startGateway(t, config({ maxTargetBytes: 100 }, [{ url }]));
  const client = await rawClient(t, port);
  client.send(send('POST', '/1') + get(`/${'x'.repeat(200)}`) + get('/3') + get('/4'));
  await count(1);
  held[0]?.ok('first');
  t.equal((await client.answer()).body, 'first');
  t.equal((await client.answer()).status, 414);
  await client.closed;
  t.strictSame(
    held.map(({ target }) => target),
    ['/1'],
  );
});

t.test('what waits behind an answer that closes the connection is never sent', async (t) => {
  const { url, held, count } = await heldUpstream(t);
  const { port } = await startGateway(t, config({}, [{ url }]));
  const client = await rawClient(t, port);
  client.send(get('/1', 'Connection: close\r\nContent-Length: 0\r\n', 'POST') + send('DELETE', '/2'));
  await count(1);
  held[0]?.ok('first');
  t.equal((await client.answer()).body, 'first');
  await client.closed;
  const other = await rawClient(t, port);
  other.send(get('/other'));
  await count(2);
  t.equal(held[1]?.target, '/other');
  held[1]?.ok();
  await other.answer();
});

t.test('what waits when the client leaves is never sent', async (t) => {
  const { url, held, count } = await heldUpstream(t);
  const { port, gateway } = await startGateway(t, config({}, [{ url }]));
  const client = await rawClient(t, port);
  client.send(send('POST', '/1') + send('DELETE', '/2'));
  await count(1);
  client.close();
  while (gateway.inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
  const other = await rawClient(t, port);
  other.send(get('/other'));
  await count(2);
  t.equal(held[1]?.target, '/other');
  held[1]?.ok();
  await other.answer();
});
