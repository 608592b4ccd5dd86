import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import type { Store } from '../../src/core/ports.ts';
import { openStore } from '../../src/stores/open.ts';
import { newRecord, storeError } from '../conformance/harness.ts';
import type { RedisServer } from '../support/redis.ts';
import { type RedisSentinels, startSentinels } from '../support/redis-sentinel.ts';
import { type Finder, openFinder } from './revocations.ts';
import { revoke } from './revoke.ts';

const clock = { now: () => Date.now() };
const PASSWORD = 'hunter2';

/** Resolves when the sentinels have made another server the primary. */
async function failedOver(site: RedisSentinels, old: RedisServer, meanwhile: () => void): Promise<void> {
  while ((await site.primary()) === old) {
    meanwhile();
    await delay(20);
  }
}

/** Until it takes writes again. @returns how long that took, in milliseconds */
async function recovered({ keys }: Store): Promise<number> {
  const began = performance.now();
  while (
    !(await keys.create(newRecord()).then(
      () => true,
      () => false,
    ))
  )
    await delay(10);
  return performance.now() - began;
}

async function found({ directory }: Finder, secret: string): Promise<string | undefined> {
  const key = directory.peek(secret) ?? (await directory.find(secret));
  return key?.key.record.status;
}

for (const how of ['dies', 'hangs'] as const) {
  t.test(`when the primary ${how}, another takes over`, async (t) => {
    const site = await startSentinels({ password: PASSWORD });
    t.teardown(() => site.stop());
    const settings = { kind: 'redis', url: site.url, timeoutMs: 500 } as const;
    const [finder, other] = [await openFinder(t, settings), await openStore(settings, clock)];
    t.teardown(() => other.close());
    const [known, revoked] = [await finder.issue(), await finder.issue()];
    await revoke(other, revoked.id);
    await finder.refused(revoked.secret);
    // So that all replicas have it.
    await delay(50);
    const old = await site.primary();
    if (how === 'dies') await old.kill();
    else old.suspend();
    await failedOver(site, old, () => {
      t.not(finder.directory.peek(revoked.secret)?.key.record.status, 'active');
    });
    const tookMs = await recovered(other);
    t.comment(`${Math.round(tookMs)} ms after the sentinels had a new primary`);
    t.ok(tookMs < 5_000);
    await recovered(finder.store);
    // Only on the new primary, which the old one knows nothing of.
    await revoke(other, known.id);
    await finder.refused(known.secret);

    if (how === 'dies') await old.restart();
    else old.resume();
    for (let i = 0; i < 20; i++) {
      for (const { secret } of [known, revoked]) {
        const status = await found(finder, secret).catch(() => 'refused for now');
        t.match(status, /^(revoked|refused for now)$/, 'also when the old primary is back');
      }
      await delay(50);
    }
    t.not(await site.primary(), old);
  });
}

t.test('what is wrong at the start is said, without the password', async (t) => {
  const site = await startSentinels();
  t.teardown(() => site.stop());
  const hosts = /\/\/(.*)\/latchkey$/.exec(site.url)?.[1] ?? '';
  const failure = (url: string): Promise<unknown> =>
    openStore({ kind: 'redis', url, timeoutMs: 100 }, clock).then(
      () => 'it was opened',
      (error: unknown) => error,
    );
  const unknown = await failure(`redis+sentinel://u:hunter2@${hosts}/other`);
  t.match(unknown, { ...storeError('STORE_UNAVAILABLE'), message: /knows no primary of the name other$/ });
  const refused = await failure(`redis+sentinel://:hunter2@127.0.0.1:1,127.0.0.1:2/latchkey`);
  t.match(refused, { ...storeError('STORE_UNAVAILABLE'), message: /127\.0\.0\.1:1,127\.0\.0\.1:2\) .*ECONNREFUSED/ });
  for (const error of [unknown, refused]) t.notMatch(error, { message: /hunter2/ });

  const store = await openStore(
    { kind: 'redis', url: `redis+sentinel://127.0.0.1:1,${hosts}/latchkey/3`, timeoutMs: 5_000 },
    clock,
  );
  await t.resolves(store.ping(), 'one sentinel that answers is enough');
  await store.close();
});
