import type { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { DAY_MS, HOUR_MS, type Lease, type Limits } from '../../src/core/limits.ts';
import { GRANT_FIELDS, limitName } from '../../src/stores/redis/layout.ts';
import { LEASE } from '../../src/stores/redis/scripts.ts';
import { newId, storeError } from '../conformance/harness.ts';
import { type Wire, wireTo } from '../faults/outage-wire.ts';
import { type Relay, relayTo } from '../faults/relay.ts';
import { isUp, openOther, setUp, until } from './redis-fixture.ts';

const LIMITS: Limits = { perHour: 1_000, perDay: 10_000, burst: 1_000 };
const UNAVAILABLE = storeError('STORE_UNAVAILABLE');

/** One key, a process that leases it over a wire on which answers can be lost, and the server itself. */
interface Place {
  readonly name: string;
  readonly raw: Redis;
  readonly wire: Wire;
  /** The other part of the way: it can refuse connections. */
  readonly relay: Relay;
  readonly url: string;
  lease(want: number): Promise<Lease>;
  /** Leases that the server counts, and whose answers are lost with the connection: all in one turn. */
  lose(...wants: readonly number[]): Promise<void>;
  /** Resolves when the process is connected again. */
  isBack(): Promise<void>;
  /** What is counted in the hour and the day. */
  used(): Promise<readonly number[]>;
  field(): Promise<string>;
}

async function placeFor(t: Test, timeoutMs = 10_000): Promise<Place> {
  const { server, raw } = await setUp(t);
  const wire = await wireTo(t, server.port);
  const relay = await relayTo(t, wire.port);
  const url = `redis://127.0.0.1:${relay.port}`;
  const store = await openOther(t, { url }, timeoutMs);
  // The server has to know the script: to one that does not, it is sent with the second question.
  await until(async () => (await store.limits.lease(newId(), LIMITS, 1)).granted === 1);
  const id = newId();
  const name = limitName(id);
  const lease = async (want: number): Promise<Lease> => store.limits.lease(id, LIMITS, want);
  const used = async (): Promise<readonly number[]> =>
    (await raw.hmget(name, 'hourUsed', 'dayUsed')).map((text) => Number(text));
  return {
    name,
    raw,
    wire,
    relay,
    url: server.url,
    lease,
    used,
    isBack: () => until(() => isUp(store)),
    lose: async (...wants) => {
      const before = await raw.hgetall(name);
      wire.drop();
      const lost = wants.map((want) => t.rejects(lease(want), UNAVAILABLE));
      await until(async () => (await raw.hget(name, 'units')) !== (before['units'] ?? null));
      wire.mend();
      await Promise.all(lost);
      await until(() => isUp(store));
    },
    field: async () => (await raw.hkeys(name)).find((field) => /^o\d$/.test(field)) ?? '',
  };
}

t.test('a lease that was counted, and whose connection then broke, is given back by the next one', async (t) => {
  const { lose, lease, used, raw, name } = await placeFor(t);
  await lose(5);
  t.strictSame(await used(), [5, 5]);
  t.match(await lease(2), { granted: 2, hourRemaining: 998, dayRemaining: 9_998, burstRemaining: 998 });
  t.strictSame(await used(), [2, 2]);
  await lease(3);
  t.strictSame(await used(), [5, 5], 'once');
  t.ok((await raw.pttl(name)) > 2 * DAY_MS);
});

t.test('so is one whose answer did not come in time', async (t) => {
  const { wire, lease, used } = await placeFor(t, 500);
  wire.drop();
  await t.rejects(lease(5), UNAVAILABLE);
  await until(async () => (await used())[0] === 5);
  wire.mend();
  // On a machine that is busy this may take more than one, each of which is given back by the next.
  await until(async () => (await lease(1)).granted === 1);
  t.strictSame(await used(), [1, 1]);
});

t.test('of several that were not answered, one after the other, none is counted', async (t) => {
  const { lose, lease, used } = await placeFor(t);
  await lease(1);
  for (const want of [5, 4, 3]) await lose(want);
  t.strictSame(await used(), [4, 4], 'each gave back the one before');
  await lease(1);
  t.strictSame(await used(), [2, 2]);
});

t.test('leases of one key in one turn are given back together', async (t) => {
  const { lose, lease, used } = await placeFor(t);
  await lose(5, 3, 1);
  t.strictSame(await used(), [9, 9]);
  await lease(1);
  t.strictSame(await used(), [1, 1]);
});

t.test('one that was never executed does not hide the one before it', async (t) => {
  const { lose, lease, used, isBack, raw } = await placeFor(t);
  await lose(5);
  await lease(1);
  await lose(5);
  for (let i = 0; i < 12; i++) {
    await raw.client('PAUSE', 60_000, 'WRITE');
    const broken = t.rejects(lease(1), UNAVAILABLE);
    await until(async () => /cmd=evalsha/.test(String(await raw.client('LIST'))));
    await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await broken;
    await raw.client('UNPAUSE');
    await isBack();
  }
  t.strictSame(await used(), [6, 6]);
  await until(async () => (await lease(1)).granted === 1);
  t.strictSame(await used(), [2, 2]);
});

t.test('nor do any that were never sent', async (t) => {
  const { lose, lease, used, isBack, relay } = await placeFor(t);
  for (const want of [5, 4]) await lose(want);
  await relay.refuse();
  await t.rejects(lease(1), UNAVAILABLE, 'the end of the connection is noticed');
  for (let i = 0; i < 12; i++) await t.rejects(lease(1), UNAVAILABLE);
  await relay.mend();
  await isBack();
  await lease(1);
  t.strictSame(await used(), [1, 1]);
});

t.test('one that Redis refused takes nothing back with it', async (t) => {
  const { lose, lease, used, raw } = await placeFor(t);
  await lose(5);
  await raw.replicaof('127.0.0.1', 1);
  for (let i = 0; i < 10; i++) await t.rejects(lease(1), UNAVAILABLE);
  await raw.replicaof('NO', 'ONE');
  await lease(1);
  t.strictSame(await used(), [1, 1]);
});

t.test('what another lease has come after stays counted', async (t) => {
  await t.test('of the same process', async (t) => {
    const { wire, lease, used } = await placeFor(t);
    wire.drop();
    const lost = [t.rejects(lease(5), UNAVAILABLE)];
    await until(async () => (await used())[0] === 5);
    lost.push(t.rejects(lease(3), UNAVAILABLE));
    await until(async () => (await used())[0] === 8);
    wire.mend();
    await Promise.all(lost);
    await until(async () => (await lease(1)).granted === 1);
    t.strictSame(await used(), [6, 6]);
  });
  await t.test('of a process with the same field', async (t) => {
    const { lose, lease, used, raw, name, field } = await placeFor(t);
    await lose(5);
    const { perHour, perDay, burst } = LIMITS;
    await raw.eval(LEASE.lua, 1, name, await field(), 'anothers1', perHour, perDay, burst, 3, 0, ' anothers0 ', '');
    t.strictSame(await used(), [8, 8], 'it gives back nothing that is not its own');
    await lease(1);
    t.strictSame(await used(), [9, 9], 'and nothing of it is given back');
  });
});

t.test('what was taken in another hour or day is not given back to this one', async (t) => {
  const { lose, lease, used, raw, name, field } = await placeFor(t);
  const { now } = await lease(1);
  await lose(5);
  const token = (await raw.hget(name, await field()))?.split(' ')[0];
  await raw.hset(name, await field(), `${token} 5 ${now - DAY_MS}`);
  await lease(1);
  t.strictSame(await used(), [7, 7]);
  await lose(5);
  const later = (await raw.hget(name, await field()))?.split(' ')[0];
  // The first hour of a day has only hours of another day before it: then it is an hour of that day that comes after.
  const hour = Math.floor(now / HOUR_MS);
  const another = hour % 24 === 0 ? now + HOUR_MS : now - HOUR_MS;
  await raw.hset(name, await field(), `${later} 5 ${another}`);
  await lease(1);
  t.strictSame(await used(), [13, 8]);
});

t.test('the hash does not grow with the processes', async (t) => {
  const { raw, url, name, lease } = await placeFor(t);
  await lease(1);
  const others = await Promise.all(Array.from({ length: 3 * GRANT_FIELDS }, () => openOther(t, { url })));
  for (const { limits } of others) await limits.lease(name.slice(limitName('').length), LIMITS, 1);
  const fields = (await raw.hkeys(name)).filter((field) => field.startsWith('o'));
  t.ok(fields.length <= GRANT_FIELDS, fields.join());
  for (const field of fields) t.match(field, /^o[0-7]$/);
  t.equal(await raw.object('ENCODING', name), 'listpack');
});
