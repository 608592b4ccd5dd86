/** Heads for tests of the reader, and how node:http reads them. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Duplex } from 'node:stream';
import { type HeadBounds, type PlainHead, readPlainHead } from '../../../src/gateway/fast/request-reader.ts';

export const BOUNDS: HeadBounds = { maxHeaderBytes: 16 * 1024, maxHeaders: 100, maxTargetBytes: 8 * 1024 };

/** Heads as clients send them. Each is plain. */
export const PLAIN = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /api/domains/4711 HTTP/1.1\r\nHost: api.example.com\r\nUser-Agent: curl/8.14.1\r\nAccept: */*\r\nAuthorization: Bearer lk_abc\r\n\r\n',
  'GET /a.b/.well-known/...?q=1&r=%zz?"<>^`{|} HTTP/1.1\r\nhost: [::1]:8080\r\nconnection: keep-alive\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64)\r\naccept-encoding: gzip, deflate, br\r\nx-request-id: 0193a1b2\r\n\r\n',
  'POST /v1/things:purge HTTP/1.1\r\nHost: 10.0.0.1:80\r\nConnection: Keep-Alive\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n',
  "PUT /a/b-c_d~e!$&'()*+,=:@/ HTTP/1.1\r\nhost:a\r\ncontent-length:0\r\nX-Odd!#$%&'*+-.^_`|~:v\r\nconnection:CLOSE\r\n\r\n",
  'DELETE /caf%C3%A9%20x? HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX-Forwarded-For: 192.0.2.1, 198.51.100.2\r\n\r\n',
  'OPTIONS /x HTTP/1.1\r\nHost: a\r\nContent_Length: 3\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n',
  'PATCH /?/../..// HTTP/1.1\r\nHost: a_b-c.~d\r\nReferer: http://a/ b  c\r\n\r\n',
  'HEAD /h HTTP/1.1\r\nHost: a:1\r\nAccept: */*\r\n\r\n',
];

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

export function read(text: string, bounds = BOUNDS): PlainHead | 'more' | 'other' {
  return readPlainHead(bytesOf(text), 0, text.length, bounds);
}

/** What node:http made of a connection's first bytes. */
export interface NodeReading {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly version: string;
  readonly rawHeaders: readonly string[];
  readonly keepsAlive: boolean;
  /** Whether the request has exactly the body that was sent for it, and the next one is read where it begins. */
  readonly endsRight: boolean;
}

/** Both ends of nothing: what is pushed is read by the server, what it answers is dropped. */
class Wire extends Duplex {
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    done();
  }
}

const MARKER = '/behind-the-first-request';
const MOST_BODY_BYTES = 4096;

type Settle = (reading: NodeReading | string) => void;
const settles = new WeakMap<Duplex, Settle>();
const firsts = new WeakMap<Duplex, { request: IncomingMessage; reading: NodeReading }>();

const server = createServer({ maxHeaderSize: BOUNDS.maxHeaderBytes, requireHostHeader: false, requestTimeout: 0 });
server.maxHeadersCount = 0;
server.on('request', (request: IncomingMessage, answer: ServerResponse) => arrived(request, answer));
for (const event of ['upgrade', 'connect', 'checkContinue', 'checkExpectation'] as const) {
  server.on(event, (request: IncomingMessage) => settles.get(request.socket)?.(event));
}
server.on('clientError', (error: Error, socket: Duplex) => settles.get(socket)?.(`refused: ${error.message}`));

function arrived(request: IncomingMessage, answer: ServerResponse): void {
  const { socket, method, url, httpVersion: version, rawHeaders } = request;
  const settle = settles.get(socket) as Settle;
  const first = firsts.get(socket);
  if (first !== undefined) return settle({ ...first.reading, endsRight: url === MARKER });
  const reading = { method, url, version, rawHeaders, keepsAlive: answer.shouldKeepAlive, endsRight: true };
  firsts.set(socket, { request, reading });
  const announced = Number(request.headers['content-length'] ?? '0');
  if (announced > MOST_BODY_BYTES) return settle(reading);
  let came = 0;
  request.on('data', (chunk: Buffer) => (came += chunk.length));
  // A connection that stays open is settled by the request behind this one.
  request.on('end', () => reading.keepsAlive || settle({ ...reading, endsRight: came === announced }));
}

/**
 * Has node:http read a head, a body of that length, and another request.
 * @returns what it read; or in words what it did instead
 */
export function readByNode(head: Buffer, bodyLength: number, keepsAlive: boolean): Promise<NodeReading | string> {
  const wire = new Wire();
  const { promise, resolve } = Promise.withResolvers<NodeReading | string>();
  settles.set(wire, resolve);
  wire.on('error', () => undefined);
  wire.on('close', () => resolve('closed'));
  server.emit('connection', wire);
  wire.push(head);
  if (bodyLength <= MOST_BODY_BYTES) {
    if (bodyLength > 0) wire.push(Buffer.alloc(bodyLength, '\n'));
    if (keepsAlive) wire.push(bytesOf(`GET ${MARKER} HTTP/1.1\r\nHost: a\r\n\r\n`));
    // So that a server that waits for more says so.
    wire.push(null);
  }
  return promise.finally(() => wire.destroy());
}
