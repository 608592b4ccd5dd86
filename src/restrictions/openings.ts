import { DAY_MINUTES, MINUTE_MS, minuteOfWeek, type WallClock, WEEK_MINUTES } from './zone.ts';

/**
 * As far as it can be to the next opening. What is open for one minute a week is open again after a week; after two
 * when the clocks skip that minute, which they do not do in two weeks running; and up to a day later when they went
 * back meanwhile.
 */
const HORIZON_MINUTES = 15 * DAY_MINUTES;

/**
 * When the wall clock is next within one of the spans. It goes from one change of the clocks to the next, not from minute
 * to minute: what the clocks skip does not open, and what they show twice opens twice.
 *
 * @param spans pairs of the first and the last-plus-one minute of the week, from Sunday 00:00; in any order, none empty
 * @param at    milliseconds since the epoch
 * @returns the first whole minute of UTC after `at`, in milliseconds since the epoch; null when there are no spans
 */
export function nextOpening(spans: Uint16Array, clock: WallClock, at: number): number | null {
  let minute = Math.floor(at / MINUTE_MS) + 1;
  const horizon = minute + HORIZON_MINUTES;
  while (minute <= horizon) {
    const { until, offset } = clock.stretchAt(minute);
    const opening = minute + minutesToSpan(spans, minuteOfWeek(minute + offset));
    if (opening < until) return opening * MINUTE_MS;
    minute = until;
  }
  return null;
}

/** Minutes until the wall clock is within a span, if nobody changed it meanwhile; 0 when it is; Infinity without spans. */
function minutesToSpan(spans: Uint16Array, minute: number): number {
  let fewest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < spans.length; i += 2) {
    const first = spans[i] as number;
    if (minute >= first && minute < (spans[i + 1] as number)) return 0;
    const wait = first > minute ? first - minute : first - minute + WEEK_MINUTES;
    if (wait < fewest) fewest = wait;
  }
  return fewest;
}
