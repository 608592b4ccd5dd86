import type { Test } from 'tap';
import { DAY_MS, HOUR_MS, type Lease, type LimitName, type Limits, UNITS_PER_TOKEN } from '../../src/core/limits.ts';
import { type Harness, newId } from './harness.ts';

const PLENTY = 1_000_000;

/** Limits of which one allows 50 and the others far more. The bucket refills by one in 60 s: longer than a test. */
const BINDING: Readonly<Record<LimitName, Limits>> = {
  hour: { perHour: 50, perDay: PLENTY, burst: PLENTY },
  day: { perHour: PLENTY, perDay: 50, burst: PLENTY },
  burst: { perHour: 60, perDay: PLENTY, burst: 50 },
};
const LIMIT_NAMES: readonly LimitName[] = ['hour', 'day', 'burst'];

function total(leases: readonly Lease[]): number {
  return leases.reduce((sum, lease) => sum + lease.granted, 0);
}

/** Runs on a fresh key, and once more when the clock passed a full hour meanwhile: then the window was another. */
export async function withinOneHour(run: (keyId: string) => Promise<Lease[]>): Promise<Lease[]> {
  for (;;) {
    const leases = await run(newId());
    const hours = new Set(leases.map((lease) => Math.floor(lease.now / HOUR_MS)));
    if (hours.size <= 1) return leases;
  }
}

export async function checkAdmissions(t: Test, harness: Harness): Promise<void> {
  const store = await harness.open();
  const { limits: ledger } = store;
  const other = await harness.open();

  for (const name of LIMIT_NAMES) {
    await t.test(`200 at the same time through two instances, 50 allowed by ${name}: 50 pass`, async (t) => {
      const leases = await withinOneHour((id) =>
        Promise.all(
          Array.from({ length: 200 }, async (_, i) =>
            (i % 2 === 0 ? ledger : other.limits).lease(id, BINDING[name], 1),
          ),
        ),
      );
      t.equal(total(leases), 50);
      const refused = leases.filter((lease) => lease.granted === 0);
      t.equal(refused.length, 150);
      for (const lease of refused) {
        t.equal(lease.refusedBy, name);
        t.ok(lease.retryAfterMs > 0 && lease.retryAfterMs <= (name === 'day' ? DAY_MS : HOUR_MS));
      }
    });

    await t.test(`a refusal by ${name} costs nothing of any limit`, async (t) => {
      const [spent, first, second] = await withinOneHour(async (id) => [
        await ledger.lease(id, BINDING[name], 50),
        await ledger.lease(id, BINDING[name], 1),
        await other.limits.lease(id, BINDING[name], 1),
      ]);
      t.equal(spent?.granted, 50);
      t.equal(first?.granted, 0);
      for (const field of ['hourRemaining', 'dayRemaining', 'burstRemaining'] as const) {
        // The bucket may have filled up a little meanwhile; nothing may have gone out of it.
        const [before, after] = [spent?.[field] ?? 0, second?.[field] ?? 0];
        t.ok(field === 'burstRemaining' ? after >= before : after === before, `${field}: ${before} to ${after}`);
      }
    });
  }

  await t.test('a lease that cannot be granted whole is granted in part, and the parts add up', async (t) => {
    const leases = await withinOneHour(async (id) => [
      await ledger.lease(id, BINDING.hour, 32),
      await ledger.lease(id, BINDING.hour, 32),
      await ledger.lease(id, BINDING.hour, 32),
    ]);
    t.strictSame(
      leases.map((lease) => lease.granted),
      [32, 18, 0],
    );
    t.strictSame(
      leases.map((lease) => lease.hourRemaining),
      [18, 0, 0],
    );
    t.strictSame(
      leases.map((lease) => lease.dayRemaining),
      [PLENTY - 32, PLENTY - 50, PLENTY - 50],
    );
  });

  await t.test('what is released can be leased again, and not more than that', async (t) => {
    const leases = await withinOneHour(async (id) => {
      const all = await ledger.lease(id, BINDING.hour, 50);
      await other.limits.release(id, BINDING.hour, 7, all);
      const part = await ledger.lease(id, BINDING.hour, 50);
      await ledger.release(id, BINDING.hour, 0, part);
      return [all, part, await ledger.lease(id, BINDING.hour, 50)];
    });
    t.strictSame(
      leases.map((lease) => lease.granted),
      [50, 7, 0],
    );
    await t.resolves(async () => ledger.release(newId(), BINDING.hour, 7, leases[0] as Lease), 'of a key never leased');
  });

  await t.test('a lease of a window that has passed gives nothing back to this one', async (t) => {
    const [all, then] = await withinOneHour(async (id) => {
      const lease = await ledger.lease(id, BINDING.hour, 50);
      await ledger.release(id, BINDING.hour, 50, { ...lease, now: lease.now - HOUR_MS });
      return [lease, await ledger.lease(id, BINDING.hour, 50)];
    });
    t.equal(all?.granted, 50);
    t.equal(then?.granted, 0);
  });

  await t.test('windows begin anew with the clock, and only then', async (t) => {
    const { now } = await ledger.lease(newId(), BINDING.hour, 1);
    const [hour, day] = [Math.floor(now / HOUR_MS), Math.floor(now / DAY_MS)];
    const full = { units: PLENTY * UNITS_PER_TOKEN, at: now - 1 };
    const spent = { hour, hourUsed: 50, day, dayUsed: 50, ...full };
    const passed = newId();
    await harness.seed(passed, { ...spent, hour: hour - 1 });
    t.equal((await ledger.lease(passed, BINDING.hour, 60)).granted, 50, 'the hour before is of no account');
    const yesterday = newId();
    await harness.seed(yesterday, { ...spent, day: day - 1 });
    t.equal((await ledger.lease(yesterday, BINDING.day, 60)).granted, 50, 'nor is the day before');
    const today = newId();
    await harness.seed(today, { ...spent, hour: hour - 1, day: day + 1, at: (day + 1) * DAY_MS });
    t.equal((await ledger.lease(today, BINDING.day, 60)).granted, 0, 'a day that the clock was in once stays counted');
  });

  await t.test('counts outlive the instance that made them', async (t) => {
    const leases = await withinOneHour(async (id) => {
      const brief = await harness.open();
      const first = await brief.limits.lease(id, BINDING.hour, 50);
      await brief.close();
      return [first, await (await harness.open()).limits.lease(id, BINDING.hour, 1)];
    });
    t.strictSame(
      leases.map((lease) => lease.granted),
      [50, 0],
    );
  });
}
