/**
 * A small API to protect, so that the gateway can be tried without one: `latchkey serve --demo` starts it. It trusts
 * whoever reaches it, as the APIs do that the gateway is made for, and listens on the loopback address only.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { Collections } from './collections.ts';
import { readJson, sendJson } from './http.ts';

export interface DemoApi {
  /** Like `http://127.0.0.1:9000`. */
  readonly url: string;
  /** Ends every connection, event streams and WebSockets too. */
  close(): Promise<void>;
}

export interface DemoOptions {
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
  /** Between two events of /api/events; 400 when absent. */
  readonly eventIntervalMs?: number;
}

const MAX_MESSAGE_BYTES = 1_048_576;
const MAX_WEBSOCKETS = 1_000;
/** How long a WebSocket may take to answer that the server goes away. */
const CLOSE_TIMEOUT_MS = 500;

/** What one demo API remembers; gone when it stops. */
interface State {
  readonly collections: Collections;
  settings: Readonly<Record<string, unknown>>;
  readonly eventIntervalMs: number;
}

export async function startDemoApi(options: DemoOptions): Promise<DemoApi> {
  const state: State = {
    collections: new Collections(),
    settings: { maintenance: false, banner: '' },
    eventIntervalMs: options.eventIntervalMs ?? 400,
  };
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error: unknown) => {
      const detail = error instanceof Error ? error.message : 'unknown';
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { error: 'internal_error', detail });
    });
  });
  const sockets = serveEcho(server);
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return { url: `http://${host}:${port}`, close: () => closeAll(server, sockets) };
}

/** GET /api/live: a WebSocket that says everything back. */
function serveEcho(server: Server): WebSocketServer {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  sockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => socket.terminate());
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (pathOf(request) !== '/api/live' || sockets.clients.size >= MAX_WEBSOCKETS) {
      const status = pathOf(request) === '/api/live' ? '503 Service Unavailable' : '404 Not Found';
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => sockets.emit('connection', client, request));
  });
  return sockets;
}

async function closeAll(server: Server, sockets: WebSocketServer): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  for (const client of sockets.clients) client.close(1001);
  const impatience = setTimeout(() => {
    for (const client of sockets.clients) client.terminate();
  }, CLOSE_TIMEOUT_MS);
  await closed;
  clearTimeout(impatience);
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(request);
  const method = request.method ?? '';
  const reads = method === 'GET' || method === 'HEAD';
  if (path === '/status' && reads) return sendJson(response, 200, { status: 'ok' });
  if (path === '/api/whoami' && reads) return sendJson(response, 200, whoAmI(request));
  if (path === '/api/events' && method === 'GET') return streamEvents(response, state.eventIntervalMs);
  if (path === '/api/live' && reads)
    return sendJson(response, 426, { error: 'upgrade_required', upgrade: 'websocket' });
  if (path === '/api/admin/settings') return answerSettings(state, request, response);
  const [, api, name, id, ...rest] = path.split('/');
  const collection = api === 'api' && name !== undefined && rest.length === 0 ? state.collections.find(name) : null;
  if (collection === null) return sendJson(response, 404, { error: 'not_found' });
  const body = method === 'POST' || method === 'PUT' || method === 'PATCH' ? await readJson(request) : { value: null };
  if ('fault' in body) return sendJson(response, body.status, { error: body.fault });
  const result = collection.answer(method, id ?? null, body.value);
  return sendJson(response, result.status, result.body, result.headers);
}

async function answerSettings(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const method = request.method ?? '';
  if (method === 'GET' || method === 'HEAD') return sendJson(response, 200, state.settings);
  if (method !== 'PUT') return sendJson(response, 405, { error: 'method_not_allowed' }, { allow: 'GET, HEAD, PUT' });
  const body = await readJson(request);
  if ('fault' in body) return sendJson(response, body.status, { error: body.fault });
  state.settings = body.value;
  return sendJson(response, 200, state.settings);
}

/** What the gateway told this API about the caller. */
function whoAmI(request: IncomingMessage): Record<string, string> {
  const told: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith('x-latchkey-') && typeof value === 'string') told[name] = value;
  }
  return told;
}

/** Server-sent events until the reader leaves; a reader that does not keep up misses some. */
function streamEvents(response: ServerResponse, intervalMs: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let id = 0;
  const send = (): void => {
    id += 1;
    if (!response.writableNeedDrain) response.write(`id: ${id}\nevent: tick\ndata: {"sequence":${id}}\n\n`);
  };
  send();
  const timer = setInterval(send, intervalMs);
  response.on('close', () => clearInterval(timer));
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}
