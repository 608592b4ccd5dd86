import type { Socket } from 'node:net';
import type { ExchangeConnection } from '../client-request.ts';
import type { GatewayContext } from '../context.ts';
import type { OpenExchange } from '../open-exchange.ts';
import { ProxyExchange } from '../proxy-exchange.ts';
import type { ClientLine, LineWatcher } from './client-line.ts';
import { readInto } from './client-socket.ts';
import type { FastConnectionOwner } from './fast-connection-owner.ts';
import { FastRequest } from './fast-request.ts';
import { REQUEST_MEMORY, ReadMemory } from './read-memory.ts';
import { ReceivedBody } from './received-body.ts';
import { readPlainHead } from './request-reader.ts';
import { writePieces } from './socket-writes.ts';

/** Bytes that are kept of what a client sends before it may: a request behind the one that is answered, or its body. */
const MAX_HELD_BYTES = 64 * 1024;
/** Pieces in which a head may come. It is read from its beginning each time; node:http keeps its place. */
const MOST_PARTIAL_READS = 16;
/** node:http waits so much longer than it says before it closes an idle connection, and so do we. */
const KEEP_ALIVE_BUFFER_MS = 1000;

const NOTHING = Buffer.alloc(0);

/**
 * A client connection on which requests in the strict common form are read, one after the other: the next one is looked at
 * when the answer before it was handed to the system. At the first that is in another form, or has another one behind it, the
 * connection goes to node:http, and stays there.
 */
export class FastConnection implements ExchangeConnection, ClientLine {
  readonly socket: Socket;
  readonly peer: string;
  readonly exchanges: OpenExchange[] = [];
  closing = false;
  previous: FastConnection | null = null;
  next: FastConnection | null = null;
  readonly #context: GatewayContext;
  readonly #owner: FastConnectionOwner<FastConnection>;
  readonly #memory = new ReadMemory(REQUEST_MEMORY);
  /** What came and was not read: the beginning of a request. */
  #unread: Buffer = NOTHING;
  /** Of the request that is not answered yet; null when it has none. */
  #body: ReceivedBody | null = null;
  #writer: LineWatcher | null = null;
  /** Since when the rest of a head, or a request, is waited for, by context.now. */
  #waitsSince: number;
  #hasServed = false;
  /** Times that the request which is due was looked at and was not whole. */
  #partialReads = 0;
  #isPaused = false;
  #hasLeft = false;

