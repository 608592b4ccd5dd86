import { type ClientRequest, IncomingMessage } from 'node:http';
import { isIP, Socket } from 'node:net';
import { createProxyServer, type ProxyServer } from 'http-proxy-3';
import type { UpstreamConfig } from '../../config/config.ts';
import type { Bridge } from './bridge.ts';

const NOTHING = Buffer.alloc(0);

/** What is asked of the upstream. */
export interface Call {
  readonly upstream: UpstreamConfig;
  /** The target as it stands in the request line, base path and query included. */
  readonly path: string;
  /** Names and values in turn; without Host the upstream's own is sent. */
  readonly headers: readonly string[];
}

/** Who made a call. Exactly one of `switched`, `answered` and `failed` is called, unless the call was given up before. */
export interface Caller {
  /** A 101 came. Whatever `socket` gives from now on is piped into the bridge, unless both are destroyed at once. */
  switched(response: IncomingMessage, socket: Socket): void;
  /** Another answer came; its body is still to be read. The bridge must be destroyed at once. */
  answered(response: IncomingMessage): void;
  /** @param began whether bytes of an answer had come */
  failed(error: Error, began: boolean): void;
}

/** Why a call took too long, told apart by `code`. */
export class CallTimeout extends Error {
  readonly code: 'connect_timeout' | 'head_timeout';
  constructor(code: CallTimeout['code']) {
    super('the upstream was not in time');
    this.name = 'CallTimeout';
    this.code = code;
  }
}

/**
 * Opens WebSockets to upstreams through http-proxy-3. The proxy is given a request that says nothing but "upgrade", so that
 * nothing of the client's passes through its own idea of paths and headers; the real path and headers are put on the
 * outgoing request before it is sent.
 */
export class Dialer {
  readonly #proxy: ProxyServer = createProxyServer();
  readonly #calls = new WeakMap<object, OutgoingCall>();

  constructor() {
    // Failures are told to the callback of the call; what comes here are repetitions, and must not be thrown.
    this.#proxy.on('error', ignore);
    this.#proxy.on('proxyReqWs', (request, _asked, socket) => this.#calls.get(socket)?.send(request));
  }

  dial(bridge: Bridge, call: Call, caller: Caller): OutgoingCall {
    const { protocol, hostname, port, host } = new URL(call.upstream.url);
    const secure = protocol === 'https:';
    const outgoing = new OutgoingCall(call, caller, secure);
    this.#calls.set(bridge, outgoing);
    // An address has no server name (RFC 6066 §3); the certificate is then held against the address itself.
    const name = isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? hostname : '';
    const options = {
      target: { protocol, hostname, host, port: port === '' ? (secure ? 443 : 80) : Number(port) },
      // Becomes the options of node's own request. The name to verify is the upstream's, whatever Host says.
      ssl: { allowHalfOpen: true, servername: name, maxHeaderSize: call.upstream.maxHeaderBytes },
    };
    this.#proxy.ws(plainUpgrade(), bridge, NOTHING, options, (error) => outgoing.fail(error));
    return outgoing;
  }
}

/** One request for a WebSocket, until it is answered. */
export class OutgoingCall {
  readonly #call: Call;
  readonly #caller: Caller;
  readonly #secure: boolean;
  #request: ClientRequest | null = null;
  #timer: NodeJS.Timeout | null = null;
  #settled = false;

  constructor(call: Call, caller: Caller, secure: boolean) {
    this.#call = call;
    this.#caller = caller;
    this.#secure = secure;
  }

  /** Gives it up: the caller hears nothing more. */
  abandon(): void {
    this.#settle();
    this.#request?.destroy();
  }

  /** Puts on the request what really goes upstream, in the last moment before it does. */
  send(request: ClientRequest): void {
    this.#request = request;
    request.on('error', ignore);
    try {
      this.#write(request);
    } catch (error) {
      request.destroy();
      return this.fail(error as Error);
    }
    const { upstream } = this.#call;
    this.#limit('connect_timeout', upstream.connectTimeoutMs);
    request.once('socket', (socket) => {
      const connected = (): void => this.#limit('head_timeout', upstream.headTimeoutMs);
      socket.once(this.#secure ? 'secureConnect' : 'connect', connected);
    });
    // These come before the proxy's own listeners, which then find everything decided.
    request.once('upgrade', (response, socket) => {
      if (!this.#hand(() => this.#caller.switched(response, socket))) socket.destroy();
    });
    request.once('response', (response) => {
      if (!this.#hand(() => this.#caller.answered(response))) response.destroy();
    });
  }

  /** @returns whether the caller took what came */
  #hand(over: () => void): boolean {
    if (!this.#settle()) return false;
    try {
      over();
      return true;
    } catch (error) {
      // Thrown on, it would end the process.
      this.#caller.failed(error instanceof Error ? error : new Error('unknown failure'), true);
      return false;
    }
  }

  /** The proxy reports a failure; also after the answer, when nobody waits for it any more. */
  fail(error: Error): void {
    if (this.#settle()) this.#caller.failed(error, (this.#request?.socket?.bytesRead ?? 0) > 0);
  }

  #write(request: ClientRequest): void {
    const { path, headers } = this.#call;
    request.path = path;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string;
      // Two of them would be refused, and one is there already: the upstream's own.
      if (name === 'Host') request.setHeader(name, headers[i + 1] as string);
      else request.appendHeader(name, headers[i + 1] as string);
    }
  }

  /** @returns whether it was still open */
  #settle(): boolean {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#settled) return false;
    this.#settled = true;
    return true;
  }

  #limit(code: CallTimeout['code'], ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#settled) return;
    this.#timer = setTimeout(() => {
      if (!this.#settle()) return;
      this.#request?.destroy();
      this.#caller.failed(new CallTimeout(code), false);
    }, ms);
  }
}

function ignore(): void {}

/** A request that is allowed to be upgraded, and says no more. */
function plainUpgrade(): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.url = '/';
  request.httpVersion = '1.1';
  request.httpVersionMajor = 1;
  request.httpVersionMinor = 1;
  request.headers = { connection: 'Upgrade', upgrade: 'websocket' };
  return request;
}
