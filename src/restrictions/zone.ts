/**
 * Wall-clock time in an IANA zone, cheap enough for every request. Intl needs a microsecond to say how far a zone is from
 * UTC, and that changes a few times a year: it is asked for days at a time, and what it said is remembered.
 *
 * Minutes here are minutes since the epoch. Offsets are whole minutes, and change only at a minute of UTC, in all zones
 * since 1972.
 */
export interface WallClock {
  /** Minutes since the epoch as the zone's wall clock shows them. */
  minutesAt(epochMs: number): number;
  /** The stretch of time around this minute in which the zone keeps one offset, or the part of it that is known. */
  stretchAt(minute: number): Stretch;
}

/** A stretch of time without a change of the clocks. */
interface Stretch {
  /** Its first minute. */
  readonly from: number;
  /** The minute after its last. */
  readonly until: number;
  /** What the wall clock is ahead of UTC, in minutes. */
  readonly offset: number;
}

export const DAY_MINUTES = 1440;
export const WEEK_MINUTES = 7 * DAY_MINUTES;
export const MINUTE_MS = 60_000;

/** 1970-01-01 was a Thursday; weeks here start on Sunday. */
const EPOCH_WEEKDAY = 4;
/**
 * What is asked for at a time. No zone has changed its clocks twice within six days since 1970, so that a block has
 * one change at most, and the offsets at its ends tell whether there is one.
 */
const BLOCK_MINUTES = 4 * DAY_MINUTES;
/** Blocks remembered of a zone: more than two weeks, which is as far as anybody looks ahead. */
const MAX_BLOCKS = 32;
/** There are some 600 zone names; the bound is for those that differ only in case. */
const MAX_ZONES = 2_000;
/** The first and the last moment that a date can be. */
const MAX_EPOCH_MS = 8_640_000_000_000_000;

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
  const clock = new ZoneClock(format);
  if (clocks.size < MAX_ZONES) clocks.set(timeZone, clock);
  return clock;
}

/** The minute of the week, from Sunday 00:00, of a minute that a wall clock shows. */
export function minuteOfWeek(shown: number): number {
  const minute = (shown + EPOCH_WEEKDAY * DAY_MINUTES) % WEEK_MINUTES;
  return minute < 0 ? minute + WEEK_MINUTES : minute;
}

function formatFor(timeZone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  } catch {
    return null; // RangeError: not a zone
  }
}

class ZoneClock implements WallClock {
  readonly #format: Intl.DateTimeFormat;
  /** The stretch of the last request; requests come in order, so the next one lies in it too. */
  #current: Stretch = { from: 0, until: 0, offset: 0 };
  /** By the block's number, its stretch before a change of the clocks and that after it; without one, the same twice. */
  readonly #blocks = new Map<number, readonly [Stretch, Stretch]>();

  constructor(format: Intl.DateTimeFormat) {
    this.#format = format;
  }

  minutesAt(epochMs: number): number {
    const minute = Math.floor(epochMs / MINUTE_MS);
    if (!(minute >= this.#current.from && minute < this.#current.until)) this.#current = this.stretchAt(minute);
    return minute + this.#current.offset;
  }

  stretchAt(minute: number): Stretch {
    const number = Math.floor(minute / BLOCK_MINUTES);
    let block = this.#blocks.get(number);
    if (block === undefined) {
      block = this.#ask(number * BLOCK_MINUTES);
      if (this.#blocks.size >= MAX_BLOCKS) this.#blocks.clear();
      this.#blocks.set(number, block);
    }
    return minute < block[0].until ? block[0] : block[1];
  }

  #ask(from: number): readonly [Stretch, Stretch] {
    const until = from + BLOCK_MINUTES;
    const offset = this.#offsetAt(from);
    const last = this.#offsetAt(until - 1);
    if (offset === last) {
      const whole = { from, until, offset };
      return [whole, whole];
    }
    const change = this.#changeBetween(from, until - 1, offset);
    return [
      { from, until: change, offset },
      { from: change, until, offset: last },
    ];
  }

  /** The first minute with another offset than at `before`, by halving; at `after` it is another. */
  #changeBetween(before: number, after: number, offset: number): number {
    let [low, high] = [before, after];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offsetAt(middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  }

  /** Asks Intl, which writes `GMT`, `GMT+05:45`, or `GMT-00:44:30` for a few zones in the years before 1972. */
  #offsetAt(minute: number): number {
    const at = Math.max(-MAX_EPOCH_MS, Math.min(MAX_EPOCH_MS, minute * MINUTE_MS));
    const written = this.#format.format(at);
    const found = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(written);
    if (found === null) throw new Error(`no offset from UTC in "${written}"`);
    const [, sign, hours = 0, minutes = 0, seconds = 0] = found;
    const ahead = Number(hours) * 60 + Number(minutes) + Number(seconds) / 60;
    return Math.floor(sign === '-' ? -ahead : ahead);
  }
}
