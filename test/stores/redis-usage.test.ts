import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import type { LoggedRequest, LogPage } from '../../src/core/request-log.ts';
import { dayOf, type KeyUse, startOf, type UsageBatch, type UsageScope } from '../../src/core/usage.ts';
import { RedisConnection } from '../../src/stores/redis/connection.ts';
import { RedisRequestLog } from '../../src/stores/redis/request-log.ts';
import { RedisUsageStore } from '../../src/stores/redis/usage.ts';
import {
  countsName,
  daysName,
  LOGS,
  lastUseName,
  logName,
  logsName,
  sentName,
} from '../../src/stores/redis/usage-layout.ts';
import { MAX_WRITERS } from '../../src/stores/redis/usage-scripts.ts';
import { startRedis } from '../support/redis.ts';

const DAY = 20_780;
const DAY_SECONDS = 86_400;

const server = await startRedis();
t.teardown(() => server.stop());
const raw = new Redis(server.url, { protocol: 2 });
t.teardown(() => raw.disconnect());

async function connect(t: Test): Promise<RedisConnection> {
  const connection = await RedisConnection.open(server.url, 10_000);
  t.teardown(() => connection.close());
  return connection;
}

function batch(writer: string, number: number, scopes: readonly UsageScope[], day = DAY): UsageBatch {
  const one = { hours: { 4: { requests: 1, errors: 0, timeUs: 9 } }, endpoints: { '': 1 }, methods: { GET: 1 } };
  const deltas = scopes.map((scope) => ({ scope, day, ...one, denials: {} }));
  return { writer, number, uses: [], deltas, keepFrom: DAY - 90 };
}

t.test('of a batch that failed in part, sending it again adds just the rest', async (t) => {
  const usage = new RedisUsageStore(await connect(t));
  const scopes = Array.from({ length: 300 }, (_, i): UsageScope => `owner:part-${i}`);
  const blocked = scopes[120] as UsageScope;
  await raw.set(sentName(blocked, DAY), 'in the way');
  await t.rejects(usage.record(batch('p', 1, scopes)), { name: 'StoreError', code: 'STORE_CORRUPT' });
  const counts = async (): Promise<number[]> => {
    const days = await Promise.all(scopes.map((scope) => usage.days(scope, DAY, DAY)));
    return days.map(([day]) => day?.hours[4]?.requests ?? 0);
  };
  const before = await counts();
  t.ok(before.includes(0) && before.includes(1), 'some are added, some not');
  await raw.del(sentName(blocked, DAY));
  await usage.record(batch('p', 1, scopes));
  t.ok((await counts()).every((requests) => requests === 1));
  await usage.record(batch('p', 2, scopes));
  t.ok((await counts()).every((requests) => requests === 2));
});

t.test('what is counted goes when its retention is over, and what was sent long before', async (t) => {
  const usage = new RedisUsageStore(await connect(t));
  const scope: UsageScope = 'owner:ttl';
  await usage.record(batch('t', 1, [scope], DAY - 100));
  await usage.record(batch('t', 2, [scope], DAY - 30));
  const days = async (name: string): Promise<number> => (await raw.ttl(name)) / DAY_SECONDS;
  t.ok((await days(countsName(scope, DAY - 30))) > 60);
  t.ok((await days(countsName(scope, DAY - 30))) <= 61, 'a day of 30 days ago stays for 60 more, and until it ends');
  t.ok((await days(countsName(scope, DAY - 100))) <= 1);
  t.ok((await days(sentName(scope, DAY - 30))) <= 2);
  t.strictSame(await raw.hkeys(daysName(scope)), [String(DAY - 30)], 'a new day takes what is too old with it');
  const ttl = await days(daysName(scope));
  t.ok(ttl > 60 && ttl <= 61);
  // A process that counts for it later must not leave it there for ever.
  await raw.del(countsName(scope, DAY - 30));
  await usage.record(batch('t', 3, [scope], DAY - 30));
  t.ok((await days(countsName(scope, DAY - 30))) > 60);
});

function ids({ entries }: LogPage): string[] {
  return entries.map(({ requestId }) => requestId);
}

t.test('a last use goes when the key was not used for as long as the retention', async (t) => {
  const usage = new RedisUsageStore(await connect(t));
  const days = async (keyId: string): Promise<number> => (await raw.ttl(lastUseName(`key:${keyId}`))) / DAY_SECONDS;
  const isWhole = (ttl: number): boolean => ttl > 90.9 && ttl <= 91;
  const use = (keyId: string, day: number): KeyUse => ({ keyId, lastUsedAt: startOf(day), previousLastUsedAt: null });
  let number = 0;
  const record = (scopes: readonly UsageScope[], uses: readonly KeyUse[]): Promise<void> => {
    number++;
    return usage.record({ ...batch('u', number, scopes), uses });
  };
  // Some with counts of the same key, some without.
  await record(['key:counted'], [use('counted', DAY), use('alone', DAY), use('old', DAY - 89)]);
  t.ok(isWhole(await days('counted')));
  t.ok(isWhole(await days('alone')));
  t.ok((await days('old')) <= 2);
  // What uses it later keeps it longer; what is written late, of earlier, does not shorten it.
  for (const keyId of ['counted', 'alone']) await raw.expire(lastUseName(`key:${keyId}`), DAY_SECONDS);
  await record(['key:counted'], [use('counted', DAY), use('alone', DAY)]);
  await record([], [use('counted', DAY - 50), use('alone', DAY - 50)]);
  t.ok(isWhole(await days('counted')));
  t.ok(isWhole(await days('alone')));
  t.strictSame(await usage.read(['counted', 'alone']), [use('counted', DAY), use('alone', DAY)]);
  await record([], [{ keyId: 'never', lastUsedAt: null, previousLastUsedAt: null }]);
  t.equal(await raw.exists(lastUseName('key:never')), 0);
});

