/** A peer: @fastify/http-proxy with @fastify/bearer-auth, as its documentation shows it. argv: upstream, keys file. */
import { readFileSync } from 'node:fs';
import bearerAuth from '@fastify/bearer-auth';
import proxy from '@fastify/http-proxy';
import Fastify from 'fastify';

const [upstream = '', keysFile = ''] = process.argv.slice(2);
const keys = new Set(readFileSync(keysFile, 'utf8').split('\n').filter(Boolean));

const app = Fastify({ logger: false });
// The plugin's own list of keys is compared one by one; with 10,000 of them a set is what anybody would use.
await app.register(bearerAuth, { keys: new Set<string>(), auth: (key: string) => keys.has(key) });
await app.register(proxy, { upstream });
const address = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`ready ${new URL(address).port}\n`);
