import type { Contestant } from './contestant.ts';
import { haproxy } from './haproxy.ts';
import { latchkey } from './latchkey.ts';
import { nginx } from './nginx.ts';
import { nginxLua } from './nginx-lua.ts';
import { noProxy } from './no-proxy.ts';
import { fastify, httpProxy, tcpRelay } from './node-peers.ts';

const sqlite = latchkey('latchkey, SQLite', { store: 'sqlite', front: 'auto', workers: 1 });
const sqliteNode = latchkey('latchkey, SQLite, front: node', { store: 'sqlite', front: 'node', workers: 1 });
const sqliteTwo = latchkey('latchkey, SQLite, 2 workers', { store: 'sqlite', front: 'auto', workers: 2 });
const redis = latchkey('latchkey, Redis', { store: 'redis', front: 'auto', workers: 1 });
const redisNode = latchkey('latchkey, Redis, front: node', { store: 'redis', front: 'node', workers: 1 });
const redisTwo = latchkey('latchkey, Redis, 2 workers', { store: 'redis', front: 'auto', workers: 2 });

/** In the order in which tables show them. */
export const CONTESTANTS: readonly Contestant[] = [
  noProxy,
  tcpRelay,
  haproxy,
  nginx,
  nginxLua,
  sqlite,
  sqliteNode,
  redis,
  redisNode,
  sqliteTwo,
  redisTwo,
  fastify,
  httpProxy,
];

/** Choices that scenarios make. */
export const STORES: readonly Contestant[] = [nginxLua, sqlite, sqliteNode, redis, redisNode];
export const WORKERS: readonly Contestant[] = [sqlite, sqliteTwo, redis, redisTwo];
export const BOTH_STORES: readonly Contestant[] = [sqlite, redis];
export const ON_SQLITE: readonly Contestant[] = [sqlite];
export const WITH_BODIES: readonly Contestant[] = [
  noProxy,
  tcpRelay,
  haproxy,
  nginx,
  sqlite,
  sqliteNode,
  fastify,
  httpProxy,
];
export const WITH_LOGS: readonly Contestant[] = [haproxy, nginx, sqlite, fastify];
export const WITH_KEYS: readonly Contestant[] = [haproxy, nginx, sqlite, redis];
export const WITH_CONNECTIONS: readonly Contestant[] = [
  noProxy,
  haproxy,
  nginx,
  sqlite,
  sqliteNode,
  fastify,
  httpProxy,
];
export const PACED: readonly Contestant[] = [haproxy, nginx, nginxLua, sqlite, sqliteNode, redis, fastify, httpProxy];

/** What others are compared with: the leanest of all, and what people use on Node. */
export const LEANEST = haproxy.name;
export const ON_NODE = fastify.name;
