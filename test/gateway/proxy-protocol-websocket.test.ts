import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { config } from '../support/gateway.ts';
import { IPV6, version2 } from './proxy-protocol-bytes.ts';
import { frame, rawUpstream, start, switchHead, upgradeHead, Wire } from './websocket-fixture.ts';

const SENDER = '127.0.0.1';
const V1 = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n');
const HEAD = Buffer.from(upgradeHead());
const EARLY = frame(1, 'early', true);
const LATE = frame(1, 'late', true);

async function dial(t: Test, port: number, from: string): Promise<Wire> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from, noDelay: true });
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return new Wire(socket);
}

const HEADERS: readonly (readonly [name: string, header: Buffer, address: string])[] = [
  ['version 1', V1, '203.0.113.7'],
  ['version 2', version2(0x21, 0x21, IPV6), '2001:db8::7'],
  ['LOCAL', version2(0x20, 0, Buffer.alloc(0)), SENDER],
];

/** How the header, the upgrade and the first frame are spread over packets. */
const SPREADS: Readonly<Record<string, (header: Buffer) => Buffer[]>> = {
  'all in one packet': (header) => [Buffer.concat([header, HEAD, EARLY])],
  'the header alone': (header) => [header, Buffer.concat([HEAD, EARLY])],
  'byte by byte': (header) => Array.from(Buffer.concat([header, HEAD, EARLY]), (byte) => Buffer.of(byte)),
};

t.test('a WebSocket comes from where the header says, and loses nothing', async (t) => {
  const upstream = await rawUpstream(t);
  const running = await start(t, upstream.url, { proxy: { proxyProtocolFrom: [SENDER] } });
  let count = 0;
  for (const [name, header, address] of HEADERS) {
    for (const [spread, packets] of Object.entries(SPREADS)) {
      const client = await dial(t, running.port, SENDER);
      for (const packet of packets(header)) {
        client.write(packet);
        await new Promise(setImmediate);
      }
      const server = await upstream.next();
      t.match(await server.head(), new RegExp(`^x-forwarded-for: ${address}\r$`, 'im'), `${name}, ${spread}`);
      server.write(switchHead());
      await client.head();
      client.write(LATE);
      await server.until(({ received }) => received.length >= EARLY.length + LATE.length);
      t.strictSame(server.received, Buffer.concat([EARLY, LATE]), 'every byte, in order');
      client.socket.destroy();
      server.socket.destroy();
      t.equal((await running.reported(++count)).at(-1)?.address, address, 'in the log');
    }
  }
});

t.test('where no header belongs, it opens no WebSocket', async (t) => {
  const upstream = await rawUpstream(t);
  const running = await start(t, upstream.url, { proxy: { proxyProtocolFrom: [SENDER] } });
  const other = await dial(t, running.port, '127.0.0.2');
  other.write(Buffer.concat([V1, HEAD]));
  t.match(await other.head(), /^HTTP\/1\.1 400 /);
  const without = await dial(t, running.port, SENDER);
  without.write(HEAD);
  await without.closed;
  t.equal(without.text, '');
  t.equal(upstream.connections.length, 0);
});

t.test('an open WebSocket outlives a reload that asks for headers', async (t) => {
  const upstream = await rawUpstream(t);
  const running = await start(t, upstream.url);
  const client = await dial(t, running.port, SENDER);
  client.write(HEAD);
  const server = await upstream.next();
  await server.head();
  server.write(switchHead());
  await client.head();
  running.gateway.reload(config({ proxyProtocolFrom: [SENDER] }, [{ url: upstream.url }]));
  client.write(LATE);
  await server.until(({ received }) => received.length >= LATE.length);
  t.strictSame(server.received, LATE);
});
