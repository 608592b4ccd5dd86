import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import type { Answer } from './answer.ts';
import { ClientConnection, peerOf } from './client-connection.ts';
import { refuseUnparsed } from './client-error.ts';
import { type GatewayContext, SWEEP_MS } from './context.ts';
import { FastFront } from './fast/fast-front.ts';
import { asksForWebSocket } from './framing.ts';
import { HEAD_LATE, NO_TUNNEL } from './gateway-denials.ts';
import { readHead } from './head.ts';
import { NodeRequest } from './node-request.ts';
import { type NodeServer, newNodeServer, setBounds } from './node-server.ts';
import type { Policy } from './policy.ts';
import { ProxyExchange } from './proxy-exchange.ts';
import type { ProxyHeader } from './proxy-protocol.ts';
import { ProxyProtocolDoor } from './proxy-protocol-door.ts';
import { reportTurnedAway } from './proxy-protocol-report.ts';
import type { UpgradeHandler } from './upgrade-handler.ts';

/** Requests of one connection that are worked on at a time; a client that sends more without waiting is cut off. */
const MAX_PIPELINED = 64;
const NOTHING = Buffer.alloc(0);

type ConnectionListener = (socket: Socket) => void;

/** The listener that clients talk to: node:http, held to a stricter reading, behind a reader of plain requests. */
export class NodeFront {
  readonly #server: NodeServer;
  readonly #context: GatewayContext;
  readonly #upgrades: UpgradeHandler | null;
  readonly #sharesPort: boolean;
  readonly #connections = new WeakMap<Duplex, ClientConnection>();
  readonly #door: ProxyProtocolDoor;
  /** node's own listener for connections: reads requests from one. */
  readonly #serve: ConnectionListener;
  readonly #fast: FastFront;
  #sweep: NodeJS.Timeout | null = null;

