import { type Dispatcher, Pool } from 'undici';
import { RemoteError } from './remote-error.ts';

export interface RemoteOptions {
  /** Where the management API is; a path is put before every other. */
  readonly url: URL;
  /** Management token; it goes to that origin and nowhere else. */
  readonly token: string;
  /** What the server is told about who asks, like `latchkey/1.0.0`. */
  readonly userAgent: string;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** How long an answer may take to begin, and then to go on. */
const HEAD_TIMEOUT_MS = 30_000;
const IDLE_TIMEOUT_MS = 30_000;
/** Bytes of one answer: more than the largest page of keys has. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** One that follows a log, and what is asked beside it. */
const MAX_CONNECTIONS = 4;

export interface RemoteRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below the base URL, encoded, with its query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** How long the body may be silent, in ms. */
  readonly idleTimeoutMs?: number;
}

export interface RemoteAnswer {
  readonly status: number;
  /** A header that came once; '' when it did not. */
  header(name: string): string;
  /** The whole body. Rejects with a RemoteError when it is longer than any answer may be. */
  text(): Promise<string>;
  /** The body as it comes. */
  readonly body: AsyncIterable<Buffer>;
  /** Ends an answer that is not read to its end. */
  discard(): void;
}

/** HTTP to one management API: no redirects, no proxies but what the URL names, and every wait and size bounded. */
export class RemoteTransport {
  /** As messages name it: without what could be secret. */
  readonly place: string;
  readonly #options: RemoteOptions;
  readonly #basePath: string;
  readonly #pool: Pool;

  constructor(options: RemoteOptions) {
    const { url } = options;
    this.#options = options;
    this.#basePath = url.pathname.replace(/\/+$/, '');
    this.place = `${url.origin}${this.#basePath}`;
    this.#pool = new Pool(url.origin, {
      connections: MAX_CONNECTIONS,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: HEAD_TIMEOUT_MS,
      bodyTimeout: IDLE_TIMEOUT_MS,
    });
  }

  /** @throws RemoteError when nobody answers */
  async request({ method, path, body, headers, signal, idleTimeoutMs }: RemoteRequest): Promise<RemoteAnswer> {
    const { token, userAgent } = this.#options;
    try {
      const answer = await this.#pool.request({
        method,
        path: `${this.#basePath}${path}`,
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          'user-agent': userAgent,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
        ...(idleTimeoutMs === undefined ? {} : { bodyTimeout: idleTimeoutMs }),
      });
      return this.#answer(answer);
    } catch (error) {
      if (signal?.aborted === true) throw error;
      throw this.unreachable(error);
    }
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  /** What a failure of the connection is told as. */
  unreachable(cause: unknown): RemoteError {
    return new RemoteError('SERVER_UNREACHABLE', `${this.place} ${reason(cause)}`, { cause });
  }

  #answer({ statusCode, headers, body }: Dispatcher.ResponseData): RemoteAnswer {
    return {
      status: statusCode,
      header: (name) => {
        const value = headers[name];
        return typeof value === 'string' ? value : '';
      },
      text: () => this.#read(body),
      body,
      discard: () => {
        // Its end is of no interest, and neither is how it comes about.
        body.on('error', () => undefined).destroy();
      },
    };
  }

  async #read(body: Dispatcher.ResponseData['body']): Promise<string> {
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) {
          throw new RemoteError('SERVER_NOT_LATCHKEY', `${this.place} answers with more than can be meant`);
        }
        chunks.push(chunk);
      }
    } catch (error) {
      throw error instanceof RemoteError ? error : this.unreachable(error);
    }
    return Buffer.concat(chunks).toString('utf8');
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'does not answer (ECONNREFUSED): nothing listens there',
  ENOTFOUND: 'does not answer: the name is not known',
  EAI_AGAIN: 'does not answer: the name cannot be looked up now',
  UND_ERR_CONNECT_TIMEOUT: `does not answer within ${CONNECT_TIMEOUT_MS / 1000} seconds`,
  UND_ERR_HEADERS_TIMEOUT: `took the request and did not answer within ${HEAD_TIMEOUT_MS / 1000} seconds`,
  UND_ERR_BODY_TIMEOUT: 'stopped in the middle of an answer',
  ECONNRESET: 'cut the connection',
  UND_ERR_SOCKET: 'cut the connection',
  EPROTO: 'does not speak TLS; is it http:// that is meant?',
  ERR_SSL_WRONG_VERSION_NUMBER: 'does not speak TLS; is it http:// that is meant?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'does not speak TLS; is it http:// that is meant?',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'has a certificate that this machine does not trust; NODE_EXTRA_CA_CERTS names more',
  SELF_SIGNED_CERT_IN_CHAIN: 'has a certificate that this machine does not trust; NODE_EXTRA_CA_CERTS names more',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'has a certificate that this machine does not trust; NODE_EXTRA_CA_CERTS names more',
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a certificate for another name',
  CERT_HAS_EXPIRED: 'has a certificate that has expired',
};

const NO_HTTP = 'HPE';

function reason(error: unknown): string {
  const code = codeOf(error);
  const known = REASONS[code];
  if (known !== undefined) return known;
  if (code === NO_HTTP) return 'does not speak HTTP; is it https:// that is meant?';
  return `cannot be asked (${code})`;
}

/** The system's own code, however often the error was wrapped. */
function codeOf(error: unknown): string {
  let code = 'unknown error';
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    // Its codes are those of llhttp, and sometimes there is none.
    if (cause.name === 'HTTPParserError') return NO_HTTP;
    if ('code' in cause && typeof cause.code === 'string') code = cause.code;
  }
  return code;
}
