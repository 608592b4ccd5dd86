import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { DAY_MS, type Limits } from '../../src/core/limits.ts';
import type { Store, StoreErrorCode } from '../../src/core/ports.ts';
import type { LoggedRequest } from '../../src/core/request-log.ts';
import { openRedisStore } from '../../src/stores/redis/index.ts';
import { limitName } from '../../src/stores/redis/layout.ts';
import { newRole } from '../conformance/audit.ts';
import { newEvent, newId, newRecord, storeError } from '../conformance/harness.ts';
import { startRedis } from '../support/redis.ts';
import { isUp, setUp, until } from './redis-fixture.ts';

const LIMITS: Limits = { perHour: 1_000, perDay: 10_000, burst: 1_000 };
/** Far more than any timeout that is set here: what is tested is that there is an end to waiting. */
const GENEROUS_MS = 5_000;

/** Every call that the port has. */
function allCalls(store: Store): Record<string, () => Promise<unknown>> {
  const { keys, roles, limits, usage, requests, audit } = store;
  const record = newRecord();
  const role = newRole();
  const lease = { granted: 1, refusedBy: null, retryAfterMs: 0, hourRemaining: 0, dayRemaining: 0 };
  const full = { ...lease, burstRemaining: 0, burstFullInMs: 0, now: 0 };
  const use = { keyId: 'key_x', lastUsedAt: 1, previousLastUsedAt: null };
  const logged = { keyId: 'key_x', retentionMs: DAY_MS, maxEntries: 10, entries: [newLogged()] };
  return {
    ping: () => store.ping(),
    find: async () => keys.findByDigest('sha256:x'),
    get: () => keys.get('key_x'),
    list: () => keys.list({ limit: 1 }),
    create: () => keys.create(record),
    'create with an event': () => keys.create(record, { event: newEvent() }),
    replace: () => keys.replace({ ...record, version: 2 }),
    delete: () => keys.delete('key_x', 1),
    claim: () => keys.findClaim('x', 0),
    changes: async () => keys.changesSince(null),
    roles: () => roles.list(),
    role: () => roles.get('x'),
    'create role': () => roles.create(role),
    'replace role': () => roles.replace({ ...role, version: 2 }),
    'delete role': () => roles.delete('x', 1),
    lease: async () => limits.lease('key_x', LIMITS, 1),
    peek: async () => limits.peek('key_x'),
    release: async () => limits.release('key_x', LIMITS, 1, full),
    record: () => usage.record({ writer: 'x', number: 1, uses: [use], deltas: [], keepFrom: 0 }),
    read: () => usage.read(['key_x']),
    requests: () => usage.requests(['key_x'], 1, 2),
    days: () => usage.days('all', 1, 2),
    'log request': () => requests.append([logged]),
    'read requests': () => requests.read({ keyId: 'key_x', limit: 1, order: 'newest' }),
    'find a request': () => requests.find('x', null),
    'prune requests': () => requests.prune(1),
    append: () => audit.append(newEvent()),
    'read audit': () => audit.read({ limit: 1 }),
    'walk audit': () => audit.walk(0, 1),
    head: () => audit.head(),
    anchor: () => audit.anchor(),
    'prune audit': () => audit.prune(1, 1),
  };
}

function newLogged(): LoggedRequest {
  return {
    keyId: 'key_x',
    requestId: newId(),
    at: 1_700_000_000_000,
    address: '203.0.113.7',
    userAgent: null,
    method: 'GET',
    path: '/',
    route: null,
    status: 200,
    code: null,
    wouldDeny: [],
    durationUs: 1,
  };
}

async function allReject(t: Test, store: Store, code: StoreErrorCode): Promise<void> {
  for (const [name, call] of Object.entries(allCalls(store))) {
    const tooLate = new AbortController();
    const outcome = call().then(
      () => 'answered',
      (error: unknown) => error,
    );
    const late = delay(GENEROUS_MS, 'too late', { signal: tooLate.signal }).catch(() => 'in time');
    t.match(await Promise.race([outcome, late]), storeError(code), name);
    tooLate.abort();
  }
}

