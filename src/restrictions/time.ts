import { z } from 'zod';
import { type Denial, deny } from '../core/denial.ts';
import type { TimeRestriction } from '../core/key.ts';
import { nextOpening } from './openings.ts';
import { type RestrictionTest, restriction } from './restriction.ts';
import { DAYS, faultsOf, localMinute, MAX_WINDOWS, openSpans, weekdayOf } from './windows.ts';
import { DAY_MINUTES, MINUTE_MS, wallClock } from './zone.ts';

const input = z
  .strictObject({
    timezone: z.string().meta({ description: 'IANA name.', examples: ['Europe/Amsterdam'] }),
    allowed_hours: z
      .array(z.string())
      .max(MAX_WINDOWS)
      .optional()
      .meta({
        description: 'Windows of the wall clock; `22:00-06:00` crosses midnight. None: the whole day.',
        examples: [['09:00-17:00']],
      }),
    allowed_days: z
      .array(z.string())
      .max(DAYS.length)
      .optional()
      .meta({ description: 'None: every day.', examples: [['monday', 'tuesday']] }),
  })
  .meta({ id: 'TimeRestrictionsInput' })
  .nullable();

/** Windows of wall-clock time in the key's own zone. A window that crosses midnight belongs to the day it began on. */
export const time = restriction({
  name: 'time',
  field: 'time_restrictions',
  code: 'outside_allowed_hours',
  none: null as TimeRestriction | null,
  label: 'Times',
  option: null,
  stored: z
    .strictObject({
      timezone: z.string(),
      allowed_hours: z.array(z.string()),
      allowed_days: z.array(z.string()),
    })
    .nullable(),
  input,
  normal(given) {
    if (given === null) return null;
    return {
      timezone: given.timezone,
      allowed_hours: given.allowed_hours ?? [],
      // "Monday" is a day as well.
      allowed_days: (given.allowed_days ?? []).map((day) => day.toLowerCase()),
    };
  },
  text(rule) {
    if (rule === null) return 'any';
    const hours = rule.allowed_hours.length === 0 ? 'all day' : rule.allowed_hours.join(', ');
    const days = rule.allowed_days.length === 0 ? 'every day' : `on ${rule.allowed_days.join(', ')}`;
    return `${hours} ${days}, ${rule.timezone}`;
  },
  faults: (rule) => (rule === null ? [] : faultsOf(rule)),
  compile: (rule) => (rule === null ? () => null : compile(rule)),
  seen(rule, { at }) {
    const clock = rule === null ? null : wallClock(rule.timezone);
    if (rule === null || clock === null) return new Date(at).toISOString();
    const minute = localMinute(clock, at) % DAY_MINUTES;
    const [hours, minutes] = [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, '0'));
    return `${DAYS[weekdayOf(clock, at)]} ${hours}:${minutes} in ${rule.timezone}`;
  },
  loosened(rule, request) {
    if (rule === null) return null;
    return loosenings(rule, request.at).find((wider) => compile(wider)(request) === null) ?? null;
  },
});

function compile(rule: TimeRestriction): RestrictionTest {
  const clock = wallClock(rule.timezone);
  if (clock === null) throw new Error('a rule with faults cannot be compiled');
  const spans = openSpans(rule);
  const sentence = `This key may be used only ${describe(rule)}.`;
  // When it opens again is the same for a whole minute, and takes long to find.
  let deniedMinute = Number.NaN;
  let denial: Denial | null = null;
  return ({ at }) => {
    const minute = localMinute(clock, at);
    for (let i = 0; i < spans.length; i += 2) {
      if (minute >= (spans[i] as number) && minute < (spans[i + 1] as number)) return null;
    }
    const utcMinute = Math.floor(at / MINUTE_MS);
    if (denial === null || utcMinute !== deniedMinute) {
      const opening = nextOpening(spans, clock, at);
      const facts = opening === null ? {} : { retry_at: new Date(opening).toISOString() };
      denial = deny('outside_allowed_hours', sentence, facts);
      deniedMinute = utcMinute;
    }
    return denial;
  };
}

function describe(rule: TimeRestriction): string {
  const hours = rule.allowed_hours.length === 0 ? '' : `${rule.allowed_hours.join(', ')} `;
  const days = rule.allowed_days.length === 0 ? '' : `on ${rule.allowed_days.join(', ')} `;
  return `${hours}${days}(${rule.timezone})`;
}

/** Wider rules that may be open at a time, the one that changes least first: another day, another hour, both. */
function loosenings(rule: TimeRestriction, at: number): TimeRestriction[] {
  const clock = wallClock(rule.timezone);
  if (clock === null) return [];
  const today = DAYS[weekdayOf(clock, at)] as string;
  const hour = Math.floor((localMinute(clock, at) % DAY_MINUTES) / 60);
  const [from, to] = [hour, hour + 1].map((each) => String(each).padStart(2, '0'));
  // Without days or hours there is nothing to add to: every day, or the whole day, is allowed already.
  const days = rule.allowed_days.length === 0 ? [] : [...rule.allowed_days, today];
  const hours = rule.allowed_hours.length === 0 ? [] : [...rule.allowed_hours, `${from}:00-${to}:00`];
  return [
    { ...rule, allowed_days: days },
    { ...rule, allowed_hours: hours },
    { ...rule, allowed_days: days, allowed_hours: hours },
  ];
}
