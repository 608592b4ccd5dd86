import { scriptPeer } from './contestant.ts';

export const tcpRelay = scriptPeer('Node relaying TCP', 'tcp-relay.ts', false);
export const fastify = scriptPeer('@fastify/http-proxy', 'fastify.ts', true);
export const httpProxy = scriptPeer('http-proxy-3', 'http-proxy.ts', true);