t.test('a server that cannot be reached is named, its password is not', async (t) => {
  const server = await startRedis();
  await server.stop();
  const url = `redis://someone:hunter2@127.0.0.1:${server.port}/0`;
  const error = await openRedisStore({ url, timeoutMs: 100 }).catch((reason: unknown) => reason);
  t.match(error, { ...storeError('STORE_UNAVAILABLE'), message: `127.0.0.1:${server.port}` });
  t.match(error, { message: /ECONNREFUSED/ });
  t.notMatch(error, { message: /hunter2/ });
});

t.test('a password is checked at the start, and a wrong one is not repeated', async (t) => {
  const server = await startRedis('--requirepass', 'right horse');
  t.teardown(() => server.stop());
  const url = (password: string): string => `redis://:${encodeURIComponent(password)}@127.0.0.1:${server.port}/2`;
  const error = await openRedisStore({ url: url('hunter2'), timeoutMs: 1_000 }).catch((reason: unknown) => reason);
  t.match(error, { ...storeError('STORE_UNAVAILABLE'), message: /WRONGPASS/ });
  t.notMatch(error, { message: /hunter2/ });
  const store = await openRedisStore({ url: url('right horse'), timeoutMs: 10_000 });
  await t.resolves(store.ping());
  await store.close();
});

t.test('a URL of another kind is refused without being repeated', async (t) => {
  for (const url of [
    'redis+sentinel://u:hunter2@h:1',
    'redis+cluster://u:hunter2@h:1/m',
    'http://u:hunter2@h',
    'hunter2',
    'redis://',
  ]) {
    const error = await openRedisStore({ url, timeoutMs: 100 }).catch((reason: unknown) => reason);
    t.match(error, storeError('STORE_UNAVAILABLE'));
    t.notMatch(error, { message: /hunter2/ });
  }
});

t.test('while the server is gone every call fails, and when it is back every call works', async (t) => {
  const { server, store } = await setUp(t);
  const record = newRecord();
  await store.keys.create(record);
  const { cursor } = await store.keys.changesSince(null);
  const underWay = Promise.allSettled(Array.from({ length: 200 }, async () => store.limits.lease('key_y', LIMITS, 1)));
  await server.kill();
  await underWay;
  await allReject(t, store, 'STORE_UNAVAILABLE');
  await server.restart();
  await until(() => isUp(store));
  t.equal((await store.keys.changesSince(cursor)).changed, null, 'that it came back empty does not go unseen');
  t.equal((await store.limits.lease('key_z', LIMITS, 1)).granted, 1, 'scripts are sent again');
  await t.resolves(store.keys.create(record));
});

t.test('a server that does not answer is given up on in time, and what failed is not done later', async (t) => {
  const { server, store } = await setUp(t, 150);
  const patient = await openRedisStore({ url: server.url, timeoutMs: 10_000 });
  t.teardown(() => patient.close());
  const record = newRecord();
  // So that the server knows the script, and would run it as soon as it can.
  await patient.keys.create(newRecord());
  server.suspend();
  await t.rejects(store.keys.create(record), storeError('STORE_UNAVAILABLE'));
  await allReject(t, store, 'STORE_UNAVAILABLE');
  server.resume();
  await until(() => isUp(store));
  await until(async () => (await patient.keys.get(record.id)) === null);
  await patient.keys.create(record);
  t.strictSame(await patient.keys.findByDigest(record.secret.digest), record);
  t.strictSame(
    (await patient.keys.list({ limit: 10 })).keys.filter((key) => key.id === record.id),
    [record],
  );
});

t.test('a lease whose connection breaks is not sent again', async (t) => {
  const { store, raw } = await setUp(t);
  await store.limits.lease('key_a', LIMITS, 1);
  await raw.client('PAUSE', 60_000, 'WRITE');
  const broken = t.rejects(async () => store.limits.lease('key_a', LIMITS, 1), storeError('STORE_UNAVAILABLE'));
  await until(async () => /cmd=evalsha/.test(String(await raw.client('LIST'))));
  await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await broken;
  await raw.client('UNPAUSE');
  await until(() => isUp(store));
  t.equal((await store.limits.lease('key_a', LIMITS, 1)).hourRemaining, LIMITS.perHour - 2);
});

