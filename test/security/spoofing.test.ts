/** One table of what clients and proxies may say of who the client is, over requests and over WebSocket upgrades. */
import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import type { BelievedHeader } from '../../src/config/config.ts';
import { acceptFor } from '../../src/gateway/websocket/handshake.ts';
import { KEY, type Running, start, upgradeHead } from '../gateway/websocket-fixture.ts';
import { get, RawClient } from '../support/raw-client.ts';
import { type RawUpstream, startRawUpstream } from '../support/raw-upstream.ts';
import { CLIENT_PEER, PROXY_PEER, ROWS, type Row, TRUSTED_PROXIES } from './spoofing-table.ts';

const HEADERS = { xForwardedFor: 'X-Forwarded-For', forwarded: 'Forwarded' } as const;
type Header = keyof typeof HEADERS;

const BELIEVED: Readonly<Record<Header | 'neither', readonly BelievedHeader[]>> = {
  xForwardedFor: ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'],
  forwarded: ['forwarded'],
  neither: ['x-forwarded-proto', 'x-forwarded-host'],
};

const SWITCH = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptFor(KEY)}\r\n\r\n`;

/** Who the client was taken for, and what the upstream was told of it. */
interface Outcome {
  readonly address: string | undefined;
  readonly forwardedFor: string | undefined;
}

/** Sends one request with these lines from a peer. */
type Send = (lines: string, from: string) => Promise<Outcome>;

interface Site extends Running {
  readonly upstream: RawUpstream;
}

async function site(t: Test, believedHeaders: readonly BelievedHeader[]): Promise<Site> {
  const upstream = await startRawUpstream(t, (request) => {
    if (request.header('upgrade') === undefined) request.ok();
    else request.reply(SWITCH);
  });
  const running = await start(t, upstream.url, { proxy: { trustedProxies: TRUSTED_PROXIES, believedHeaders } });
  return { ...running, upstream };
}

async function dial(t: Test, port: number, from: string): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: from, noDelay: true });
  const client = new RawClient(socket);
  t.teardown(() => client.close());
  await once(socket, 'connect');
  return client;
}

/** Over requests, on one connection for each peer. */
async function requests(t: Test, { port, upstream, exchanges, reported }: Site): Promise<Send> {
  const clients = new Map([
    [PROXY_PEER, await dial(t, port, PROXY_PEER)],
    [CLIENT_PEER, await dial(t, port, CLIENT_PEER)],
  ]);
  return async (lines, from) => {
    const client = clients.get(from) as RawClient;
    const count = exchanges.length + 1;
    client.send(get('/x', lines));
    const { status } = await client.answer();
    if (status !== 200) throw new Error(`answered ${status}`);
    const exchange = (await reported(count)).at(-1);
    return { address: exchange?.address, forwardedFor: upstream.requests.at(-1)?.header('x-forwarded-for') };
  };
}

/** Over upgrades, each a WebSocket that was open. */
async function upgrades(t: Test, { port, upstream, exchanges, reported }: Site): Promise<Send> {
  return async (lines, from) => {
    const client = await dial(t, port, from);
    const count = exchanges.length + 1;
    client.send(upgradeHead().replace(/\r\n$/, `${lines}\r\n`));
    const { start: line } = await client.head();
    if (!line.includes('101')) throw new Error(`answered ${line}`);
    const request = upstream.requests.at(-1);
    client.close();
    request?.socket.destroy();
    const exchange = (await reported(count)).at(-1);
    return { address: exchange?.address, forwardedFor: request?.header('x-forwarded-for') };
  };
}

function expected({ said }: Row, peer: string, isBelieved: boolean): Outcome {
  const chain = isBelieved ? said : [];
  return { address: chain[0] ?? peer, forwardedFor: [...chain, peer].join(', ') };
}

for (const believed of ['xForwardedFor', 'forwarded', 'neither'] as const) {
  for (const [way, open] of Object.entries({ requests, upgrades })) {
    t.test(`the client is who it is, over ${way}, believing ${BELIEVED[believed].join(', ')}`, async (t) => {
      const send = await open(t, await site(t, BELIEVED[believed]));
      for (const row of ROWS) {
        for (const header of ['xForwardedFor', 'forwarded'] as const) {
          const values = row[header];
          if (values === null) continue;
          const lines = values.map((value) => `${HEADERS[header]}: ${value}\r\n`).join('');
          for (const peer of [PROXY_PEER, CLIENT_PEER]) {
            const isBelieved = peer === PROXY_PEER && header === believed;
            const name = `${row.name}, in ${HEADERS[header]} from ${peer}`;
            t.strictSame(await send(lines, peer), expected(row, peer, isBelieved), name);
          }
        }
      }
    });
  }
}

/** What the upstream is told of protocol and host. */
async function told(
  t: Test,
  believedHeaders: readonly BelievedHeader[],
  lines: string,
  from = PROXY_PEER,
): Promise<string> {
  const { port, upstream } = await site(t, believedHeaders);
  const client = await dial(t, port, from);
  client.send(get('/x', lines));
  await client.answer();
  const request = upstream.requests[0];
  return `${request?.header('x-forwarded-proto')} ${request?.header('x-forwarded-host')}`;
}

t.test('protocol and host come from the headers that are believed, and from no others', async (t) => {
  const claims = 'X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\n';
  t.equal(await told(t, BELIEVED.xForwardedFor, claims), 'https shop.test');
  t.equal(await told(t, BELIEVED.xForwardedFor, claims, CLIENT_PEER), 'http api.test', 'not from just anybody');
  t.equal(await told(t, ['x-forwarded-for'], claims), 'http api.test');
  t.equal(await told(t, ['x-forwarded-proto'], claims), 'https api.test');
  t.equal(await told(t, ['x-forwarded-host'], claims), 'http shop.test');
  t.equal(await told(t, ['forwarded'], claims), 'http api.test');
  t.equal(await told(t, [], claims), 'http api.test');
});

t.test('with Forwarded, protocol and host are those of the edge', async (t) => {
  const forwarded = async (value: string, from = PROXY_PEER): Promise<string> =>
    told(t, ['forwarded'], `Forwarded: ${value}\r\n`, from);
  t.equal(await forwarded('for=203.0.113.7;proto=https;host=shop.test'), 'https shop.test');
  t.equal(await forwarded('for=203.0.113.7;proto=HTTPS;host="shop.test:8443"'), 'https shop.test:8443');
  t.equal(await forwarded('for=203.0.113.7;proto=https;host=shop.test', CLIENT_PEER), 'http api.test');
  t.equal(await forwarded('for=6.6.6.6;proto=https;host=evil.test, for=203.0.113.7;proto=http'), 'http api.test');
  t.equal(
    await forwarded('for=203.0.113.7;proto=https;host=shop.test, for=10.1.2.3;proto=http;host=inner'),
    'https shop.test',
  );
  t.equal(await forwarded('for=_hidden;proto=https;host=shop.test'), 'https shop.test');
  t.equal(
    await forwarded('.=",for=203.0.113.7,for=192.0.2.43", for="[2001:db8:ffff::1]:80";proto=https;host=shop.test'),
    'https shop.test',
    'a quote that a client left open takes in nothing',
  );
  for (const odd of ['a@b', 'a,b', 'a/b', '', 'a b', '\xe4']) {
    t.equal(await forwarded(`for=203.0.113.7;proto=gopher;host="${odd}"`), 'http api.test', odd);
  }
  t.equal(
    await told(t, BELIEVED.xForwardedFor, 'Forwarded: for=203.0.113.7;proto=https;host=shop.test\r\n'),
    'http api.test',
  );
});

t.test('a client cannot take from a proxy’s header by naming it in Connection', async (t) => {
  const { port, exchanges, reported } = await site(t, BELIEVED.xForwardedFor);
  const client = await dial(t, port, PROXY_PEER);
  client.send(get('/x', 'Connection: X-Forwarded-For, Forwarded\r\nX-Forwarded-For: 203.0.113.7\r\n'));
  await client.answer();
  await reported(1);
  t.equal(exchanges[0]?.address, '203.0.113.7');
});
