import type { UsageDay, UsageTotals } from '../../core/usage.ts';
import type { Arg } from './many-names.ts';

const HOUR_FIELD = /^h(\d+)([ret])$/;
const TOTALS = { r: 'requests', e: 'errors', t: 'timeUs' } as const;

/**
 * Fields of a day's hash: `h<hour>r`, `…e` and `…t` for requests, errors and microseconds of an hour, `p<endpoint>`,
 * `m<method>` and `d<denial>` for requests.
 *
 * @returns besides the fields, each with what to add to it, the requests of the whole day
 */
export function fieldsOf(day: UsageDay): { requests: number; fields: Arg[] } {
  const fields: Arg[] = [];
  let all = 0;
  for (const [hour, { requests, errors, timeUs }] of Object.entries(day.hours)) {
    all += requests;
    fields.push(`h${hour}r`, requests, `h${hour}t`, timeUs);
    if (errors > 0) fields.push(`h${hour}e`, errors);
  }
  for (const [endpoint, requests] of Object.entries(day.endpoints)) fields.push(`p${endpoint}`, requests);
  for (const [method, requests] of Object.entries(day.methods)) fields.push(`m${method}`, requests);
  for (const [denial, requests] of Object.entries(day.denials)) fields.push(`d${denial}`, requests);
  return { requests: all, fields };
}

/** What several hashes of one day say together. */
export function dayOfFields(day: number, hashes: readonly Readonly<Record<string, string>>[]): UsageDay {
  const hours: Record<number, { -readonly [name in keyof UsageTotals]: number }> = {};
  const endpoints: Record<string, number> = {};
  const methods: Record<string, number> = {};
  const denials: Record<string, number> = {};
  const named: Readonly<Record<string, Record<string, number>>> = { p: endpoints, m: methods, d: denials };
  for (const [field, value] of hashes.flatMap((fields) => Object.entries(fields))) {
    const hour = HOUR_FIELD.exec(field);
    if (hour === null) {
      const counts = named[field.slice(0, 1)];
      const name = field.slice(1);
      if (counts !== undefined) counts[name] = (counts[name] ?? 0) + Number(value);
      continue;
    }
    const totals = (hours[Number(hour[1])] ??= { requests: 0, errors: 0, timeUs: 0 });
    totals[TOTALS[hour[2] as keyof typeof TOTALS]] += Number(value);
  }
  return { day, hours, endpoints, methods, denials };
}
