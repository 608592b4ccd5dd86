/** A peer: http-proxy-3 on node:http with a key look-up and keep-alive to the upstream. argv: upstream, keys file. */
import { readFileSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'http-proxy-3';

const [target = '', keysFile = ''] = process.argv.slice(2);
const keys = new Set(readFileSync(keysFile, 'utf8').split('\n').filter(Boolean));

const proxy = createProxyServer({ target, agent: new Agent({ keepAlive: true, maxSockets: 256 }) });
proxy.on('error', () => undefined);

const server = createServer((request, response) => {
  const credentials = request.headers.authorization ?? '';
  if (!credentials.startsWith('Bearer ') || !keys.has(credentials.slice(7))) {
    response.writeHead(401).end();
    return;
  }
  proxy.web(request, response);
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`ready ${typeof address === 'object' ? address?.port : ''}\n`);
});
