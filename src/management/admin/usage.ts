import { DAY_MS, HOUR_MS, HOURS_PER_DAY } from '../../core/limits.ts';
import { dayOf, type UsageDay, type UsageScope, type UsageTotals } from '../../core/usage.ts';
import type { ManagementClient } from '../client.ts';
import { ManagementError } from '../failures.ts';
import { mustRead } from '../reach.ts';
import type { TotalUsageAnswer, UsageQuery } from '../schemas/usage.ts';
import type { AdminContext } from './context.ts';

const DEFAULT_DAYS = 30;
/** The longest series by the hour: 744 steps. */
const MAX_HOURLY_DAYS = 31;
const NO_ROUTE = '(none)';

type UsageMethods = Pick<ManagementClient, 'keyUsage' | 'ownerUsage' | 'totalUsage'>;

/** What was counted of a key, of an owner's keys, and of everything. */
export function usageMethods(context: AdminContext): UsageMethods {
  const { caller, keys } = context;
  return {
    keyUsage: async (id, query) => {
      await keys.get(id);
      return { key_id: id, ...(await report(`key:${id}`, query, context)) };
    },
    ownerUsage: async (owner, query) => {
      if (owner !== caller.subject) mustRead(caller, 'the usage of an owner');
      return { owner, ...(await report(`owner:${owner}`, query, context)) };
    },
    totalUsage: async (query) => {
      mustRead(caller, 'the usage of everything');
      return report('all', query, context);
    },
  };
}

async function report(scope: UsageScope, query: UsageQuery, context: AdminContext): Promise<TotalUsageAnswer> {
  const { clock, config, store } = context;
  const { interval = 'day' } = query;
  const kept = Math.max(1, Math.floor(config.retention.usageMs / DAY_MS));
  const most = interval === 'hour' ? MAX_HOURLY_DAYS : kept;
  const { period = `${Math.min(DEFAULT_DAYS, most, kept)}d` } = query;
  const count = Number.parseInt(period, 10);
  if (count > most) {
    const why = interval === 'hour' ? 'by the hour' : 'that usage is kept for';
    const detail = `expected at most ${most}d, the longest time ${why}`;
    throw new ManagementError('request_invalid', `period: ${detail}`, [{ parameter: 'period', detail }]);
  }
  const now = clock.now();
  const today = dayOf(now);
  const first = today - count + 1;
  const days = await store.usage.days(scope, first, today);
  const sum = sumOf(days.flatMap((day) => Object.values(day.hours)));
  return {
    period,
    from: isoOf(first * DAY_MS),
    to: isoOf(now),
    total_requests: sum.requests,
    requests_by_endpoint: byCount(days, (day) => day.endpoints, NO_ROUTE),
    requests_by_method: byCount(days, (day) => day.methods),
    denials_by_code: byCount(days, (day) => day.denials),
    error_rate: sum.requests === 0 ? 0 : round(sum.errors / sum.requests, 4),
    avg_response_time_ms: average(sum),
    interval,
    series: interval === 'day' ? daily(days, first, today) : hourly(days, first, now),
  };
}

/** One step for each day, also for those without a request: a chart needs no gaps filled. */
function daily(days: readonly UsageDay[], first: number, last: number): TotalUsageAnswer['series'] {
  const byDay = new Map(days.map((day) => [day.day, sumOf(Object.values(day.hours))]));
  return Array.from({ length: last - first + 1 }, (_, i) => step((first + i) * DAY_MS, byDay.get(first + i)));
}

/** One step for each hour that has begun. */
function hourly(days: readonly UsageDay[], first: number, now: number): TotalUsageAnswer['series'] {
  const byDay = new Map(days.map((day) => [day.day, day.hours]));
  const hours = Math.floor(now / HOUR_MS) - first * HOURS_PER_DAY + 1;
  return Array.from({ length: hours }, (_, i) => {
    const day = first + Math.floor(i / HOURS_PER_DAY);
    return step(day * DAY_MS + (i % HOURS_PER_DAY) * HOUR_MS, byDay.get(day)?.[i % HOURS_PER_DAY]);
  });
}

function step(start: number, totals: UsageTotals = sumOf([])): TotalUsageAnswer['series'][number] {
  const { requests, errors } = totals;
  return { start: isoOf(start), requests, errors, avg_response_time_ms: average(totals) };
}

function sumOf(parts: readonly UsageTotals[]): UsageTotals {
  const sum = { requests: 0, errors: 0, timeUs: 0 };
  for (const { requests, errors, timeUs } of parts) {
    sum.requests += requests;
    sum.errors += errors;
    sum.timeUs += timeUs;
  }
  return sum;
}

/** The counts of all days by name, the largest first. */
function byCount(
  days: readonly UsageDay[],
  part: (day: UsageDay) => Readonly<Record<string, number>>,
  unnamed = '',
): Record<string, number> {
  const counts = new Map<string, number>();
  for (const day of days) {
    for (const [name, count] of Object.entries(part(day))) {
      const shown = name === '' ? unnamed : name;
      counts.set(shown, (counts.get(shown) ?? 0) + count);
    }
  }
  return Object.fromEntries([...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)));
}

function average({ requests, timeUs }: UsageTotals): number {
  return requests === 0 ? 0 : round(timeUs / requests / 1000, 1);
}

function round(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

function isoOf(time: number): string {
  return new Date(time).toISOString();
}
