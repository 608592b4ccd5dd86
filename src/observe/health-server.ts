import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ListenAddress } from '../config/config.ts';
import type { Conditions } from './readiness.ts';

const MAX_CONNECTIONS = 64;
const MAX_HEADER_BYTES = 8192;
const MAX_REQUESTS_PER_SOCKET = 1000;
const HEAD_TIMEOUT_MS = 5000;
const KEEP_ALIVE_TIMEOUT_MS = 5000;
/** How often timeouts are looked at. */
const TIMEOUT_CHECK_MS = 500;
/** How long `close` lets an answer finish. */
const CLOSE_TIMEOUT_MS = 1000;

const JSON_TYPE = 'application/json';

export interface HealthServerOptions {
  readonly listen: ListenAddress;
  readonly ready: () => Promise<Conditions>;
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
  /** From connecting to the end of a request's head, in milliseconds; 5000 when absent. */
  readonly headTimeoutMs?: number;
}

export interface HealthServer {
  /** Rejects with the system's error (`EADDRINUSE`, `EACCES`, …) when it cannot listen. */
  listen(): Promise<ListenAddress>;
  /** The address it listens on, with the port that the system chose; null when it does not. */
  readonly address: ListenAddress | null;
  /** Stops listening, and cuts what has not ended after a second. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** `/livez`, `/readyz` and `/metrics`, on an address of their own: nothing that callers of the API may reach. */
export function createHealthServer(options: HealthServerOptions): HealthServer {
  const headTimeoutMs = options.headTimeoutMs ?? HEAD_TIMEOUT_MS;
  const pages = pagesOf(options);
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: headTimeoutMs,
      requestTimeout: headTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, headTimeoutMs),
    },
    (request, response) => void respond(pages, request, response),
  );
  // Connections that cannot be accepted (no more file descriptors) must not end the process.
  server.on('error', () => {});
  server.maxConnections = MAX_CONNECTIONS;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
  return {
    listen: () => listen(server, options.listen),
    get address() {
      return addressOf(server);
    },
    close: () => close(server),
  };
}

type Page = () => Promise<Answer>;

function pagesOf({ ready, metrics }: HealthServerOptions): ReadonlyMap<string, Page> {
  return new Map<string, Page>([
    ['/livez', async () => json(200, { live: true })],
    ['/readyz', async () => readiness(await ready())],
    ['/metrics', shared(async () => ({ status: 200, type: metrics.contentType, body: await metrics.render() }))],
  ]);
}

function readiness(conditions: Conditions): Answer {
  const ready = Object.values(conditions).every(({ met }) => met);
  return json(ready ? 200 : 503, { ready, conditions });
}

/** Those who ask while an answer is being made get that one: many scrapes at a time cost as much as one. */
function shared(page: Page): Page {
  let running: Promise<Answer> | null = null;
  return () => {
    running ??= page().finally(() => {
      running = null;
    });
    return running;
  };
}

async function respond(
  pages: ReadonlyMap<string, Page>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0] as string;
  const page = pages.get(path);
  if (page === undefined) return send(response, json(404, { error: 'expected /livez, /readyz or /metrics' }));
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    // A body may follow that nobody will read.
    response.setHeader('Connection', 'close');
    return send(response, json(405, { error: 'expected GET or HEAD' }));
  }
  try {
    send(response, await page());
  } catch {
    // What failed is not for whoever can reach this port to know.
    send(response, json(path === '/readyz' ? 503 : 500, { error: 'this page could not be made' }));
  }
}

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}

function json(status: number, value: object): Answer {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(value)}\n` };
}

function listen(server: Server, { host, port }: ListenAddress): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve(addressOf(server) ?? { host, port });
    });
  });
}

function addressOf(server: Server): ListenAddress | null {
  const address = server.address() as AddressInfo | null;
  return address === null ? null : { host: address.address, port: address.port };
}

function close(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
