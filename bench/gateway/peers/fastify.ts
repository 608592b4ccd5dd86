/**
 * A peer: @fastify/http-proxy with @fastify/bearer-auth, as its documentation shows it.
 * argv: port of the upstream, keys file, file of the request log (empty: none).
 */
import { readFileSync } from 'node:fs';
import bearerAuth from '@fastify/bearer-auth';
import proxy from '@fastify/http-proxy';
import Fastify from 'fastify';

const [upstreamPort = '', keysFile = '', logFile = ''] = process.argv.slice(2);
const keys = new Set(readFileSync(keysFile, 'utf8').split('\n').filter(Boolean));

const app = Fastify({ logger: logFile === '' ? false : { level: 'info', file: logFile } });
// The plugin's own list of keys is compared one by one; with 10,000 of them a set is what anybody would use.
await app.register(bearerAuth, { keys: new Set<string>(), auth: (key: string) => keys.has(key) });
await app.register(proxy, { upstream: `http://127.0.0.1:${upstreamPort}` });
const address = await app.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 });
process.stdout.write(`ready ${new URL(address).port}\n`);
