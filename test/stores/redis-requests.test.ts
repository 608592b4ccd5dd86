import { hash } from 'node:crypto';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { RedisConnection } from '../../src/stores/redis/connection.ts';
import { RedisRequestLog } from '../../src/stores/redis/request-log.ts';
import { logName, requestsName } from '../../src/stores/redis/usage-layout.ts';
import { batch, entry } from '../conformance/request-log.ts';
import { startRedis } from '../support/redis.ts';

const server = await startRedis();
t.teardown(() => server.stop());
const raw = new Redis(server.url, { protocol: 2 });
t.teardown(() => raw.disconnect());

async function open(t: Test): Promise<RedisRequestLog> {
  const connection = await RedisConnection.open(server.url, 10_000);
  t.teardown(() => connection.close());
  return new RedisRequestLog(connection);
}

/** The list that has the notes of this id. */
function listOf(requestId: string): string {
  return requestsName(hash('sha256', requestId, 'hex').slice(0, 3));
}

t.test('a list has so many notes and no more, the newest', async (t) => {
  const log = await open(t);
  await raw.rpush(listOf('mine'), ...Array.from({ length: 400 }, (_, i) => `other ${i} key_x`));
  await log.append([batch('key_a', [entry('key_a', { requestId: 'mine' })])]);
  t.equal(await raw.llen(listOf('mine')), 256);
  t.equal((await log.find('mine', null))[0]?.keyId, 'key_a');
});

t.test('an id that comes again and again is noted once for each batch', async (t) => {
  const log = await open(t);
  const entries = Array.from({ length: 500 }, (_, i) => entry('key_b', { requestId: 'same', at: Date.now() - i }));
  await log.append([batch('key_b', entries), batch('key_c', [entry('key_c', { requestId: 'same', at: 5 })])]);
  t.ok((await raw.llen(listOf('same'))) <= 3);
  t.equal((await log.find('same', null))[0]?.at, entries[0]?.at);
});

t.test('notes go when nothing was noted for as long as logs are kept', async (t) => {
  const log = await open(t);
  const note = (requestId: string, retentionMs: number): Promise<void> =>
    log.append([batch('key_d', [entry('key_d', { requestId })], { retentionMs })]);
  await note('ends', 60_000);
  const left = await raw.pttl(listOf('ends'));
  t.ok(left > 0 && left <= 60_000, `${left} ms`);
  await note('ends', 600_000);
  await note('ends', 60_000);
  t.ok((await raw.pttl(listOf('ends'))) > 60_000, 'a type that keeps less does not shorten it');
});

t.test('a request is looked for in a bounded number of logs', async (t) => {
  const log = await open(t);
  await log.append([batch('key_e', [entry('key_e', { requestId: 'lost' })])]);
  const [note = ''] = await raw.lrange(listOf('lost'), 0, 0);
  t.ok(note.endsWith(' key_e'));
  await raw.del(logName('key_e'));
  t.strictSame(await log.find('lost', null), [], 'its log is gone');
  const [tag] = note.split(' ');
  await raw.lpush(listOf('lost'), ...Array.from({ length: 100 }, (_, i) => `${tag} ${i} key_f`));
  const before = Number(/cmdstat_zrevrangebylex:calls=(\d+)/.exec(await raw.info('commandstats'))?.[1] ?? 0);
  t.strictSame(await log.find('lost', null), []);
  const after = Number(/cmdstat_zrevrangebylex:calls=(\d+)/.exec(await raw.info('commandstats'))?.[1] ?? 0);
  t.equal(after - before, 20);
});
