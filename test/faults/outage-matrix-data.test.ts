import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import type { Serving } from '../cli/serving.ts';
import { ask, type Issued, redisFor, Site, until } from '../e2e/site.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import { freePort } from '../support/redis.ts';
import { wireTo } from './outage-wire.ts';

const LIMIT = 20;
const LIMITS = ['--per-hour', `${LIMIT}`, '--per-day', `${LIMIT}`, '--burst', `${LIMIT}`];
const TIMEOUT = '300ms';
const UNAVAILABLE = { status: 503, code: 'key_store_unavailable' };
/** Slot of all names with the tag `{keys}`. */
const KEYS_SLOT = 2915;

function adminOf(t: Test, url: string): Redis {
  const admin = new Redis(url, { protocol: 2 });
  admin.on('error', () => undefined);
  t.teardown(() => admin.disconnect());
  return admin;
}

/** How many requests pass until the first that the limit refuses. */
async function passing({ url }: Serving, { secret }: Issued): Promise<number> {
  for (let passed = 0; ; passed++) {
    const { status, code } = await ask(url, secret);
    if (code === 'rate_limited') return passed;
    if (status !== 200) throw new Error(`unexpected: ${status} ${code}`);
  }
}

t.test('an admission whose answer was lost is counted once', async (t) => {
  const redis = await redisFor(t);
  const wire = await wireTo(t, redis.port);
  const upstream = await startRawUpstream(t);
  const direct = new Site(t, { upstream: upstream.url, store: `${redis.url}/0` });
  const store = `redis://127.0.0.1:${wire.port}/0`;
  const site = new Site(t, { upstream: upstream.url, store, storeTimeout: TIMEOUT });
  const limited = await direct.create(...LIMITS);
  const late = await direct.create();
  const gateway = await site.serve();
  const admin = adminOf(t, redis.url);
  t.match(await ask(gateway.url, limited.secret), { status: 200 });
  wire.drop();
  t.match(await ask(gateway.url, limited.secret), { status: 200 }, 'this process decides alone');
  t.equal(await admin.hget(`lk:limit:${limited.id}`, 'hourUsed'), '2', 'Redis counted it, and could not say so');
  const counted = await admin.hget(`lk:limit:${limited.id}`, 'at');
  wire.mend();
  // With its first answer about any key, Redis is told of the others.
  await until(async () => {
    const { status } = await ask(gateway.url, late.secret);
    return status === 200 && (await admin.hget(`lk:limit:${limited.id}`, 'at')) !== counted;
  });
  t.equal(await admin.hget(`lk:limit:${limited.id}`, 'hourUsed'), '2', 'once');
  const passed = 2 + (await passing(gateway, limited));
  t.equal(passed, LIMIT, 'what Redis counted is given back, and what the gateway let in alone is counted');
  // The gateway may have decided these alone; its next question tells Redis.
  await until(async () => {
    const { code } = await ask(gateway.url, limited.secret);
    t.equal(code, 'rate_limited');
    return (await admin.hget(`lk:limit:${limited.id}`, 'hourUsed')) === `${LIMIT}`;
  });
  const arrived = upstream.requests.filter((each) => each.header('x-latchkey-key-id') === limited.id);
  t.equal(arrived.length, passed, 'each went to the upstream once');
});

t.test('FLUSHALL: what is gone is unknown, and what is made anew works', async (t) => {
  const redis = await redisFor(t);
  const upstream = await startRawUpstream(t);
  const site = new Site(t, { upstream: upstream.url, store: `${redis.url}/0` });
  const [known, unknown] = [await site.create(), await site.create()];
  const gateway = await site.serve();
  t.match(await ask(gateway.url, known.secret), { status: 200 });
  await adminOf(t, redis.url).flushall();
  t.match(await ask(gateway.url, unknown.secret), { status: 401, code: 'key_not_found' });
  await until(async () => (await ask(gateway.url, known.secret)).code === 'key_not_found');
  const fresh = await site.create(...LIMITS);
  await until(async () => (await ask(gateway.url, fresh.secret)).status === 200);
  t.equal(await passing(gateway, fresh), LIMIT - 1);
  t.equal(gateway.child.exitCode, null);
});

async function nodeFor(t: Test): Promise<{ url: string; port: number; admin: Redis }> {
  const bus = String(await freePort());
  const { url, port } = await redisFor(t, '--cluster-enabled', 'yes', '--cluster-port', bus);
  return { url, port, admin: adminOf(t, url) };
}

t.test('a slot that is moved: a cluster is followed, a single server is out of reach', async (t) => {
  const [a, b] = [await nodeFor(t), await nodeFor(t)];
  await a.admin.cluster('SET-CONFIG-EPOCH', 1);
  await b.admin.cluster('SET-CONFIG-EPOCH', 2);
  await a.admin.cluster('ADDSLOTSRANGE', 0, 16_000);
  await b.admin.cluster('ADDSLOTSRANGE', 16_001, 16_383);
  const bus = Number((await b.admin.config('GET', 'cluster-port'))[1]);
  await a.admin.call('CLUSTER', 'MEET', '127.0.0.1', b.port, bus);
  for (const { admin } of [a, b]) {
    await until(async () => {
      const info = await admin.cluster('INFO');
      return info.includes('cluster_state:ok') && info.includes('cluster_slots_ok:16384');
    });
  }
  const upstream = await startRawUpstream(t);
  const hosts = [a, b].map(({ port }) => `127.0.0.1:${port}`).join(',');
  const followed = new Site(t, { upstream: upstream.url, store: `redis+cluster://${hosts}` });
  const single = new Site(t, { upstream: upstream.url, store: `${a.url}/0`, storeTimeout: TIMEOUT });
  const known = await followed.create();
  const unknown = [await followed.create(), await followed.create(), await followed.create()] as const;
  const [following, alone] = [await followed.serve(), await single.serve()];
  for (const { url } of [following, alone]) t.match(await ask(url, known.secret), { status: 200 });

  const ids = { a: await a.admin.cluster('MYID'), b: await b.admin.cluster('MYID') };
  await b.admin.cluster('SETSLOT', KEYS_SLOT, 'IMPORTING', ids.a);
  await a.admin.cluster('SETSLOT', KEYS_SLOT, 'MIGRATING', ids.b);
  for (;;) {
    const names = await a.admin.cluster('GETKEYSINSLOT', KEYS_SLOT, 100);
    if (names.length === 0) break;
    await a.admin.call('MIGRATE', '127.0.0.1', b.port, '', 0, 5_000, 'KEYS', ...names);
  }
  const check = async (name: string, index: 0 | 1): Promise<void> => {
    t.match(await ask(following.url, unknown[index].secret), { status: 200 }, `${name} is followed`);
    t.match(await ask(alone.url, unknown[2].secret), UNAVAILABLE, `${name} is no answer`);
    for (const { url } of [following, alone]) t.match(await ask(url, known.secret), { status: 200 }, 'in memory');
  };
  await check('ASK', 0);
  for (const { admin } of [b, a]) await admin.cluster('SETSLOT', KEYS_SLOT, 'NODE', ids.b);
  await check('MOVED', 1);
  for (const { child } of [following, alone]) t.equal(child.exitCode, null);
});
