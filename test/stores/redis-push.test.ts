import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { relayTo } from '../faults/relay.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { checkQuick, openFinder, timeRevocations } from './revocations.ts';
import { revoke } from './revoke.ts';

const SUBSCRIBED = /^id=(\d+) .*\bsub=1\b/gm;

interface Site {
  readonly server: RedisServer;
  /** The server, asked directly. */
  readonly raw: Redis;
}

async function setUp(t: Test): Promise<Site> {
  const server = await startRedis();
  const raw = new Redis(server.url, { protocol: 2 });
  t.teardown(async () => {
    raw.disconnect();
    await server.stop();
  });
  return { server, raw };
}

/** Connections that are told of changes. */
async function links({ raw }: Site): Promise<string[]> {
  const list = String(await raw.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
  return [...list.matchAll(SUBSCRIBED)].map((match) => match[1] ?? '');
}

/** The only one, once it is there and is another one. */
async function linkAfter(site: Site, old = ''): Promise<string> {
  for (;;) {
    const [link, ...more] = await links(site);
    if (link !== undefined && link !== old && more.length === 0) return link;
    await delay(5);
  }
}

function settings(port: number) {
  return { kind: 'redis', url: `redis://127.0.0.1:${port}`, timeoutMs: 5_000 } as const;
}

t.test('a key that another process revoked is refused at once', async (t) => {
  const { server } = await setUp(t);
  checkQuick(t, await timeRevocations(t, settings(server.port), 200));
});

t.test('a link that is lost is made again, and its absence told by a hint', async (t) => {
  const site = await setUp(t);
  const finder = await openFinder(t, settings(site.server.port));
  const { id, secret } = await finder.issue();
  const link = await linkAfter(site);
  let hints = 0;
  t.teardown(finder.store.keys.watch(() => hints++));
  while ((await links(site)).length < 2) await delay(5);
  await delay(5);
  const before = hints;
  t.equal(await site.raw.call('CLIENT', 'KILL', 'TYPE', 'pubsub'), 2);
  await revoke(finder.store, id);
  await finder.refused(secret);
  while ((await links(site)).filter((each) => each !== link).length < 2) await delay(5);
  t.ok(hints > before, 'what happened meanwhile was hinted at');
  const other = await finder.issue();
  await revoke(finder.store, other.id);
  await finder.refused(other.secret);
});

t.test('a server that refuses to tell of changes is asked for them', async (t) => {
  const site = await setUp(t);
  await site.raw.acl('SETUSER', 'default', '-client|tracking');
  const finder = await openFinder(t, settings(site.server.port));
  const { id, secret } = await finder.issue();
  await revoke(finder.store, id);
  const began = performance.now();
  await finder.refused(secret);
  t.ok(performance.now() - began < 1_000, `after ${performance.now() - began} ms`);
  t.strictSame(await links(site), []);
});

t.test('a link that is silent for ever is noticed, and changes are seen meanwhile', async (t) => {
  const site = await setUp(t);
  const relay = await relayTo(t, site.server.port);
  const finder = await openFinder(t, settings(relay.port));
  const { id, secret } = await finder.issue();
  const link = await linkAfter(site);
  relay.swallow('TRACKING');
  const began = performance.now();
  await revoke(finder.store, id);
  await finder.refused(secret);
  t.ok(performance.now() - began < 1_000, `it was asked for: ${performance.now() - began} ms`);
  // The server still has the old connection, of which it knows nothing bad.
  for (;;) {
    const now = await links(site);
    if (now.some((each) => each !== link)) break;
    await delay(20);
  }
  t.ok(performance.now() - began < 10_000, `it was made again after ${Math.round(performance.now() - began)} ms`);
});

t.test('nothing is left of a watch that ended, or of a store that is closed', async (t) => {
  const site = await setUp(t);
  const finder = await openFinder(t, settings(site.server.port));
  await linkAfter(site);
  finder.directory.stop();
  while ((await links(site)).length > 0) await delay(5);
  finder.store.keys.watch(() => undefined);
  await linkAfter(site);
  await finder.store.close();
  while ((await links(site)).length > 0) await delay(5);
  t.pass('the connections were closed');
});
