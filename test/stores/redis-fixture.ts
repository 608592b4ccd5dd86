import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Test } from 'tap';
import type { Store } from '../../src/core/ports.ts';
import { openRedisStore } from '../../src/stores/redis/index.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';

interface Fixture {
  readonly server: RedisServer;
  readonly store: Store;
  /** The server, asked directly. */
  readonly raw: Redis;
}

/** A server of the test's own, and a store that is open on it. */
export async function setUp(t: Test, timeoutMs = 10_000): Promise<Fixture> {
  const server = await startRedis();
  const store = await openRedisStore({ url: server.url, timeoutMs });
  const raw = new Redis(server.url, { protocol: 2, retryStrategy: () => 20 });
  raw.on('error', () => undefined);
  t.teardown(async () => {
    raw.disconnect();
    await store.close();
    await server.stop();
  });
  return { server, store, raw };
}

/** Opens the store of a server once more, as another gateway would. */
export async function openOther(t: Test, { url }: { url: string }, timeoutMs = 10_000): Promise<Store> {
  const store = await openRedisStore({ url, timeoutMs });
  t.teardown(() => store.close());
  return store;
}

/** Asks again until it is so; the test's own timeout is the bound. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds().catch(() => false))) await delay(10);
}

export async function isUp(store: Store): Promise<boolean> {
  await store.ping();
  return true;
}

/** A wire to a server that can hold what goes over it. */
export interface Wire {
  readonly url: string;
  /** Holds everything, both ways, from the piece on that has this command and is sent next, or only what follows it. */
  hold(command: string, which: 'it too' | 'what follows'): void;
  /** Whether that was sent. */
  isHolding(): boolean;
  /** Delivers what was held, in order, and holds no more. */
  release(): void;
}

export async function wireTo(t: Test, server: RedisServer): Promise<Wire> {
  let awaited: { readonly command: string; readonly isHeld: boolean } | null = null;
  let held: (() => void)[] | null = null;
  const sockets: Socket[] = [];
  const carry = (from: Socket, to: Socket, isRequest: boolean): void => {
    from.on('data', (piece) => {
      const isAwaited = isRequest && awaited !== null && piece.includes(awaited.command);
      if (isAwaited && awaited?.isHeld) held ??= [];
      if (held === null) to.write(piece);
      else held.push(() => to.write(piece));
      if (isAwaited) held ??= [];
    });
    from.on('error', () => undefined).on('close', () => to.destroy());
    sockets.push(from);
  };
  const wire = createServer((client) => {
    const there = connect({ port: server.port, host: '127.0.0.1' });
    carry(client, there, true);
    carry(there, client, false);
  }).listen(0, '127.0.0.1');
  await once(wire, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    wire.close();
  });
  return {
    url: `redis://127.0.0.1:${(wire.address() as AddressInfo).port}`,
    hold: (command, which) => {
      awaited = { command, isHeld: which === 'it too' };
    },
    isHolding: () => held !== null,
    release: () => {
      for (const deliver of held ?? []) deliver();
      awaited = null;
      held = null;
    },
  };
}