t.test('a log is gone by itself when nobody writes to it for as long as its retention', async (t) => {
  const log = new RedisRequestLog(await connect(t));
  const at = Date.now();
  const entry: LoggedRequest = {
    keyId: 'key_1',
    requestId: 'r',
    at,
    address: '',
    userAgent: null,
    method: 'GET',
    path: '/',
    route: null,
    status: 200,
    code: null,
    wouldDeny: [],
    durationUs: 1,
  };
  const old = { ...entry, at: at - 120_000, requestId: 'old' };
  await log.append([{ keyId: 'key_1', entries: [old, entry], retentionMs: 60_000, maxEntries: 10 }]);
  const page = await log.read({ keyId: 'key_1', limit: 5, order: 'oldest' });
  t.strictSame(ids(page), ['r'], 'what is too old already does not stay');
  const left = await raw.pttl(logName('key_1'));
  t.ok(left > 0 && left <= 60_000);
  while ((await log.prune(at + 1_000)) > 0);
  const list = logsName('key_1');
  t.equal(Number(await raw.zscore(list, 'key_1')), at + 60_000, 'it is looked at when its oldest entry expires');
  t.equal(await log.prune(at + 60_000), 1);
  t.equal(await raw.zcard(list), 0);
});

t.test('of processes that count for a scope so many are remembered, those that wrote there last', async (t) => {
  const usage = new RedisUsageStore(await connect(t));
  const scope: UsageScope = 'owner:restarts';
  const yesterday = dayOf(Date.now()) - 1;
  const writers = Array.from({ length: MAX_WRITERS }, (_, i) => `process-${i}`);
  const sent = sentName(scope, yesterday);
  // Each wrote its second batch in a second of its own, the first of them once more just now.
  await raw.hset(sent, ...writers.flatMap((writer, i) => [writer, 2_000_000 + i]));
  await usage.record(batch('process-0', 3, [scope], yesterday));
  t.equal(await raw.hlen(sent), MAX_WRITERS);
  await usage.record(batch('one more', 1, [scope], yesterday));
  t.equal(await raw.hlen(sent), 0.75 * MAX_WRITERS + 1);
  t.strictSame(await raw.hmget(sent, 'process-1', 'process-256'), [null, null], 'the longest ago are forgotten');
  const requests = async (): Promise<number> =>
    (await usage.days(scope, yesterday, yesterday))[0]?.hours[4]?.requests ?? 0;
  t.equal(await requests(), 2);
  for (const writer of writers.slice(257)) await usage.record(batch(writer, 2, [scope], yesterday));
  await usage.record(batch('process-0', 3, [scope], yesterday));
  await usage.record(batch('one more', 1, [scope], yesterday));
  t.equal(await requests(), 2, 'what any of the others sends again is not counted again');
  await usage.record(batch('process-257', 3, [scope], yesterday));
  t.equal(await requests(), 3);
  await Promise.all(Array.from({ length: 1_500 }, (_, i) => usage.record(batch(`next-${i}`, 1, [scope], yesterday))));
  t.ok((await raw.hlen(sent)) <= MAX_WRITERS);
  t.equal(await requests(), 1_503);
});

t.test('logs that Redis forgot itself are taken off the lists as well, a bounded number at a time', async (t) => {
  const log = new RedisRequestLog(await connect(t));
  // In a few lists, so that each has many.
  const few = new Set(LOGS.slice(0, 3));
  const ids = Array.from({ length: 20_000 }, (_, i) => `gone_${i}`).filter((id) => few.has(logsName(id)));
  await Promise.all(ids.map((id, i) => raw.zadd(logsName(id), 1_000 + i, id)));
  const left = async (): Promise<number> => {
    const places = await Promise.all(ids.map((id) => raw.zscore(logsName(id), id)));
    return places.filter((place) => place !== null).length;
  };
  for (let before = ids.length; before > 0; ) {
    t.ok((await log.prune(2_000)) > 0, `${before} are left`);
    const after = await left();
    t.ok(after < before && after >= before - 96, `${before} to ${after}`);
    before = after;
  }
  t.equal(await log.prune(2_000), 0);
});
