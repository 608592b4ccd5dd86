/** A peer: http-proxy-3 on node:http with a key look-up and keep-alive to the upstream. argv: port of the upstream, keys file. */
import { readFileSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'http-proxy-3';

const [upstreamPort = '', keysFile = ''] = process.argv.slice(2);
const keys = new Set(readFileSync(keysFile, 'utf8').split('\n').filter(Boolean));

const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const proxy = createProxyServer({ target: `http://127.0.0.1:${upstreamPort}`, agent });
proxy.on('error', () => undefined);

const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  const credentials = request.headers.authorization ?? '';
  if (!credentials.startsWith('Bearer ') || !keys.has(credentials.slice(7))) {
    response.writeHead(401).end();
    return;
  }
  proxy.web(request, response);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  const address = server.address();
  process.stdout.write(`ready ${typeof address === 'object' ? address?.port : ''}\n`);
});
