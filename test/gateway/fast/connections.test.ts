/** What the fast front does with a client's connection beside answering: how long it reads it, and when it gives it away. */
import t from 'tap';
import { config, startGateway } from '../../support/gateway.ts';
import { get, type RawClient, rawClient } from '../../support/raw-client.ts';
import { startRawUpstream } from '../../support/raw-upstream.ts';

interface Test {
  teardown(handler: () => Promise<void> | void): void;
}

async function start(t: Test, proxy: Parameters<typeof config>[0] = {}) {
  const upstream = await startRawUpstream(
    t,
    (request) => void request.body.then((body) => request.ok(`${body.length}`)),
  );
  const { gateway, port, reported } = await startGateway(t, config(proxy, [{ url: upstream.url }]));
  const other = await rawClient(t, port);
  /** Sends a piece. Behind it another connection has got an answer: the gateway has read the piece by then. */
  const send = async (client: RawClient, piece: string): Promise<void> => {
    client.send(piece);
    other.send(get('/other'));
    await other.answer();
  };
  const targets = (): string[] => upstream.requests.map(({ target }) => target).filter((target) => target !== '/other');
  return { upstream, gateway, port, reported, send, targets };
}

t.test('what it serves and what it gives away is counted', async (t) => {
  const { gateway, port } = await start(t);
  const client = await rawClient(t, port);
  for (const path of ['/1', '/2']) {
    client.send(get(path));
    await client.answer();
  }
  client.send(get('/denied').replace('lk_test', 'lk_unknown'));
  await client.answer();
  t.equal(gateway.servedFast, 3);
  t.equal(gateway.handedOver, 0);
  client.send(get('/3', 'TE: trailers\r\n'));
  await client.answer();
  client.send(get('/4'));
  await client.answer();
  t.equal(gateway.servedFast, 3);
  t.equal(gateway.handedOver, 1, 'a connection that was given away stays where it is');
});

t.test('a request given away with more bytes than are held: none of the rest overtakes them', async (t) => {
  const { gateway, port, send, targets } = await start(t);
  const smuggled = get('/smuggled', `X-Pad: ${'a'.repeat(200)}\r\n`);
  const body = smuggled.repeat(1000);
  const requests = {
    'in chunks': `${get('/x', 'Transfer-Encoding: chunked\r\n', 'POST')}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    'with an expectation': `${get('/x', `Expect: 100-continue\r\nContent-Length: ${body.length}\r\n`, 'POST')}${body}`,
    'in another form, with a length': `${get('/x', `TE: trailers\r\nContent-Length: ${body.length}\r\n`, 'POST')}${body}`,
  };
  for (const [name, text] of Object.entries(requests)) {
    await t.test(name, async (t) => {
      const before = gateway.handedOver;
      const client = await rawClient(t, port);
      await send(client, text.slice(0, 6));
      client.send(text.slice(6));
      const answer = await client.answer();
      t.equal(answer.status, 200);
      t.equal(answer.body, `${body.length}`, 'the body came whole');
      client.send(get('/next'));
      t.equal((await client.answer()).status, 200);
      t.equal(gateway.handedOver, before + 1);
    });
  }
  t.notOk(targets().includes('/smuggled'));
});

t.test('a head that comes in many pieces', async (t) => {
  await t.test('in a few: it is waited for', async (t) => {
    const { gateway, port, send } = await start(t);
    const client = await rawClient(t, port);
    const text = get('/x');
    for (let i = 0; i < 10; i++) await send(client, text[i] as string);
    client.send(text.slice(10));
    t.equal((await client.answer()).status, 200);
    t.equal(gateway.handedOver, 0);
  });
  await t.test('byte by byte: it is given away, for it would be read from its beginning each time', async (t) => {
    const { gateway, port, send, targets } = await start(t);
    const client = await rawClient(t, port);
    const text = get('/x');
    for (let i = 0; i < 20; i++) await send(client, text[i] as string);
    t.equal(gateway.handedOver, 1);
    client.send(text.slice(20));
    t.equal((await client.answer()).status, 200);
    t.same(targets(), ['/x']);
  });
  await t.test('with more bytes than are held: the rest of it is read', async (t) => {
    const { port, send } = await start(t, { maxHeaderBytes: 512 * 1024 });
    const client = await rawClient(t, port);
    const text = get('/x', `X-Large: ${'a'.repeat(200_000)}\r\n`);
    await send(client, text.slice(0, 6));
    await send(client, text.slice(6, 100_000));
    client.send(text.slice(100_000));
    t.equal((await client.answer()).status, 200);
  });
});

t.test('draining: a request that has begun to come is answered, and the connection closes', async (t) => {
  const { gateway, port, send } = await start(t);
  const client = await rawClient(t, port);
  const text = get('/x');
  await send(client, text.slice(0, 20));
  const drained = gateway.drain();
  client.send(text.slice(20));
  const answer = await client.answer();
  t.equal(answer.status, 200);
  t.equal(answer.header('connection'), 'close');
  await client.closed;
  await drained;
});
