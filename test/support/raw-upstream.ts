import { type AddressInfo, createServer, type Socket } from 'node:net';
import { BodyReader, type Framing, headerOf, parseHead, type RawHead } from './http-bytes.ts';

/** One request as an upstream received it, byte for byte. */
export class UpstreamRequest {
  readonly head: RawHead;
  readonly socket: Socket;
  /** The head as it came. */
  readonly text: string;
  /** Bytes of the body that have come so far. */
  bytes = 0;
  /** Resolves with the body (its first megabyte) when it is complete. */
  readonly body: Promise<string>;
  readonly #reader: BodyReader;
  #resolve: (body: string) => void = () => undefined;

  constructor(text: string, socket: Socket) {
    this.text = text;
    this.head = parseHead(text);
    this.socket = socket;
    this.#reader = new BodyReader(framingOf(this.head));
    this.body = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get method(): string {
    return this.head.start.split(' ')[0] ?? '';
  }

  get target(): string {
    return this.head.start.split(' ')[1] ?? '';
  }

  header(name: string): string | undefined {
    return headerOf(this.head, name);
  }

  /** Writes bytes as they are. */
  reply(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Answers 200 with a text. */
  ok(body = 'ok', headers = ''): void {
    this.reply(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`);
  }

  /** @internal */
  feed(data: Buffer): Buffer {
    const rest = this.#reader.feed(data);
    this.bytes = this.#reader.bytes;
    if (this.#reader.done) this.#resolve(this.#reader.text);
    return rest;
  }

  get complete(): boolean {
    return this.#reader.done;
  }

  /** What was odd about the chunks of its body; null when nothing was. */
  get oddity(): string | null {
    return this.#reader.oddity;
  }
}

function framingOf(head: RawHead): Framing {
  if (headerOf(head, 'transfer-encoding') !== undefined) return { kind: 'chunked' };
  return { kind: 'length', left: Number(headerOf(head, 'content-length') ?? 0) };
}

export interface RawUpstream {
  readonly port: number;
  readonly url: string;
  /** Every request that came, in order. */
  readonly requests: UpstreamRequest[];
  /** Every connection that was made, in order. */
  readonly sockets: Socket[];
  /** Bytes that came on all connections, as latin1 text (the first megabyte). */
  readonly received: string;
  /** Resolves with the request of this index (from 0) once its head has come. */
  request(index: number): Promise<UpstreamRequest>;
  close(): Promise<void>;
}

/** An upstream that records the bytes that it is sent and answers with the bytes that a test gives. Closes with the test. */
export async function startRawUpstream(
  t: { teardown(handler: () => Promise<void>): void },
  onRequest: (request: UpstreamRequest) => void = (request) => request.ok(),
): Promise<RawUpstream> {
  const requests: UpstreamRequest[] = [];
  const sockets: Socket[] = [];
  const waiting = new Map<number, (request: UpstreamRequest) => void>();
  let received = '';
  const arrived = (request: UpstreamRequest): void => {
    requests.push(request);
    waiting.get(requests.length - 1)?.(request);
    onRequest(request);
  };
  const server = createServer({ allowHalfOpen: false, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    let current: UpstreamRequest | null = null;
    let pending: Buffer = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      if (received.length < BodyReader.keep) received += data.toString('latin1');
      pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
      while (pending.length > 0) {
        if (current === null || current.complete) {
          const end = pending.indexOf('\r\n\r\n');
          if (end < 0) return;
          current = new UpstreamRequest(pending.subarray(0, end).toString('latin1'), socket);
          pending = pending.subarray(end + 4);
          arrived(current);
        }
        pending = Buffer.from(current.feed(pending));
      }
      if (current !== null) current.feed(pending);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  t.teardown(close);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    sockets,
    get received() {
      return received;
    },
    request: (index) => {
      const known = requests[index];
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve) => waiting.set(index, resolve));
    },
    close,
  };
}
