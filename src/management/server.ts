import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ListenAddress } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { type OnAnswer, tellAnswer } from './answer.ts';
import type { Authenticator } from './auth/authenticator.ts';
import { throttleFailures } from './auth/throttle.ts';
import { Connection } from './connection.ts';
import type { Endpoint } from './endpoint.ts';
import { Followers } from './events.ts';
import { answerRequest, type ManagementContext } from './exchange.ts';
import { type Document, Router } from './router.ts';

const MAX_CONNECTIONS = 256;
/** Room for the longest token, twice. */
const MAX_HEADER_BYTES = 16 * 1024;
/** From the first byte of a request's head to its end. */
const HEAD_TIMEOUT_MS = 10_000;
/** From the first byte of a request to the end of its body. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How long a connection without a request stays open. */
const KEEP_ALIVE_TIMEOUT_MS = 30_000;
/** No byte in either direction for this long: a client that does not take its answer has left. */
const IDLE_TIMEOUT_MS = 120_000;
/** How long `close` lets answers finish. */
const CLOSE_TIMEOUT_MS = 5_000;
/** How often timeouts are looked at. */
const TIMEOUT_CHECK_MS = 1_000;

export interface ManagementServerOptions {
  readonly listen: ListenAddress;
  readonly endpoints: readonly Endpoint[];
  readonly authenticate: Pick<Authenticator, 'authenticate'>;
  /** Public pages, which need no token. */
  readonly documents?: readonly Document[];
  readonly maxBodyBytes: number;
  readonly clock: Clock;
  /** Told of every failure that the caller can do nothing about. */
  readonly onFailure: (error: unknown, requestId: string) => void;
  /** Told of every answer, when it is over. */
  readonly onAnswer?: OnAnswer;
  /** In milliseconds; what is absent is as usual. */
  readonly timeouts?: Partial<Timeouts>;
}

interface Timeouts {
  readonly head: number;
  readonly request: number;
  readonly keepAlive: number;
  readonly idle: number;
  readonly close: number;
}

const USUAL_TIMEOUTS: Timeouts = {
  head: HEAD_TIMEOUT_MS,
  request: REQUEST_TIMEOUT_MS,
  keepAlive: KEEP_ALIVE_TIMEOUT_MS,
  idle: IDLE_TIMEOUT_MS,
  close: CLOSE_TIMEOUT_MS,
};

export interface ManagementServer {
  /** Rejects with the system's error (`EADDRINUSE`, `EACCES`, …) when it cannot listen. */
  listen(): Promise<ListenAddress>;
  /** The address it listens on, with the port that the system chose; null when it does not. */
  readonly address: ListenAddress | null;
  /** Stops listening, ends streams of events, lets answers finish for five seconds, and cuts what has not ended then. */
  close(): Promise<void>;
}

/**
 * The management listener: an HTTP server for a list of endpoints. All that is the same for each of them (tokens, parsing,
 * validation, problems, streams) is done here; they only see calls that make sense.
 */
export function createManagementServer(options: ManagementServerOptions): ManagementServer {
  return new HttpServer(options);
}

class HttpServer implements ManagementServer {
  readonly #options: ManagementServerOptions;
  readonly #timeouts: Timeouts;
  readonly #context: ManagementContext;
  readonly #server: Server;
  /** The open ones. */
  readonly #connections = new Map<Duplex, Connection>();
  #closing: Promise<void> | null = null;

  constructor(options: ManagementServerOptions) {
    const { authenticate, clock, documents = [], endpoints, maxBodyBytes, onFailure, onAnswer, timeouts } = options;
    this.#options = options;
    this.#timeouts = { ...USUAL_TIMEOUTS, ...timeouts };
    this.#context = {
      clock,
      router: new Router(endpoints, documents),
      admit: throttleFailures(authenticate, clock),
      followers: new Followers(),
      maxBodyBytes,
      onFailure,
      onAnswer: onAnswer ?? (() => undefined),
    };
    this.#server = this.#create();
  }

  get address(): ListenAddress | null {
    const address = this.#server.address() as AddressInfo | null;
    return address === null ? null : { host: address.address, port: address.port };
  }

  listen(): Promise<ListenAddress> {
    const { host, port } = this.#options.listen;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        // Running out of descriptors must not end the process: what is open goes on.
        this.#server.on('error', () => undefined);
        resolve(this.address ?? { host, port });
      });
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #create(): Server {
    const { head, request, keepAlive, idle } = this.#timeouts;
    const server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: head,
      requestTimeout: request,
      keepAliveTimeout: keepAlive,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, head, request),
      noDelay: true,
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.timeout = idle;
    // All of them are looked at, and their size is bounded; node would leave out the surplus without a word.
    server.maxHeadersCount = 0;
    server.on('connection', (socket) => this.#connected(socket));
    server.on('request', (request, response) => this.#accept(request, response));
    server.on('checkContinue', (request, response) => this.#accept(request, response));
    server.on('clientError', (error, socket) => this.#unparsed(error, socket));
    return server;
  }

  #connected(socket: Socket): void {
    this.#connections.set(socket, new Connection(socket));
    socket.on('close', () => this.#connections.delete(socket));
  }

  #accept(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) return void request.socket.destroy();
    const { address } = connection;
    const mustClose = (): boolean => connection.closing;
    const refusal = () => connection.refusal;
    const incoming = { request, response, address, mustClose, refusal };
    connection.add(request, response, () => answerRequest(this.#context, incoming));
  }

  #unparsed(error: Error, socket: Duplex): void {
    const connection = this.#connections.get(socket);
    const refusal = connection?.refuse(error, this.#options.clock) ?? null;
    if (connection === undefined || refusal === null) return;
    const nothing = { method: null, operation: null, path: null, subject: null, tokenFault: null, durationMs: 0 };
    tellAnswer(this.#context.onAnswer, { ...nothing, ...refusal, address: connection.address });
  }

  async #close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => {
      // Not http's own, which cuts connections whose answer is written but not yet taken.
      NetServer.prototype.close.call(this.#server, resolve);
    });
    this.#context.followers.endAll();
    for (const connection of this.#connections.values()) connection.finish();
    const timer = setTimeout(() => this.#server.closeAllConnections(), this.#timeouts.close);
    await closed;
    clearTimeout(timer);
    // Ends what http has running beside the connections.
    this.#server.close(() => undefined);
  }
}
