/** Clients that reset their connection while the gateway has something of them in hand. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { config, startGateway } from '../../support/gateway.ts';
import { get } from '../../support/raw-client.ts';
import { startRawUpstream } from '../../support/raw-upstream.ts';
import { until } from './forward-fixture.ts';

const FRONTS = ['auto', 'node'] as const;
const TRIES = 20;

async function dial(t: Test, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Resolves once the system has the bytes. */
function written(socket: Socket, bytes: string): Promise<void> {
  return new Promise((resolve) => {
    socket.write(bytes, 'latin1', () => resolve());
  });
}

t.test('a client that is gone when its answer comes, and has sent more than is read, ends nothing', async (t) => {
  for (const behind of [10, 200_000]) {
    const upstream = await startRawUpstream(t, () => undefined);
    const { gateway, port, reported } = await startGateway(t, config({}, [{ url: upstream.url }]));
    const client = await dial(t, port);
    await written(client, get('/x'));
    const request = await upstream.request(0);
    client.write(Buffer.alloc(behind, 'A'));
    await until(() => client.bytesWritten > behind);
    client.resetAndDestroy();
    await once(client, 'close');
    request.ok('late');
    t.match(await reported(1), [{ path: '/x', address: '127.0.0.1', aborted: 'client' }], `${behind} bytes`);
    t.equal(gateway.inFlight, 0);
  }
});

t.test('a request of a client that is gone is judged by the address that it came from', async (t) => {
  for (const front of FRONTS) {
    const told: unknown[] = [];
    const upstream = await startRawUpstream(t, (request) => {
      told.push(request.header('x-forwarded-for'));
      request.ok();
    });
    const { gateway, port, reported } = await startGateway(t, config({ front }, [{ url: upstream.url }]));
    for (let i = 0; i < TRIES; i++) {
      const client = await dial(t, port);
      // A header that only node:http takes: the connection is handed over.
      client.write(get('/x', 'X-Odd:\t1\r\n'), () => client.resetAndDestroy());
      await once(client, 'close');
    }
    const last = await dial(t, port);
    last.write(get('/last'));
    await once(last, 'data');
    await until(() => gateway.inFlight === 0);
    const exchanges = await reported(1);
    t.ok(
      exchanges.every(({ address }) => address === '127.0.0.1'),
      front,
    );
    t.ok(
      told.every((address) => address === '127.0.0.1'),
      told.join(),
    );
  }
});

t.test('of a client that is gone before its connection is taken, no request is served', async (t) => {
  for (const front of FRONTS) {
    const upstream = await startRawUpstream(t, (request) => request.ok());
    const { gateway, port, reported } = await startGateway(t, config({ front }, [{ url: upstream.url }]));
    // This process stands still until the other one is done: the system has accepted what it sent, and nobody else.
    const script = `
      const { connect } = require('node:net');
      for (let i = 0; i < ${TRIES}; i++) {
        const socket = connect(${port}, '127.0.0.1', () => {
          socket.write(${JSON.stringify(get('/gone'))}, () => socket.resetAndDestroy());
        });
      }`;
    t.equal(spawnSync(process.execPath, ['-e', script]).status, 0);
    const last = await dial(t, port);
    last.write(get('/last'));
    await once(last, 'data');
    await until(() => gateway.inFlight === 0);
    t.strictSame(
      (await reported(1)).map(({ path, address }) => [path, address]),
      [['/last', '127.0.0.1']],
      front,
    );
    t.equal(upstream.requests.length, 1);
  }
});
