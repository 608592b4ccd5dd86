import type { Socket } from 'node:net';
import type { GatewayContext } from '../context.ts';
import { InFlight } from '../in-flight.ts';
import type { Policy } from '../policy.ts';
import type { ProxyHeader } from '../proxy-protocol.ts';
import { readAsStream } from './client-socket.ts';
import { FastConnection } from './fast-connection.ts';
import type { FastConnectionOwner } from './fast-connection-owner.ts';

/** Takes connections that the fast front does not serve. */
export interface GeneralFront {
  /**
   * @param header the PROXY protocol header that the connection began with; null: with none
   * @param peer   the address that it came from
   * @param unread what came on it and was not read; nothing else is read from it meanwhile
   */
  serve(socket: Socket, header: ProxyHeader | null, peer: string, unread: Buffer): void;
  /** The head of a request has not come in time. */
  refuseLate(socket: Socket, header: ProxyHeader | null, peer: string): void;
}

/**
 * Reads requests in the strict common form by itself, and gives a connection to the general front at the first request
 * that is in another. It never repairs what it reads: it recognises, or hands over.
 */
export class FastFront implements FastConnectionOwner<FastConnection> {
  keepAliveText = '';
  served = 0;
  /** Connections that were given to the general front with a request, or a part of one. */
  handedOver = 0;
  readonly #context: GatewayContext;
  readonly #general: GeneralFront;
  readonly #connections = new InFlight<FastConnection>();
  readonly #headers = new WeakMap<FastConnection, ProxyHeader>();

  constructor(context: GatewayContext, general: GeneralFront) {
    this.#context = context;
    this.#general = general;
  }

  /** Takes over what a new policy says of connections. */
  adopt({ proxy }: Policy): void {
    const seconds = Math.floor(proxy.keepAliveTimeoutMs / 1000);
    this.keepAliveText = `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n\r\n`;
  }

  /**
   * @param socket that nothing else reads
   * @param peer   the address that it came from
   * @param unread what came on it already
   */
  take(socket: Socket, header: ProxyHeader | null, peer: string, unread: Buffer): void {
    const connection = new FastConnection(this.#context, socket, peer, this);
    if (header !== null) this.#headers.set(connection, header);
    this.#connections.add(connection);
    if (unread.length > 0) connection.received(unread);
  }

  /** Closes connections on which nothing is due; the others close behind their answer. */
  stop(): void {
    for (const connection of this.#connections.items()) connection.closeIfIdle();
  }

  cut(): void {
    for (const connection of this.#connections.items()) connection.socket.destroy();
  }

  /** @param now performance.now() */
  checkDeadlines(now: number): void {
    for (const connection of this.#connections.items()) connection.checkDeadlines(now);
  }

  handOver(connection: FastConnection, unread: Buffer): void {
    this.handedOver++;
    const header = this.#headers.get(connection) ?? null;
    this.#general.serve(readAsStream(connection.socket), header, connection.peer, unread);
  }

  headIsLate(connection: FastConnection): void {
    this.#general.refuseLate(connection.socket, this.#headers.get(connection) ?? null, connection.peer);
  }

  left(connection: FastConnection): void {
    this.#connections.remove(connection);
  }
}
