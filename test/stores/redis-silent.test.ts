import t from 'tap';
import type { Limits } from '../../src/core/limits.ts';
import { limitName } from '../../src/stores/redis/layout.ts';
import { newId, storeError } from '../conformance/harness.ts';
import { isUp, openOther, setUp, until } from './redis-fixture.ts';

const LIMITS: Limits = { perHour: 1_000, perDay: 1_000, burst: 1_000 };
const UNAVAILABLE = storeError('STORE_UNAVAILABLE');

t.test('while an answer is owed that was given up, nothing more is sent', async (t) => {
  const { server, raw } = await setUp(t);
  const store = await openOther(t, server, 1_000);
  await until(async () => (await store.limits.lease(newId(), LIMITS, 1)).granted === 1);
  const [first, second] = [newId(), newId()];
  server.suspend();
  await t.rejects(async () => store.limits.lease(first, LIMITS, 1), UNAVAILABLE);
  for (let i = 0; i < 5; i++) {
    await t.rejects(async () => store.limits.lease(second, LIMITS, 1), { ...UNAVAILABLE, message: /owes an answer/ });
    await t.rejects(async () => store.keys.findByDigest('sha256:x'), { ...UNAVAILABLE, message: /owes an answer/ });
  }
  server.resume();
  await until(() => isUp(store));
  t.equal(await raw.hget(limitName(first), 'hourUsed'), '1');
  t.equal(await raw.exists(limitName(second)), 0);
  await until(async () => (await store.limits.lease(second, LIMITS, 1)).granted === 1);
});
