import type { TimeRestriction } from '../core/key.ts';
import { DAY_MINUTES, minuteOfWeek, type WallClock, WEEK_MINUTES, wallClock } from './zone.ts';

export const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

/** Windows of one rule. */
export const MAX_WINDOWS = 48;
const WINDOW = /^([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|(24:00))$/;

/** The minute of the week that a wall clock shows, from Sunday 00:00. @param at milliseconds since the epoch */
export function localMinute(clock: WallClock, at: number): number {
  return minuteOfWeek(clock.minutesAt(at));
}

/** The day of the week that a wall clock shows, as an index of DAYS. */
export function weekdayOf(clock: WallClock, at: number): number {
  return Math.floor(localMinute(clock, at) / DAY_MINUTES);
}

/** What is wrong with a rule, as `field: message`. */
export function faultsOf(rule: TimeRestriction): string[] {
  const faults: string[] = [];
  if (wallClock(rule.timezone) === null) {
    faults.push(
      `time_restrictions.timezone: "${rule.timezone}" is not a time zone; expected an IANA name like Europe/Amsterdam`,
    );
  }
  if (rule.allowed_hours.length > MAX_WINDOWS) {
    faults.push(
      `time_restrictions.allowed_hours: ${rule.allowed_hours.length} windows; expected at most ${MAX_WINDOWS}`,
    );
  }
  for (const [i, window] of rule.allowed_hours.entries()) {
    if (parseWindow(window) === null) {
      faults.push(
        `time_restrictions.allowed_hours[${i}]: "${window}" is not a window; expected HH:MM-HH:MM from 00:00 to 24:00, like 09:00-17:00 or 22:00-06:00`,
      );
    }
  }
  if (rule.allowed_days.length > DAYS.length) {
    return [
      ...faults,
      `time_restrictions.allowed_days: ${rule.allowed_days.length} days; expected at most ${DAYS.length}`,
    ];
  }
  for (const [i, day] of rule.allowed_days.entries()) {
    if (!(DAYS as readonly string[]).includes(day)) {
      faults.push(`time_restrictions.allowed_days[${i}]: "${day}" is not a day; expected ${DAYS.join(', ')}`);
    }
  }
  if (rule.allowed_hours.length === 0 && rule.allowed_days.length === 0) {
    faults.push('time_restrictions: neither allowed_hours nor allowed_days is given; expected at least one of them');
  }
  return faults;
}

/** Start and length in minutes, or null. The same time twice would be empty or a whole day, so it is refused. */
function parseWindow(text: string): { start: number; length: number } | null {
  const match = WINDOW.exec(text);
  if (match === null) return null;
  const start = Number(match[1]) * 60 + Number(match[2]);
  const end = match[5] === undefined ? Number(match[3]) * 60 + Number(match[4]) : DAY_MINUTES;
  if (start === end) return null;
  return { start, length: end > start ? end - start : end + DAY_MINUTES - start };
}

/**
 * Where the key may be used, as pairs of first and last-plus-one minute of the week, from Sunday 00:00 on the wall
 * clock. At most one pair a window and day; what crosses into the next week is cut in two.
 */
export function openSpans(rule: TimeRestriction): Uint16Array {
  const spans: number[] = [];
  const windows = rule.allowed_hours.map((text) => parseWindow(text) ?? { start: 0, length: 0 });
  if (windows.length === 0) windows.push({ start: 0, length: DAY_MINUTES });
  for (const [weekday, name] of DAYS.entries()) {
    if (rule.allowed_days.length > 0 && !rule.allowed_days.includes(name)) continue;
    for (const { start, length } of windows) {
      const from = weekday * DAY_MINUTES + start;
      const to = from + length;
      spans.push(from, Math.min(to, WEEK_MINUTES));
      if (to > WEEK_MINUTES) spans.push(0, to - WEEK_MINUTES);
    }
  }
  return Uint16Array.from(spans);
}
