/**
 * Wall-clock time in an IANA zone, cheap enough for every request. Intl needs microseconds to answer and offsets change
 * only with a minute (IANA tz, since 1972), so the offset is asked for once a minute and then remembered.
 */
export interface WallClock {
  /** Minutes since the epoch as the zone's wall clock shows them. */
  minutesAt(epochMs: number): number;
}

const MINUTE_MS = 60_000;
/** There are some 600 zone names; the bound is for those that differ only in case. */
const MAX_ZONES = 2_000;

/** One clock a zone, shared by all keys: Intl's formatters are large and slow to make. */
const clocks = new Map<string, WallClock>();

/**
 * The wall clock of a zone, or null when there is no such zone. Fixed offsets like `+02:00` are none: they know no
 * summer time.
 */
export function wallClock(timeZone: string): WallClock | null {
  const known = clocks.get(timeZone);
  if (known !== undefined) return known;
  const format = /^[A-Za-z]/.test(timeZone) ? formatFor(timeZone) : null;
  if (format === null) return null;
  const clock = clockOf(format);
  if (clocks.size < MAX_ZONES) clocks.set(timeZone, clock);
  return clock;
}

function formatFor(timeZone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'iso8601',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
  } catch {
    return null; // RangeError: not a zone
  }
}

function clockOf(format: Intl.DateTimeFormat): WallClock {
  let minute = Number.NaN;
  let offsetMinutes = 0;
  return {
    minutesAt(epochMs) {
      const current = Math.floor(epochMs / MINUTE_MS);
      if (current !== minute) {
        offsetMinutes = offsetAt(format, current * MINUTE_MS);
        minute = current;
      }
      return current + offsetMinutes;
    },
  };
}

function offsetAt(format: Intl.DateTimeFormat, epochMs: number): number {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const part of format.formatToParts(epochMs)) parts[part.type] = Number(part.value);
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0 } = parts;
  return (Date.UTC(year, month - 1, day, hour, minute) - epochMs) / MINUTE_MS;
}
