import { connect, type Socket } from 'node:net';
import { BodyReader, type Framing, headerOf, parseHead, type RawHead } from './http-bytes.ts';

/** One answer as a client received it. */
export interface ClientAnswer {
  readonly status: number;
  readonly head: RawHead;
  /** The first megabyte of the body. */
  readonly body: string;
  readonly bytes: number;
  /** Whether it came whole by its own framing. */
  readonly whole: boolean;
  header(name: string): string | undefined;
  /** The body as JSON. */
  json(): Record<string, unknown>;
}

/** A connection that sends the bytes that a test gives and reads answers strictly. */
export class RawClient {
  readonly socket: Socket;
  /** Everything that came, as latin1 text. */
  received = '';
  /** Resolves when the connection has closed, with the error that ended it, if any. */
  readonly closed: Promise<Error | null>;
  readonly #wake = new Set<() => void>();
  #unread: Buffer = Buffer.alloc(0);
  #ended = false;
  #error: Error | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data: Buffer) => {
      if (this.received.length < BodyReader.keep) this.received += data.toString('latin1');
      this.#unread = Buffer.concat([this.#unread, data]);
      this.#notify();
    });
    socket.on('error', (error) => {
      this.#error = error;
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#ended = true;
        this.#notify();
        resolve(this.#error);
      });
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#notify();
    });
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Resolves when the text has come. */
  async until(text: string): Promise<void> {
    while (!this.received.includes(text)) {
      if (this.#ended) throw new Error(`the connection closed before ${JSON.stringify(text)} came`);
      await this.#more();
    }
  }

  /** The head of the next answer; 1xx ones count. */
  async head(): Promise<RawHead> {
    let end = this.#unread.indexOf('\r\n\r\n');
    while (end < 0) {
      if (this.#ended)
        throw new Error(`the connection closed without an answer; came: ${JSON.stringify(this.received.slice(-200))}`);
      await this.#more();
      end = this.#unread.indexOf('\r\n\r\n');
    }
    const head = parseHead(this.#unread.subarray(0, end).toString('latin1'));
    this.#unread = this.#unread.subarray(end + 4);
    return head;
  }

  /** The next final answer. @param method of the request that it answers */
  async answer(method = 'GET'): Promise<ClientAnswer> {
    let head = await this.head();
    while (statusOf(head) < 200) head = await this.head();
    const reader = new BodyReader(framingOf(head, method));
    while (!reader.done) {
      this.#unread = Buffer.from(reader.feed(this.#unread));
      if (reader.done || (this.#ended && this.#unread.length === 0)) break;
      await this.#more();
    }
    const framing = framingOf(head, method);
    return {
      status: statusOf(head),
      head,
      body: reader.text,
      bytes: reader.bytes,
      whole: reader.done || (framing.kind === 'close' && this.#error === null),
      header: (name) => headerOf(head, name),
      json: () => JSON.parse(reader.text) as Record<string, unknown>,
    };
  }

  close(): void {
    this.socket.destroy();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.add(resolve);
    });
  }

  #notify(): void {
    for (const wake of this.#wake) wake();
    this.#wake.clear();
  }
}

function statusOf(head: RawHead): number {
  return Number(head.start.split(' ')[1]);
}

function framingOf(head: RawHead, method: string): Framing {
  const status = statusOf(head);
  if (method === 'HEAD' || status === 204 || status === 304) return { kind: 'length', left: 0 };
  if (headerOf(head, 'transfer-encoding') !== undefined) return { kind: 'chunked' };
  const length = headerOf(head, 'content-length');
  return length === undefined ? { kind: 'close' } : { kind: 'length', left: Number(length) };
}

/** Connects, and closes with the test. */
export async function rawClient(t: { teardown(handler: () => void): void }, port: number): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const client = new RawClient(socket);
  t.teardown(() => client.close());
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return client;
}

/** A request with a key, as text. @param extra header lines, each ended with CRLF */
export function get(path: string, extra = '', method = 'GET'): string {
  return `${method} ${path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer lk_test\r\n${extra}\r\n`;
}

/** Sends one request on a connection of its own. */
export async function exchange(
  t: { teardown(handler: () => void): void },
  port: number,
  request: string | Buffer,
  method = 'GET',
): Promise<ClientAnswer> {
  const client = await rawClient(t, port);
  client.send(request);
  const answer = await client.answer(method);
  client.close();
  return answer;
}