t.test('a server that forgot the scripts counts once', async (t) => {
  const { store, raw } = await setUp(t);
  await store.limits.lease('key_a', LIMITS, 1);
  await raw.script('FLUSH');
  const leases = await Promise.all(Array.from({ length: 20 }, async () => store.limits.lease('key_a', LIMITS, 1)));
  t.equal(Math.min(...leases.map((lease) => lease.hourRemaining)), LIMITS.perHour - 21);
});

t.test('a server that takes no writes: keys are read, not changed, and counting is unavailable', async (t) => {
  const { store, raw } = await setUp(t);
  const record = newRecord();
  await store.keys.create(record);
  const modes: Record<string, [() => Promise<unknown>, () => Promise<unknown>]> = {
    replica: [() => raw.replicaof('127.0.0.1', 1), () => raw.replicaof('NO', 'ONE')],
    'out of memory': [() => raw.config('SET', 'maxmemory', '1'), () => raw.config('SET', 'maxmemory', '0')],
  };
  for (const [name, [begin, end]] of Object.entries(modes)) {
    const refused = newRecord();
    await begin();
    await t.rejects(store.keys.create(refused), storeError('STORE_READ_ONLY'), name);
    const rotated = { ...record, secret: { digest: `sha256:${newId()}`, hint: '' }, version: 2 };
    await t.rejects(store.keys.replace(rotated), storeError('STORE_READ_ONLY'), name);
    await t.rejects(async () => store.limits.lease(newId(), LIMITS, 1), storeError('STORE_UNAVAILABLE'), name);
    t.strictSame(await store.keys.findByDigest(record.secret.digest), record, name);
    await end();
    t.equal(await store.keys.get(refused.id), null, 'nothing was written');
    t.equal(await store.keys.findByDigest(rotated.secret.digest), null);
    await t.resolves(store.keys.create(refused), 'and nothing is in the way');
  }
});

t.test('a key can be revoked when the memory is full', async (t) => {
  const { store, raw } = await setUp(t);
  const record = newRecord();
  await store.keys.create(record);
  await raw.config('SET', 'maxmemory', '1');
  await t.resolves(store.keys.replace({ ...record, status: 'revoked', version: 2 }));
  t.match(await store.keys.findByDigest(record.secret.digest), { status: 'revoked' });
});

t.test('a limit that is not used is forgotten, later than any window', async (t) => {
  const { store, raw } = await setUp(t);
  await store.limits.lease('key_a', LIMITS, 1);
  const left = await raw.pttl(limitName('key_a'));
  t.ok(left > 2 * DAY_MS && left <= 3 * DAY_MS, String(left));
});

t.test('a name that holds something else is corrupt', async (t) => {
  const { store, raw } = await setUp(t);
  await raw.lpush('lk:{keys}:record:key_a', 'x');
  await t.rejects(store.keys.get('key_a'), storeError('STORE_CORRUPT'));
});

t.test('leases of one turn are decided each by itself: what one has wrong fails that one', async (t) => {
  const { store, raw } = await setUp(t);
  const [good, bad, other] = [newId(), newId(), newId()];
  await raw.set(limitName(bad), 'something else');
  const [first, second, third] = await Promise.allSettled(
    [good, bad, other].map(async (id) => store.limits.lease(id, LIMITS, 1)),
  );
  t.match(first, { status: 'fulfilled', value: { granted: 1 } });
  t.match(second, { status: 'rejected', reason: storeError('STORE_CORRUPT') });
  t.match(third, { status: 'fulfilled', value: { granted: 1 } });
});

t.test('commands that wait are bounded', async (t) => {
  const { server, store } = await setUp(t);
  server.suspend();
  const work = Array.from({ length: 10_100 }, async () => store.limits.lease('key_a', LIMITS, 1));
  const settled = Promise.allSettled(work);
  const refused = work.slice(10_050).map((lease) => t.rejects(async () => lease, storeError('STORE_UNAVAILABLE')));
  await Promise.all(refused);
  server.resume();
  const outcomes = await settled;
  const answered = outcomes.filter((outcome) => outcome.status === 'fulfilled').length;
  t.ok(answered >= 9_990 && answered <= 10_000, String(answered));
});