  /** @param sharesPort whether other processes listen on the same address */
  constructor(context: GatewayContext, upgrades: UpgradeHandler | null, sharesPort: boolean) {
    this.#context = context;
    this.#upgrades = upgrades;
    this.#sharesPort = sharesPort;
    this.#door = new ProxyProtocolDoor((socket, failure) => reportTurnedAway(socket, failure, context));
    this.#fast = new FastFront(context, {
      serve: (socket, header, peer, unread) => this.#handedOver(socket, header, peer, unread),
      refuseLate: (socket, header, peer) => {
        socket.on('error', () => undefined);
        refuseUnparsed(new ClientConnection(socket, header, peer), HEAD_LATE, '', context);
      },
    });
    this.#server = newNodeServer(context.policy.proxy, (request) => this.#takesUp(request));
    this.#serve = this.#server.listeners('connection')[0] as ConnectionListener;
    this.#server.removeAllListeners('connection');
    this.#server.on('connection', (socket) => this.#arrived(socket));
    this.#server.on('request', (request, answer) => this.#accept(request, answer, false));
    this.#server.on('checkContinue', (request, answer) => this.#accept(request, answer, true));
    this.#server.on('checkExpectation', (request, answer) => this.#accept(request, answer, false));
    this.#server.on('connect', (_request, socket) => this.#refuseTunnel(socket));
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on('clientError', (error, socket) => this.#unparsed(error, socket));
    this.adopt(context.policy);
  }

  get servedFast(): number {
    return this.#fast.served;
  }

  get handedOver(): number {
    return this.#fast.handedOver;
  }

  /** Resolves when it listens; rejects when it cannot. */
  listen(): Promise<AddressInfo> {
    const { host, port } = this.#context.policy.proxy.listen;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host, reusePort: this.#sharesPort }, () => {
        this.#server.off('error', reject);
        this.#sweep = setInterval(() => this.#checkDeadlines(), SWEEP_MS);
        // Running out of descriptors must not end the process: what is open goes on.
        this.#server.on('error', () => undefined);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** Takes over what a new policy says of connections. Sizes and times hold for connections made from now on. */
  adopt(policy: Policy): void {
    this.#fast.adopt(policy);
    setBounds(this.#server, policy.proxy);
  }

  /** Takes no new connection and closes idle ones; resolves when the last has closed. */
  stop(): Promise<void> {
    this.#context.draining = true;
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#door.cut();
      this.#fast.stop();
    });
  }

  /** Cuts every connection. */
  cut(): void {
    for (const exchange of this.#context.inFlight.items()) exchange.cut('gateway');
    this.#door.cut();
    this.#fast.cut();
    this.#server.closeAllConnections();
    if (this.#sweep !== null) clearInterval(this.#sweep);
    this.#sweep = null;
  }

  /** Those that must begin with a PROXY protocol header do so before anybody reads a request from them. */
  #arrived(socket: Socket): void {
    const { sendsProxyHeader, proxy } = this.#context.policy;
    const peer = peerOf(socket);
    // It is gone already. What it sent would be judged by no address, which no list of denied ones holds.
    if (peer === '') return void socket.destroy();
    const isPlain = sendsProxyHeader.isEmpty || !sendsProxyHeader.hasText(peer);
    if (isPlain) return this.#connected(socket, null, peer, NOTHING);
    this.#door.admit(socket, proxy.headTimeoutMs, (header, unread) => {
      this.#connected(socket, header, header.source ?? peer, unread);
    });
  }

  #connected(socket: Socket, header: ProxyHeader | null, peer: string, unread: Buffer): void {
    if (this.#context.policy.proxy.front === 'auto') this.#fast.take(socket, header, peer, unread);
    else this.#handedOver(socket, header, peer, unread);
  }

  #handedOver(socket: Socket, header: ProxyHeader | null, peer: string, unread: Buffer): void {
    // Paused, so that nothing flows before there is somebody to take it, and what is put back comes first.
    socket.pause();
    if (unread.length > 0) socket.unshift(unread);
    this.#read(socket, header, peer);
    socket.resume();
  }

  #read(socket: Socket, header: ProxyHeader | null, peer: string): void {
    this.#serve.call(this.#server, socket);
    const connection = new ClientConnection(socket, header, peer);
    this.#connections.set(socket, connection);
    socket.on('close', () => connection.gone()).on('error', () => undefined);
  }

  #accept(request: IncomingMessage, answer: Answer, expectsContinue: boolean): void {
    const connection = this.#connections.get(request.socket);
    // What follows the last request that is answered has no answer: the connection closes.
    if (connection === undefined || connection.closing) return;
    if (connection.exchanges.length >= MAX_PIPELINED) {
      connection.closing = true;
      return;
    }
    try {
      const came = new NodeRequest(this.#context, connection, request, answer, expectsContinue);
      const exchange = new ProxyExchange(this.#context, came);
      // node closes the connection after an expectation that got no 100.
      const getsNo100 = expectsContinue && (exchange.examined.bodyLength === 0 || connection.exchanges.length > 1);
      if (getsNo100 || connection.lastRequest === request) {
        answer.shouldKeepAlive = false;
        connection.closing = true;
      }
      connection.begin(exchange);
    } catch {
      // A fault of the gateway's own costs one connection, never the process.
      connection.socket.destroy();
    }
  }

  /** Asked for each request that offers to upgrade the connection. Of one that is not taken up the parser drops the rest. */
  #takesUp(request: IncomingMessage): boolean {
    if (this.#isUpgrade(request)) return true;
    const connection = this.#connections.get(request.socket);
    if (connection !== undefined) connection.lastRequest = request;
    return false;
  }

  #isUpgrade(request: IncomingMessage): boolean {
    if (this.#upgrades === null || request.method !== 'GET' || request.httpVersion !== '1.1') return false;
    const { headers } = request;
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) return false;
    return asksForWebSocket(readHead(request.rawHeaders, new Set()));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(socket);
    socket.on('error', () => undefined);
    if (connection === undefined || connection.closing || this.#upgrades === null) return void socket.destroy();
    if (connection.exchanges.length > 0) {
      // The answers that are due go out first, and nothing can follow them on a connection that was given away.
      connection.closing = true;
      return;
    }
    const { policy, clock } = this.#context;
    policy.upstreams.hold();
    socket.once('close', () => policy.upstreams.release());
    this.#upgrades.handle({ request, socket, head, peer: connection.peer, policy, at: clock.now() });
  }

  #refuseTunnel(socket: Duplex): void {
    socket.on('error', () => undefined);
    const connection = this.#connections.get(socket);
    if (connection === undefined) return void socket.destroy();
    if (connection.exchanges.length > 0) connection.closing = true;
    else refuseUnparsed(connection, NO_TUNNEL, 'CONNECT', this.#context);
  }

  #unparsed(error: Error, socket: Duplex): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return void socket.destroy();
    refuseUnparsed(connection, error, '', this.#context);
  }

  #checkDeadlines(): void {
    const now = performance.now();
    this.#context.now = now;
    for (const exchange of this.#context.inFlight.items()) {
      try {
        exchange.checkDeadlines(now);
      } catch {
        exchange.cut('gateway');
      }
    }
    this.#fast.checkDeadlines(now);
  }
}
