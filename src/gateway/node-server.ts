import { createServer, IncomingMessage, type Server } from 'node:http';
import type { ProxyConfig } from '../config/config.ts';
import { Answer } from './answer.ts';

export type NodeServer = Server<typeof IncomingMessage, typeof Answer>;

const LEAST_CHECK_MS = 20;
const MOST_CHECK_MS = 1000;

/** How often node looks for heads that are late: often enough for the time they have. node wants whole milliseconds. */
function headCheckMs(headTimeoutMs: number): number {
  return Math.min(MOST_CHECK_MS, Math.max(LEAST_CHECK_MS, Math.ceil(headTimeoutMs / 4)));
}

/**
 * node:http's server, without what it does by itself and others here do: it counts no headers, asks for no Host, and waits
 * for no body.
 * @param takesUp asked for each request that offers to upgrade the connection
 */
export function newNodeServer(proxy: ProxyConfig, takesUp: (request: IncomingMessage) => boolean): NodeServer {
  const server = createServer({
    IncomingMessage,
    ServerResponse: Answer,
    maxHeaderSize: proxy.maxHeaderBytes,
    headersTimeout: proxy.headTimeoutMs,
    // Bodies have their own limit, on the pause between two pieces.
    requestTimeout: 0,
    connectionsCheckingInterval: headCheckMs(proxy.headTimeoutMs),
    requireHostHeader: false,
    optimizeEmptyRequests: true,
    noDelay: true,
    shouldUpgradeCallback: takesUp,
  });
  // All of them are counted by examine; node would leave out the surplus without a word.
  server.maxHeadersCount = 0;
  return server;
}

/** Takes over what a configuration says of connections. Sizes and times hold for connections made from now on. */
export function setBounds(server: NodeServer, proxy: ProxyConfig): void {
  server.maxConnections = proxy.maxConnections;
  server.keepAliveTimeout = proxy.keepAliveTimeoutMs;
  server.headersTimeout = proxy.headTimeoutMs;
  // Read for each connection, though its type does not say that it can be set.
  Object.assign(server, { maxHeaderSize: proxy.maxHeaderBytes });
}
