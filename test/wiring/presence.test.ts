import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { GatewayRegistry } from '../../src/core/gateways.ts';
import { StoreError, type StoreErrorCode } from '../../src/core/ports.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { Presence } from '../../src/wiring/presence.ts';
import { capture } from '../observe/capture.ts';
import { ManualClock } from '../support/clock.ts';
import { sqliteStore } from '../support/keys.ts';

/** A presence over a real registry, which counts reports and can fail. */
async function fixture(t: Test) {
  const { gateways } = await sqliteStore(t, new ManualClock());
  const seen = { reports: 0, fails: null as StoreErrorCode | null };
  const registry: GatewayRegistry = {
    refusals: 0,
    hasForgotten: () => gateways.hasForgotten('0'),
    progress: (cursor) => gateways.progress(cursor),
    leave: (id) => gateways.leave(id),
    report: async (report) => {
      seen.reports++;
      if (seen.fails !== null) throw new StoreError(seen.fails, 'as the test wants it');
      await gateways.report(report);
    },
  };
  const { stream, text } = capture();
  const log = createLogger(
    { level: 'warn', format: 'json', requests: false },
    { stdoutIsTerminal: false, destination: stream },
  );
  const told = async (): Promise<unknown[]> => {
    await log.close();
    return text()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  };
  let name = 'gw:0';
  const presence = new Presence({ registry, name: () => name, logger: log.logger });
  t.teardown(() => presence.stop());
  /** Resolves when the gateway is known to have come so far. */
  const reported = async (cursor: string): Promise<void> => {
    while ((await gateways.progress(cursor))[0]?.isThere !== true) await delay(1);
  };
  return { gateways, presence, reported, seen, told, rename: (to: string) => void (name = to) };
}

t.test('it is known from the start on, and whatever it applies is known at once', async (t) => {
  const { gateways, presence, reported, rename } = await fixture(t);
  presence.applied('1');
  t.strictSame(await gateways.progress('0'), [], 'it says nothing before it starts');
  await presence.start();
  t.match(await gateways.progress('1'), [{ id: /^gw_[0-9a-f]{18}$/, name: 'gw:0', isThere: true }]);
  rename('gw:8080');
  const began = performance.now();
  for (let cursor = 2; cursor <= 21; cursor++) {
    presence.applied(String(cursor));
    await reported(String(cursor));
  }
  const tookMs = performance.now() - began;
  t.ok(tookMs < 10_000, `twenty changes in ${tookMs} ms, where one each second would take twenty`);
  t.match(await gateways.progress('21'), [{ name: 'gw:8080' }], 'under the name that it has by now');
});

t.test('many changes in a row make few reports, and the last one counts', async (t) => {
  const { presence, reported, seen } = await fixture(t);
  presence.applied('0');
  await presence.start();
  const before = seen.reports;
  for (let cursor = 1; cursor <= 10_000; cursor++) presence.applied(String(cursor));
  await reported('10000');
  t.ok(seen.reports - before <= 5, `${seen.reports - before} reports`);
});

t.test('a store that takes no report disturbs nobody; the report comes when it does again', async (t) => {
  const { gateways, presence, reported, seen, told } = await fixture(t);
  seen.fails = 'STORE_READ_ONLY';
  presence.applied('1');
  await presence.start();
  presence.applied('2');
  while (seen.reports < 2) await delay(5);
  t.strictSame(await gateways.progress('0'), []);
  seen.fails = null;
  await reported('2');
  const lines = await told();
  t.equal(lines.length, 1, 'it is told once');
  t.match(lines[0], { level: 'warn', err: { code: 'STORE_READ_ONLY' } });
});

t.test('one that stopped is gone, and does not come back', async (t) => {
  const { gateways, presence, seen } = await fixture(t);
  presence.applied('1');
  await presence.start();
  presence.applied('2');
  await presence.stop();
  const { reports } = seen;
  presence.applied('3');
  await delay(20);
  t.strictSame(await gateways.progress('0'), []);
  t.equal(seen.reports, reports);
  await presence.stop();
});
