import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Config, ProxyConfig, UpstreamConfig } from '../../src/config/config.ts';
import type { Exchange } from '../../src/core/exchange.ts';
import type { Gateway } from '../../src/gateway/index.ts';
import { createUpgrader, type Upgrader, type UpgraderOptions } from '../../src/gateway/upgrade.ts';
import { acceptFor } from '../../src/gateway/websocket/handshake.ts';
import { config, type StubGate, startGateway, stubGate } from '../support/gateway.ts';

export interface Teardown {
  teardown(handler: () => unknown): void;
}

/** The key of the example in RFC 6455 §1.3. */
export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** A connection on which bytes are read and written as they are. */
export class Wire {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  /** The other side has ended its direction. */
  ended = false;
  /** The connection was reset. */
  wasReset = false;
  readonly closed: Promise<void>;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#wake();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#wake();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.wasReset ||= error.code === 'ECONNRESET';
    });
    socket.on('close', () => this.#wake());
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes, 'latin1');
  }

  /** Resolves when what was received so far meets the condition; rejects when the connection closes before. */
  async until(holds: (wire: Wire) => boolean): Promise<Wire> {
    while (!holds(this)) {
      if (this.socket.closed) throw new Error(`closed after ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this;
  }

  /** Takes the head that was received off what was received. */
  async head(): Promise<string> {
    await this.until((wire) => wire.text.includes('\r\n\r\n'));
    const end = this.text.indexOf('\r\n\r\n') + 4;
    const head = this.text.slice(0, end);
    this.received = this.received.subarray(end);
    return head;
  }
}

export async function dialRaw(t: Teardown, port: number): Promise<Wire> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return new Wire(socket);
}

/** An upgrade request, of which a test changes what it is about. null leaves a header out. */
export function upgradeHead(change: Readonly<Record<string, string | null>> = {}, line = 'GET /ws HTTP/1.1'): string {
  const headers: Record<string, string | null> = {
    Host: 'api.test',
    Authorization: 'Bearer lk_test',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    ...change,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== null);
  return `${line}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** A 101, of which a test changes what it is about. */
export function switchHead(change: Readonly<Record<string, string | null>> = {}, status = '101 Switching Protocols') {
  const headers: Record<string, string | null> = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Accept': acceptFor(KEY),
    ...change,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== null);
  return `HTTP/1.1 ${status}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

export interface RawUpstream {
  readonly url: string;
  readonly connections: Wire[];
  /** The next connection that has not been asked for yet. */
  next(): Promise<Wire>;
}

/** An upstream that does only what the test makes it do. */
export async function rawUpstream(t: Teardown): Promise<RawUpstream> {
  const connections: Wire[] = [];
  let taken = 0;
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    connections.push(new Wire(socket));
    server.emit('wire');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const { socket } of connections) socket.destroy();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    async next() {
      while (connections.length <= taken) await once(server, 'wire');
      return connections[taken++] as Wire;
    },
  };
}

/** An upstream made with the `ws` package; `onConnection` sees each WebSocket. */
export async function wsUpstream(
  t: Teardown,
  onConnection: (socket: WebSocket) => void,
  options: ConstructorParameters<typeof WebSocketServer>[0] = {},
): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer();
  const sockets = new WebSocketServer({ ...options, server });
  sockets.on('connection', onConnection);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

export interface Settings {
  readonly proxy?: Partial<ProxyConfig>;
  readonly upstream?: Partial<UpstreamConfig>;
  readonly access?: Partial<Config['access']>;
  readonly gate?: StubGate;
  readonly upgrader?: Partial<UpgraderOptions>;
}

export interface Running {
  readonly port: number;
  readonly gateway: Gateway;
  readonly upgrader: Upgrader;
  readonly gate: StubGate;
  readonly exchanges: Exchange[];
  /** Resolves with the exchanges when as many were reported. */
  reported(count: number): Promise<readonly Exchange[]>;
}

/** A gateway in front of one upstream that upgrades. */
export async function start(t: Teardown, url: string, settings: Settings = {}): Promise<Running> {
  const gate = settings.gate ?? stubGate();
  const exchanges: Exchange[] = [];
  let wake: () => void = () => undefined;
  const onExchange = (exchange: Exchange): void => {
    exchanges.push(exchange);
    wake();
  };
  const upgrader = createUpgrader({ gate, clock: gate.clock, onExchange, ...settings.upgrader });
  const { port, gateway } = await startGateway(
    t,
    config(settings.proxy, [{ ...settings.upstream, url: url + (settings.upstream?.url ?? '') }], settings.access),
    { gate, upgrades: upgrader, onExchange },
  );
  return {
    port,
    gateway,
    upgrader,
    gate,
    exchanges,
    async reported(count) {
      while (exchanges.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return exchanges;
    },
  };
}

/** A raw client and a raw upstream with an open WebSocket between them. */
export async function openTunnel(
  t: Teardown,
  settings: Settings = {},
  head: string = upgradeHead(),
): Promise<Running & { readonly client: Wire; readonly upstream: Wire }> {
  const server = await rawUpstream(t);
  const running = await start(t, server.url, settings);
  const client = await dialRaw(t, running.port);
  client.write(head);
  const upstream = await server.next();
  await upstream.head();
  upstream.write(switchHead());
  await client.head();
  return { ...running, client, upstream };
}

/** A frame. With a mask of zeros the payload stays readable. */
export function frame(opcode: number, payload: string | Buffer, masked: boolean, fin = true): Buffer {
  const body = Buffer.from(payload as string, 'latin1');
  const mask = masked ? 0x80 : 0;
  const first = (fin ? 0x80 : 0) | opcode;
  const zeros = masked ? Buffer.alloc(4) : Buffer.alloc(0);
  let head: Buffer;
  if (body.length < 126) head = Buffer.of(first, mask | body.length);
  else if (body.length < 65536) {
    head = Buffer.of(first, mask | 126, 0, 0);
    head.writeUInt16BE(body.length, 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = mask | 127;
    head.writeUInt32BE(body.length, 6);
  }
  return Buffer.concat([head, zeros, body]);
}

/** The code and reason of a Close frame; null when the bytes are none. */
export function readClose(bytes: Buffer): { code: number; reason: string; masked: boolean } | null {
  if (bytes[0] !== 0x88) return null;
  const masked = ((bytes[1] as number) & 0x80) !== 0;
  const length = (bytes[1] as number) & 0x7f;
  const start = masked ? 6 : 2;
  if (bytes.length !== start + length) return null;
  const payload = Buffer.from(bytes.subarray(start));
  if (masked) for (let i = 0; i < length; i++) payload[i] = (payload[i] as number) ^ (bytes[2 + (i % 4)] as number);
  return { code: payload.readUInt16BE(0), reason: payload.toString('latin1', 2), masked };
}
