import { connect } from 'node:net';
import t from 'tap';
import { config, startGateway } from '../support/gateway.ts';
import { exchange, get, rawClient } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';

function refused(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

t.test('draining: idle connections close, new ones are refused, what is in flight finishes', async (t) => {
  const upstream = await startRawUpstream(t, (request) => {
    if (request.target !== '/slow') request.ok();
  });
  const { port, gateway, reported } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const idle = await rawClient(t, port);
  idle.send(get('/x'));
  await idle.answer();
  const busy = await rawClient(t, port);
  busy.send(get('/slow'));
  const request = await upstream.request(1);

  const drained = gateway.drain();
  await idle.closed;
  t.equal(await refused(port), 'ECONNREFUSED');
  request.ok('finished');
  const answer = await busy.answer();
  t.equal(answer.body, 'finished');
  t.equal(answer.header('connection'), 'close');
  await busy.closed;
  await drained;
  t.equal(gateway.address, null);
  for (const seen of await reported(2)) t.equal(seen.aborted, null);
});

t.test('draining: what does not finish in time is cut', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const { port, gateway, reported } = await startGateway(t, config({ drainTimeoutMs: 50 }, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/slow'));
  const request = await upstream.request(0);
  const gone = new Promise((resolve) => request.socket.once('close', resolve));
  await gateway.drain();
  await client.closed;
  await gone;
  t.equal(client.received, '');
  t.match((await reported(1))[0], { status: 0, aborted: 'gateway' });
});

t.test('draining: until the delay is over, everything goes on', async (t) => {
  const upstream = await startRawUpstream(t);
  const { port, gateway } = await startGateway(t, config({ drainDelayMs: 300 }, [{ url: upstream.url }]));
  const drained = gateway.drain();
  t.equal((await exchange(t, port, get('/x'))).status, 200);
  await drained;
  t.equal(await refused(port), 'ECONNREFUSED');
});

t.test('a port that is taken: listen says so', async (t) => {
  const { port } = await startGateway(t, config());
  await t.rejects(startGateway(t, config({ listen: { host: '127.0.0.1', port } })), { code: 'EADDRINUSE' });
});

t.test('close ends everything at once, also twice', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined);
  const { port, gateway } = await startGateway(t, config({}, [{ url: upstream.url }]));
  const client = await rawClient(t, port);
  client.send(get('/x'));
  await upstream.request(0);
  await gateway.close();
  await client.closed;
  await gateway.close();
  t.equal(gateway.inFlight, 0);
});
