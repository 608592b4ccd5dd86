/** Gateways over a primary that dies or hangs, and whoever hears of it at the wrong moment. */
import type { Redis } from 'ioredis';
import t from 'tap';
import { openStore } from '../../src/stores/open.ts';
import { pause } from '../e2e/site.ts';
import { accepted, failOver, gatewaysOver } from './failover-load.ts';
import { PROBE, start } from './failover-place.ts';
import { wireTo } from './outage-wire.ts';

/** What is a matter of chance for one is nearly certain for so many. */
const STORES = 10;
/** Who never comes back at all is to be told from who is slow. */
const BACK_WITHIN_MS = 15_000;

t.test('under load, the primary is lost', async (t) => {
  const { set, inStep, replicas } = await start(t);
  const failing = await gatewaysOver(t, set.url);
  for (const how of ['dies', 'hangs'] as const) {
    await t.test(`it ${how}`, async (t) => {
      const old = await set.primary();
      let next: Redis[] = [];
      await failOver(t, failing, {
        settle: async () => {
          await inStep();
          next = await replicas();
        },
        begin: async () => (how === 'dies' ? old.kill() : old.suspend()),
        back: () => accepted(next, PROBE),
        // It comes back as what it was, the primary, until it is told that it is none.
        end: async () => (how === 'dies' ? old.restart() : old.resume()),
      });
    });
  }
});

t.test('who hears of the failover while it asks where the primary is comes back all the same', async (t) => {
  const { set, inStep, replicas } = await start(t);
  await inStep();
  const [first = ''] = /(?<=@|\/\/)[^/@]+/.exec(set.url)?.[0].split(',') ?? [];
  const wire = await wireTo(t, Number(first.split(':')[1]));
  const url = set.url.replace(first, `127.0.0.1:${wire.port}`);
  const stores = await Promise.all(
    Array.from({ length: STORES }, () => openStore({ kind: 'redis', url, timeoutMs: 500 }, { now: () => Date.now() })),
  );
  t.teardown(() => Promise.all(stores.map((store) => store.close())));
  const [old, next] = [await set.primary(), await replicas()];
  // So long that each asks for most of the time until the failover.
  wire.delay(300);
  await old.kill();
  await accepted(next, PROBE);
  const back = stores.map(async (store) => {
    const began = performance.now();
    const answers = (): Promise<boolean> =>
      store.ping().then(
        () => true,
        () => false,
      );
    while (!(await answers()) && performance.now() - began < BACK_WITHIN_MS) await pause(25);
    return Math.round(performance.now() - began);
  });
  for (const ms of await Promise.all(back)) t.ok(ms < BACK_WITHIN_MS, `after ${ms} ms`);
});
