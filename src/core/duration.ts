/**
 * Durations as people write them, `100ms`, `30s`, `15m`, `24h`, `90d`: one whole number and one unit. A day is 24 hours,
 * so that a duration is always the same number of milliseconds, whatever the calendar or a time zone does.
 */
const DURATION = /^(\d{1,15})(ms|s|m|h|d)$/;

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

/**
 * @param text `90d`, `15m`, `100ms`; `0` needs no unit
 * @returns milliseconds, or null when the text is not a duration or is too long to count exactly
 */
export function parseDuration(text: string): number | null {
  if (text === '0') return 0;
  const found = DURATION.exec(text);
  if (found === null) return null;
  const ms = Number(found[1]) * UNIT_MS[found[2] as keyof typeof UNIT_MS];
  return Number.isSafeInteger(ms) ? ms : null;
}

/** Units as people read them, and how exact a text is whose largest unit it is. */
const WORDS = [
  { unit: 'd', size: UNIT_MS.d, step: UNIT_MS.h, rest: 'h' },
  { unit: 'h', size: UNIT_MS.h, step: UNIT_MS.m, rest: 'min' },
  { unit: 'min', size: UNIT_MS.m, step: UNIT_MS.s, rest: 's' },
  { unit: 's', size: UNIT_MS.s, step: UNIT_MS.s, rest: '' },
] as const;
const SECONDS = WORDS[3];

/**
 * A duration for people, `12 h 13 min`: its two largest units, rounded up, so that nothing is promised too early.
 *
 * @param ms milliseconds, zero or more
 */
export function durationText(ms: number): string {
  const { unit, size, step, rest } = WORDS.find((each) => ms >= each.size) ?? SECONDS;
  const rounded = Math.ceil(ms / step) * step;
  // That may have made it a whole one of the next larger unit.
  if (rounded > ms) return durationText(rounded);
  const more = (ms % size) / step;
  return `${Math.floor(ms / size)} ${unit}${more === 0 ? '' : ` ${more} ${rest}`}`;
}

/**
 * The shortest text that `parseDuration` reads back as the same time.
 *
 * @param ms milliseconds: a whole number, zero or more
 */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  for (const [unit, size] of Object.entries(UNIT_MS)) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
