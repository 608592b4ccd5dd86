/// <reference lib="esnext.temporal" />
import type { TimeRestriction } from '../../src/core/key.ts';

/**
 * When a rule is open, found by walking: Temporal says what the clocks on the wall show, minute by minute, and the rule
 * is compared with that as text, `sunday` and `02:15`. Nothing here knows of offsets or of minutes of the week.
 */

const NAMES = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const MINUTE = 60_000;
const DAY = 24 * 60;
/** What the clocks can show in a week, in order. */
const SHOWN = NAMES.flatMap((day, i) =>
  Array.from({ length: DAY }, (_, minute) => {
    const [hours, minutes] = [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, '0'));
    return { day, before: NAMES[(i + 6) % 7] ?? '', time: `${hours}:${minutes}` };
  }),
);

/** What the clocks of a zone show, from a minute since the epoch on. */
export interface Walk {
  readonly from: number;
  /** Places in SHOWN. */
  readonly shown: Uint16Array;
  /** The minutes, counted from the first, at which the clocks are changed. */
  readonly changes: readonly number[];
}

/** Walks a year of UTC and some days more, in which what is closed at its end opens again. */
export function walk(timezone: string, year: number): Walk {
  const from = Date.UTC(year, 0) / MINUTE;
  const shown = new Uint16Array(Date.UTC(year + 1, 0, 17) / MINUTE - from);
  const changes: number[] = [];
  let { offset } = zoned(timezone, from);
  for (let day = 0; day < shown.length; day += DAY) {
    const midnight = zoned(timezone, from + day);
    // Temporal is asked for minutes only where they do not just follow one another: it takes microseconds.
    if (midnight.offset === offset && zoned(timezone, from + day + DAY - 1).offset === offset) {
      const first = placeOf(midnight);
      for (let i = 0; i < DAY; i++) shown[day + i] = (first + i) % SHOWN.length;
      continue;
    }
    for (let minute = day; minute < day + DAY; minute++) {
      const now = zoned(timezone, from + minute);
      shown[minute] = placeOf(now);
      if (now.offset !== offset) changes.push(minute);
      ({ offset } = now);
    }
  }
  return { from, shown, changes };
}

function zoned(timezone: string, minute: number): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(minute * MINUTE).toZonedDateTimeISO(timezone);
}

function placeOf({ dayOfWeek, hour, minute }: Temporal.ZonedDateTime): number {
  return ((dayOfWeek % 7) * 24 + hour) * 60 + minute;
}

/** For each minute of a walk, whether the rule is open: 1 or 0. */
export function openMinutes(rule: TimeRestriction, { shown }: Walk): Uint8Array {
  const isOpen = SHOWN.map((each) => (opens(rule, each) ? 1 : 0));
  const open = new Uint8Array(shown.length);
  for (let i = 0; i < open.length; i++) open[i] = isOpen[shown[i] ?? 0] ?? 0;
  return open;
}

function opens(
  { allowed_hours, allowed_days }: TimeRestriction,
  { day, before, time }: (typeof SHOWN)[number],
): boolean {
  const isAllowed = (name: string): boolean => allowed_days.length === 0 || allowed_days.includes(name);
  const windows = allowed_hours.length === 0 ? ['00:00-24:00'] : allowed_hours;
  return windows.some((window) => {
    const [start = '', end = ''] = window.split('-');
    if (start < end) return isAllowed(day) && start <= time && time < end;
    return (isAllowed(day) && start <= time) || (isAllowed(before) && time < end);
  });
}

/** For each minute of a walk, the next one after it that is open; -1 when the walk ends before. */
export function nextOpenMinutes(open: Uint8Array): Int32Array {
  const next = new Int32Array(open.length);
  let found = -1;
  for (let i = open.length - 1; i >= 0; i--) {
    next[i] = found;
    if (open[i] === 1) found = i;
  }
  return next;
}