  /** @param accepted of no use afterwards: `socket` is the connection */
  constructor(context: GatewayContext, accepted: Socket, peer: string, owner: FastConnectionOwner<FastConnection>) {
    this.#context = context;
    this.#owner = owner;
    this.peer = peer;
    this.#waitsSince = context.now;
    const socket = readInto(accepted, { buffer: this.#nextMemory, callback: this.#onRead });
    this.socket = socket;
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
    socket.on('error', ignore);
  }

  get isReceiving(): boolean {
    return this.#body !== null && this.#body.missing > 0;
  }

  get keepAliveText(): string {
    return this.#owner.keepAliveText;
  }

  get holdsBytes(): boolean {
    return this.socket.writableLength > 0;
  }

  get needsDrain(): boolean {
    return this.socket.writableNeedDrain;
  }

  write(text: string, encoding: 'latin1' | 'utf8'): boolean {
    return this.socket.write(text, encoding);
  }

  writePieces(before: string, chunk: Buffer, after: string): boolean {
    return writePieces(this.socket, before, chunk, after);
  }

  whenFlushed(watcher: LineWatcher): void {
    if (this.socket.destroyed || this.socket.errored !== null) return;
    if (this.socket.writableLength === 0) watcher.flushed();
    else this.socket.write('', this.#onFlushed);
  }

  discardBody(watcher: LineWatcher): void {
    this.#body?.discard(watcher);
  }

  ended(exchange: OpenExchange): void {
    if (this.exchanges[0] === exchange) this.exchanges.pop();
    if (this.isReceiving) this.closing = true;
    this.#writer = null;
    this.#body = null;
    this.#waitsSince = this.#context.now;
    if (this.closing) return this.socket.destroySoon();
    this.#hasServed = true;
    if (this.#unread.length > 0) this.#readRequest(this.#unread);
    this.#read();
  }

  sever(resets: boolean): void {
    if (resets) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  /** Closes it unless a request has come, or a part of one. What comes now is not read: it could not be answered. */
  closeIfIdle(): void {
    if (this.exchanges.length > 0 || this.#unread.length > 0) return;
    this.closing = true;
    this.socket.destroySoon();
  }

  /** Ends it when it has waited for too long. @param now performance.now() */
  checkDeadlines(now: number): void {
    if (this.exchanges.length > 0 || this.closing) return;
    const { headTimeoutMs, keepAliveTimeoutMs } = this.#context.policy.proxy;
    const waited = now - this.#waitsSince;
    if (this.#hasServed && this.#unread.length === 0) {
      if (waited > keepAliveTimeoutMs + KEEP_ALIVE_BUFFER_MS) this.socket.destroy();
    } else if (waited > headTimeoutMs) {
      this.#leave();
      this.#owner.headIsLate(this);
    }
  }

  /** @param bytes that came; good until this returns, unless `#memory` is its own */
  received(bytes: Buffer): void {
    if (this.#hasLeft) return;
    const rest = this.#body === null ? bytes : this.#body.receiveFrom(bytes, this.#memory.isOwn);
    if (rest.length > 0) {
      if (this.#unread.length > 0) this.#unread = Buffer.concat([this.#unread, rest]);
      else if (this.exchanges.length > 0) this.#unread = Buffer.from(rest);
      else this.#waitsSince = this.#context.now;
      if (this.exchanges.length === 0 && !this.closing)
        this.#readRequest(this.#unread.length > 0 ? this.#unread : rest);
    }
    if (this.#isPaused || this.#heldBytes <= MAX_HELD_BYTES) return;
    this.#isPaused = true;
    this.socket.pause();
  }

  readonly #onRead = (length: number, memory: Uint8Array): boolean => {
    this.received((memory as Buffer).subarray(0, length));
    return true;
  };

  readonly #nextMemory = (): Buffer => {
    const body = this.#body;
    return this.#memory.next(body === null ? 0 : body.missing, body !== null && body.holdsBytes);
  };

  readonly #onDrain = (): void => {
    this.#writer?.resumed();
  };

  readonly #onFlushed = (error?: Error | null): void => {
    if (!error) this.#writer?.flushed();
  };

  readonly #onRoom = (): void => {
    if (this.#body?.holdsBytes === false) this.#memory.takeBack();
    this.#read();
  };

  /** A client that ends its half of the connection has left, as node:http has it. */
  readonly #onEnd = (): void => {
    this.socket.destroy();
  };

  readonly #onClose = (): void => {
    this.closing = true;
    for (const exchange of this.exchanges.slice()) exchange.closed();
    this.#owner.left(this);
  };

  #readRequest(bytes: Buffer): void {
    const head = readPlainHead(bytes, 0, bytes.length, this.#context.policy.proxy);
    const mayWait = ++this.#partialReads < MOST_PARTIAL_READS && bytes.length <= MAX_HELD_BYTES;
    if (head === 'more' && mayWait) {
      if (bytes !== this.#unread) this.#unread = Buffer.from(bytes);
      return;
    }
    // Requests that a client sends without waiting for answers are worked on together there.
    if (typeof head === 'string' || head.end + head.bodyLength < bytes.length) {
      this.#leave();
      return this.#owner.handOver(this, Buffer.from(bytes));
    }
    this.#partialReads = 0;
    this.#owner.served++;
    if (!head.keepsAlive) this.closing = true;
    this.#body = head.bodyLength === 0 ? null : new ReceivedBody(head.bodyLength, this.#onRoom);
    this.#unread = NOTHING;
    if (head.end < bytes.length) this.#body?.receiveFrom(bytes.subarray(head.end), this.#memory.isOwn);
    try {
      const request = new FastRequest(this.#context, this, head, this.#body);
      const exchange = new ProxyExchange(this.#context, request);
      this.#writer = request.writer;
      exchange.begin();
    } catch {
      // A fault of the gateway's own costs one connection, never the process.
      this.closing = true;
      this.socket.destroy();
    }
  }

  get #heldBytes(): number {
    return this.#unread.length + (this.#body?.heldBytes ?? 0);
  }

  #read(): void {
    if (!this.#isPaused || this.#heldBytes > MAX_HELD_BYTES) return;
    this.#isPaused = false;
    this.socket.resume();
  }

  /** Nothing here listens to the socket, or touches it, from now on. */
  #leave(): void {
    const { socket } = this;
    this.#hasLeft = true;
    socket.off('drain', this.#onDrain).off('end', this.#onEnd).off('close', this.#onClose);
    socket.off('error', ignore);
    // Pausing it now would let what comes next overtake what is given back.
    this.#isPaused = false;
    this.#unread = NOTHING;
    this.#owner.left(this);
  }
}

function ignore(): void {}
