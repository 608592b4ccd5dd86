import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import { DAY_MS, HOUR_MS, type Limits } from '../../src/core/limits.ts';
import { openSqliteStore } from '../../src/stores/sqlite/index.ts';
import { until } from '../e2e/site.ts';

const LIMITS: Limits = { perHour: 100, perDay: 1_000, burst: 40 };
const START = 20_000 * DAY_MS + HOUR_MS;
const TIMEOUT_MS = 20;

/** Two processes on one file, and a third that locks it when the test says so. */
async function setUp(t: Test) {
  const path = join(t.testdir(), 'keys.db');
  const options = { path, timeoutMs: TIMEOUT_MS, clock: { now: () => START } };
  const [first, second] = [await openSqliteStore(options), await openSqliteStore(options)];
  const other = new DatabaseSync(`${path}-limits`);
  t.teardown(async () => {
    other.close();
    await Promise.all([first.close(), second.close()]);
  });
  return { first: first.limits, second: second.limits, other };
}

t.test('what is given back while the file is locked arrives when it is free', async (t) => {
  const { first, second, other } = await setUp(t);
  await first.lease('key_a', LIMITS, 1);
  await until(() => Promise.resolve(second.lease('key_a', LIMITS, 1)).then(Boolean, () => false));
  const lease = await first.lease('key_a', LIMITS, 10);
  const used = 100 - lease.hourRemaining;
  other.exec('BEGIN IMMEDIATE');
  await first.release('key_a', LIMITS, 4, lease);
  await t.rejects(Promise.resolve(second.lease('key_a', LIMITS, 1)), { code: 'STORE_UNAVAILABLE' }, 'it is locked');
  other.exec('COMMIT');
  await until(async () => (await second.peek('key_a')).state?.hourUsed === used - 4);
  t.pass('all of it, once');
});

t.test('an owner that could not write how things stand goes on from what the others wrote', async (t) => {
  const { first, second, other } = await setUp(t);
  await first.lease('key_a', LIMITS, 10);
  other.exec('INSERT INTO sharing VALUES (1)');
  other.exec('BEGIN IMMEDIATE');
  await until(async () => (await second.peek('key_a')).isExact);
  other.exec('UPDATE limits SET hour_used = 50; DELETE FROM sharing; COMMIT');
  t.equal((await first.lease('key_a', LIMITS, 1)).hourRemaining, 49);
});
